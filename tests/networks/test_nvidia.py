"""NVIDIA's own networks drop in: ONNX graphs made here with exactly their tensors, from the file to the gate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from edge_lpr.errors import NetworkError
from edge_lpr.gate.evidence import weigh
from edge_lpr.gate.plate_text import PlateTextError, normalise_plate
from edge_lpr.networks import open_network
from edge_lpr.networks.engine_build import ensure_engine
from edge_lpr.networks.engine_key import EngineOptions
from edge_lpr.networks.nvidia import ALPHABET_US, CARDS, import_network, read_dictionary
from edge_lpr.recognition.detect import PlateDetector
from edge_lpr.recognition.read import SUREST_PATH_CHAR, PlateReader
from edge_lpr.recognition.recognise import PlateRecogniser
from edge_lpr.records import Arrival, Detection, PlateCrop, Sighting

onnx = pytest.importorskip("onnx", reason="onnx makes the test networks")
node, FLOAT, INT32 = onnx.helper.make_node, onnx.TensorProto.FLOAT, onnx.TensorProto.INT32


def save(path: Path, nodes: list, inputs: list, outputs: list, constants: dict[str, np.ndarray]) -> Path:
    values = [[onnx.helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in some]
              for some in (inputs, outputs)]
    graph = onnx.helper.make_graph(nodes, "nvidia", *values,
                                   [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=7)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def save_lpdnet(path: Path, size: tuple[int, int] = (480, 640), batch: int | str = "unk__1") -> Path:
    """LPDNet's tensors: coverage is how much redder than green a 16x16 cell is; boxes reach 30, 12, 30, 12 pixels."""
    weights = np.zeros((1, 3, 16, 16), np.float32)
    weights[0, 0], weights[0, 1] = 12 / 256, -12 / 256
    nodes = [
        node("Conv", ["input_1:0", "w"], ["red"], strides=[16, 16]),
        node("Add", ["red", "shift"], ["logit"]),
        node("Sigmoid", ["logit"], ["output_cov/Sigmoid:0"]),
        node("Conv", ["input_1:0", "none", "reach"], ["output_bbox/BiasAdd:0"], strides=[16, 16]),
    ]
    constants = {"w": weights, "shift": np.float32([-6.0]), "none": np.zeros((4, 3, 16, 16), np.float32),
                 "reach": np.float32([30, 12, 30, 12]) / 35}
    rows, columns = size[0] // 16, size[1] // 16
    return save(path, nodes, [("input_1:0", FLOAT, [batch, 3, *size])],
                [("output_cov/Sigmoid:0", FLOAT, [batch, 1, rows, columns]),
                 ("output_bbox/BiasAdd:0", FLOAT, [batch, 4, rows, columns])], constants)


def save_lprnet(path: Path, classes: list[int], probs: list[float], batch: int | str = "unk__1") -> Path:
    """LPRNet's tensors: the same 24 steps whatever it sees, channels summed first."""
    nodes = [
        node("ReduceSum", ["image_input", "all"], ["sum"], keepdims=0),
        node("Mul", ["sum", "zero"], ["nothing"]),
        node("Unsqueeze", ["nothing", "last"], ["column"]),
        node("Add", ["column", "probs"], ["tf_op_layer_Max"]),
        node("Add", ["column", "classes"], ["sharp"]),
        node("Cast", ["sharp"], ["tf_op_layer_ArgMax"], to=INT32),
    ]
    constants = {"all": np.array([1, 2, 3]), "zero": np.float32(0).reshape(()), "last": np.array([1]),
                 "probs": np.float32(probs)[None], "classes": np.float32(classes)[None]}
    return save(path, nodes, [("image_input", FLOAT, [batch, 3, 48, 96])],
                [("tf_op_layer_ArgMax", INT32, [batch, 24]), ("tf_op_layer_Max", FLOAT, [batch, 24])], constants)


