"""NVIDIA's own LPDNet and LPRNet: the model cards of what TAO 5 exports, and their way into a folder of networks.

The weights are NVIDIA's: users fetch them from NGC and accept NVIDIA's licence there; none are part of this project.
Tensors and decodes are those of NVIDIA's open tools (tao_deploy, deepstream_lpr_app).
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from edge_lpr.errors import NetworkError
from edge_lpr.networks.card import InputSpec, ModelCard, sha256_of, write_card
from edge_lpr.networks.onnx import OnnxNetwork
from edge_lpr.outputs import nearest

ALPHABET_US = "0123456789ABCDEFGHIJKLMNPQRSTUVWXYZ"
"""NVIDIA's us_lp_characters.txt: no letter O, which is read as zero."""
DICTIONARY_LIMIT = 200
ROLES = {"detect": "lpdnet", "read": "lprnet"}
"""Task -> the folder's name, as the recogniser looks for it."""


def _lpdnet(name: str, height: int, width: int) -> ModelCard:
    return ModelCard(
        task="detect",
        name=name,
        file="lpdnet.onnx",
        input=InputSpec("input_1:0", (3, height, width), colour="rgb", scale=1 / 255, resize="stretch"),
        outputs={"coverage": "output_cov/Sigmoid:0", "boxes": "output_bbox/BiasAdd:0"},
        decoder="gridbox",
        parameters={"stride": 16.0, "box_scale": 35.0, "centre_offset": 0.5, "threshold": 0.3, "nms_iou": 0.3},
    )


def _lprnet(name: str, alphabet: str) -> ModelCard:
    return ModelCard(
        task="read",
        name=name,
        file="lprnet.onnx",
        input=InputSpec("image_input", (3, 48, 96), colour="rgb", scale=1 / 255, resize="stretch"),
        outputs={"indices": "tf_op_layer_ArgMax", "probs": "tf_op_layer_Max"},
        decoder="ctc_path",
        alphabet=alphabet,
        parameters={"most_rows": 1.0},
    )


CARDS = {
    "lpdnet-usa": _lpdnet("NVIDIA LPDNet, USA", 480, 640),
    "lpdnet-ccpd": _lpdnet("NVIDIA LPDNet, CCPD", 1168, 720),
    "lprnet-us": _lprnet("NVIDIA LPRNet, USA", ALPHABET_US),
    "lprnet-ch": _lprnet("NVIDIA LPRNet, China", ""),
}
"""Name for `edge-lpr engines import --card` -> what the file must keep. China's characters come from its dictionary."""


def import_network(onnx: Path, card_name: str, folder: Path, dictionary: Path | None = None) -> Path:
    """Check that an ONNX file keeps a card of `CARDS`, run it once, and put both into `folder`/lpdnet or /lprnet.

    `dictionary` a text file with one character a line, in the order of the classes. Gives the network's folder. Raises
    NetworkError naming what does not fit; what was there before stays then.
    """
    if card_name not in CARDS:
        raise NetworkError(f"no card {card_name!r}; there are: {', '.join(CARDS)}")
    card = CARDS[card_name]
    if onnx.suffix in (".etlt", ".tlt", ".hdf5"):
        raise NetworkError(f"{onnx}: an encrypted TAO file; take the ONNX of the same model (..._tao5.onnx)")
    if dictionary is not None:
        card = replace(card, alphabet=read_dictionary(dictionary))
    if card.task == "read" and not card.alphabet:
        raise NetworkError(f"{card_name}: name its characters: --dictionary FILE (NVIDIA's ch_lp_characters.txt)")
    target = folder / ROLES[card.task]
    try:
        with tempfile.TemporaryDirectory(prefix=".import-", dir=nearest(folder)) as place:
            copy = Path(place) / card.file
            shutil.copyfile(onnx, copy)
            write_card(replace(card, sha256=sha256_of(copy)), Path(place) / "card.json")
            try:
                _try(Path(place))
            except NetworkError as error:
                raise NetworkError(str(error).replace(str(copy), str(onnx))) from error
            target.mkdir(parents=True, exist_ok=True)
            for name in (card.file, "card.json"):
                (Path(place) / name).replace(target / name)
    except OSError as error:
        raise NetworkError(f"{onnx}: cannot be imported: {error}") from error
    return target


def read_dictionary(path: Path) -> str:
    """The characters of a dictionary file, one a line. Raises NetworkError."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as error:
        raise NetworkError(f"{path}: not a dictionary: {error}") from error
    wrong = [line for line in lines if len(line) != 1]
    if wrong or not 2 <= len(lines) <= DICTIONARY_LIMIT or len(set(lines)) != len(lines):
        what = f"{wrong[0]!r} is no single character" if wrong else f"{len(lines)} characters, or one of them twice"
        raise NetworkError(f"{path}: not a dictionary of one character a line: {what}")
    return "".join(lines)


def _try(folder: Path) -> None:
    """Run the network once on black and white, and see that its outputs have the shape that their decode needs."""
    network = OnnxNetwork(folder, threads=1)
    card = network.card
    batch = np.stack([np.full(card.input.shape, value, np.float32) for value in (0.0, 1.0)])
    got = network.run(batch)
    if card.task == "detect":
        stride = card.parameters["stride"]
        rows, columns = (round(side / stride) for side in card.input.shape[1:])
        fits = got["coverage"].size == 2 * rows * columns and got["boxes"].size == 8 * rows * columns
        wanted = f"coverage (2, 1, {rows}, {columns}) and boxes (2, 4, {rows}, {columns})"
    else:
        indices = got["indices"]
        whole = np.issubdtype(indices.dtype, np.integer)
        fits = indices.ndim == 2 and whole and got["probs"].shape == indices.shape
        wanted = "whole numbers and floats, both (2, steps)"
        if fits and not 0 <= int(indices.min()) <= int(indices.max()) <= len(card.alphabet):
            raise NetworkError(f"{card.name}: it gives class {int(indices.max())}; its dictionary has"
                               f" {len(card.alphabet)} characters and the blank: not the dictionary of this network")
    if not fits:
        shapes = {role: (value.dtype.name, value.shape) for role, value in got.items()}
        raise NetworkError(f"{card.name}: the outputs are {shapes}, needed are {wanted}")