def steps(text: str, alphabet: str = ALPHABET_US, prob: float = 0.999) -> tuple[list[int], list[float]]:
    """24 steps that read `text`: each character two steps long, the second one surer, a blank between."""
    classes, probs = [len(alphabet)] * 24, [0.99] * 24
    for at, char in enumerate(text):
        classes[3 * at : 3 * at + 2] = [alphabet.index(char)] * 2
        probs[3 * at : 3 * at + 2] = [prob, 1.0]
    return classes, probs


def import_both(tmp_path: Path, text: str = "7ABC123", prob: float = 0.999) -> Path:
    folder = tmp_path / "engines"
    import_network(save_lpdnet(tmp_path / "LPDNet_usa_pruned_tao5.onnx"), "lpdnet-usa", folder)
    import_network(save_lprnet(tmp_path / "us_lprnet_baseline18_deployable.onnx", *steps(text, prob=prob)),
                   "lprnet-us", folder)
    return folder


def test_a_picture_is_read_with_nvidias_networks(tmp_path: Path) -> None:
    """1280x960 is stretched to 640x480: a red cell at (column 10, row 20) has its centre at 160.5, 320.5 there."""
    picture = np.zeros((960, 1280, 3), np.uint8)
    picture[640:672, 320:352, 0] = 255
    (plate,) = PlateRecogniser(engines=import_both(tmp_path), threads=1).plates(picture)
    assert plate.text == "7ABC123"
    assert plate.box == pytest.approx((2 * (160.5 - 30), 2 * (320.5 - 12), 120, 48), abs=0.5)
    assert plate.corners[2].tolist() == pytest.approx([2 * 190.5, 2 * 332.5], abs=0.5)


def test_the_picture_is_stretched_red_is_first_and_doubles_are_one(tmp_path: Path) -> None:
    import_network(save_lpdnet(tmp_path / "x.onnx"), "lpdnet-usa", tmp_path / "e")
    detector = PlateDetector(open_network(tmp_path / "e" / "lpdnet", threads=1))
    wide = np.zeros((480, 1280, 3), np.uint8)
    wide[320:336, 320:384, 0] = 255  # two cells side by side
    (found,) = detector.detect(wide)
    x, _, w, h = found.box
    assert (w, h) == pytest.approx((120, 24), abs=0.5) and x == pytest.approx(2 * (160.5 - 30), abs=33)
    wide[..., 0], wide[..., 2] = 0, wide[..., 0].copy()
    assert detector.detect(wide) == (), "blue is not red"
    assert detector.threshold == 0.3 and detector.verifier is None


def test_the_chinese_detector_has_a_size_of_its_own(tmp_path: Path) -> None:
    import_network(save_lpdnet(tmp_path / "x.onnx", (1168, 720)), "lpdnet-ccpd", tmp_path / "e")
    detector = PlateDetector(open_network(tmp_path / "e" / "lpdnet", threads=1))
    tall = np.zeros((1168, 720, 3), np.uint8)
    tall[800:816, 320:336, 0] = 255
    assert detector.detect(tall)[0].box == pytest.approx((320.5 - 30, 800.5 - 12, 60, 24), abs=0.5)


def test_confidence_is_of_the_first_step_and_no_surer_than_can_be(tmp_path: Path) -> None:
    folder = import_both(tmp_path, prob=0.6)
    reader = PlateReader(open_network(folder / "lprnet", threads=1), ["us"])
    reading = reader.read([np.full((30, 90, 3), 120, np.uint8)])[0]
    assert reading.text == "7ABC123" and reading.log_probs is None
    assert reading.char_probs == pytest.approx([0.6] * 7) and reading.confidence == pytest.approx(0.6**7)
    sure = PlateReader(open_network(import_both(tmp_path, prob=1.0) / "lprnet", threads=1))
    assert sure.read([np.full((30, 90, 3), 120, np.uint8)])[0].confidence == pytest.approx(SUREST_PATH_CHAR**7)


def test_a_square_plate_is_read_as_one_row_as_the_network_knows_no_other(tmp_path: Path) -> None:
    reader = PlateReader(open_network(import_both(tmp_path) / "lprnet", threads=1))
    assert reader.read([np.full((60, 60, 3), 120, np.uint8)])[0].rows == 1


def sightings(texts: list[str], folder: Path, tmp_path: Path) -> list[Sighting]:
    seen = []
    for at, text in enumerate(texts):
        import_network(save_lprnet(tmp_path / "x.onnx", *steps(text)), "lprnet-us", folder)
        reading = PlateReader(open_network(folder / "lprnet", threads=1)).read([np.zeros((30, 90, 3), np.uint8)])[0]
        corners = np.float32([[0, 0], [90, 0], [90, 30], [0, 30]]) * (1 + at / 4) + 40 * at
        crop = PlateCrop(np.zeros((30, 90, 3), np.uint8), Detection(corners, 0.9), at, 100.0)
        seen.append(Sighting(crop, reading, 0.4 * at))
    return seen


def arrival(some: list[Sighting]) -> Arrival:
    return Arrival("1", "gate", 0.0, 2.0, some)


def test_evidence_of_best_paths_grows_with_frames_that_agree(tmp_path: Path) -> None:
    same = sightings(["7ABC123"] * 4, tmp_path / "e", tmp_path)
    alone = weigh(arrival(same[:1]))
    assert alone.text == "7ABC123" and 0.7 < alone.confidence < 0.87, "one frame alone opens nothing by default"
    together = weigh(arrival(same))
    assert together.text == "7ABC123" and together.confidence > 0.97
    torn = weigh(arrival(sightings(["7ABC123", "7A8C123", "7ABC123", "7ABC12"], tmp_path / "e", tmp_path)))
    assert torn.text == "7ABC123" and torn.confidence < together.confidence
    split = weigh(arrival(sightings(["7ABC123", "7A8C123"], tmp_path / "e", tmp_path)))
    assert split.confidence < 0.8, "frames that contradict each other open nothing"


def test_engines_of_nvidias_networks(engine_module: ModuleType, tmp_path: Path) -> None:
    """Int32 outputs, an LSTM-like reader that stays in FP16 or float, and a batch axis that TAO leaves free."""
    folder = import_both(tmp_path)
    for name in ("lpdnet", "lprnet"):
        _, sidecar = ensure_engine(folder / name, EngineOptions())
        assert sidecar.key.precision in ("fp16", "float") and max(sidecar.deviation.values()) < 0.02
    picture = np.zeros((960, 1280, 3), np.uint8)
    picture[640:672, 320:352, 0] = 255
    (plate,) = PlateRecogniser(engines=folder, backend="tensorrt").plates(picture)
    assert plate.text == "7ABC123"


@pytest.mark.parametrize("batch", [1, "N"])
def test_china_reads_with_its_dictionary(batch: int | str, tmp_path: Path) -> None:
    alphabet = "京沪粤" + ALPHABET_US
    (tmp_path / "ch.txt").write_text("\n".join(alphabet) + "\n", encoding="utf-8")
    assert read_dictionary(tmp_path / "ch.txt") == alphabet
    file = save_lprnet(tmp_path / "ch.onnx", *steps("沪A1B2C3", alphabet), batch)
    with pytest.raises(NetworkError, match="--dictionary"):
        import_network(file, "lprnet-ch", tmp_path / "e")
    import_network(file, "lprnet-ch", tmp_path / "e", tmp_path / "ch.txt")
    reader = PlateReader(open_network(tmp_path / "e" / "lprnet", threads=1))
    assert reader.read([np.zeros((30, 90, 3), np.uint8)] * 3)[2].text == "沪A1B2C3"


def test_a_list_may_hold_a_plate_of_china() -> None:
    assert normalise_plate("沪 A·1b2c3") == "沪A1B2C3"
    with pytest.raises(PlateTextError):
        normalise_plate("한A1B2C3")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("card", "no card 'x'; there are: lpdnet-usa"),
        ("etlt", "encrypted TAO file"),
        ("absent", "cannot be imported"),
        ("wrong one", "names one input"),
        ("grid", "the outputs are"),
        ("floats", "needed are whole numbers"),
        ("dictionary", "not the dictionary of this network"),
        ("long words", "'AB' is no single character"),
        ("doubles", "one of them twice"),
        ("no text", "not a dictionary"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_replaced(harm: str, said: str, tmp_path: Path) -> None:
    folder = import_both(tmp_path)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    file, card, dictionary = save_lpdnet(tmp_path / "x.onnx"), "lpdnet-usa", None
    if harm == "card":
        card = "x"
    elif harm == "etlt":
        file = tmp_path / "usa_pruned.etlt"
    elif harm == "absent":
        file = tmp_path / "absent.onnx"
    elif harm == "wrong one":
        card = "lprnet-us"
    elif harm == "grid":
        file = save_bad_grid(tmp_path / "y.onnx")
    elif harm == "floats":
        file, card = save_float_path(tmp_path / "y.onnx"), "lprnet-us"
    else:
        words = {"dictionary": "A\nB\n", "long words": "A\nAB\n", "doubles": "A\nA\n", "no text": ""}[harm]
        dictionary, card = tmp_path / "d.txt", "lprnet-us"
        dictionary.write_bytes(words.encode() or b"\xff\xfe\xff")
        file = save_lprnet(tmp_path / "y.onnx", *steps("7ABC123"))
    with pytest.raises(NetworkError, match=said):
        import_network(file, card, folder, dictionary)
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def save_bad_grid(path: Path) -> Path:
    """Right names, a stride of 32."""
    nodes = [node("Conv", ["input_1:0", "w1"], ["output_cov/Sigmoid:0"], strides=[32, 32]),
             node("Conv", ["input_1:0", "w4"], ["output_bbox/BiasAdd:0"], strides=[32, 32])]
    return save(path, nodes, [("input_1:0", FLOAT, ["n", 3, 480, 640])],
                [("output_cov/Sigmoid:0", FLOAT, ["n", 1, 15, 20]), ("output_bbox/BiasAdd:0", FLOAT, ["n", 4, 15, 20])],
                {"w1": np.zeros((1, 3, 32, 32), np.float32), "w4": np.zeros((4, 3, 32, 32), np.float32)})


def save_float_path(path: Path) -> Path:
    """Right names, but the classes are no whole numbers."""
    nodes = [node("ReduceSum", ["image_input", "most"], ["tf_op_layer_ArgMax"], keepdims=0),
             node("Identity", ["tf_op_layer_ArgMax"], ["tf_op_layer_Max"])]
    return save(path, nodes, [("image_input", FLOAT, ["n", 3, 48, 96])],
                [("tf_op_layer_ArgMax", FLOAT, ["n", 96]), ("tf_op_layer_Max", FLOAT, ["n", 96])],
                {"most": np.array([1, 2])})


def test_the_cards_are_what_the_commands_offer() -> None:
    from edge_lpr.cli.engines import CARD_NAMES

    assert set(CARD_NAMES) == set(CARDS)
    assert len(ALPHABET_US) == 35 and "O" not in ALPHABET_US


def test_classes_beyond_the_alphabet_are_refused_while_reading(
    tmp_path: Path, make_reader: Callable[..., object]
) -> None:
    network = open_network(import_both(tmp_path) / "lprnet", threads=1)
    reader = PlateReader(network)
    with pytest.raises(NetworkError, match="do not fit"):
        reader._decode_path({"indices": np.array([[99]]), "probs": np.array([[1.0]])}, [1])
    assert reader._decode_path({"indices": np.array([[1, 35]])}, [1])[0].char_probs == (pytest.approx(0.9),)
