"""Engines of every generation of TensorRT: built in a process of its own, tried, accepted, or refused with a reason."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from edge_lpr.errors import BackendUnavailable, EdgeLprError, GpuError, NetworkError
from edge_lpr.networks import engine_build, engine_files, open_network
from edge_lpr.networks.base import batch_for
from edge_lpr.networks.card import ModelCard, load_card
from edge_lpr.networks.engine_build import available_mb, engine_fault, ensure_engine, needed_engine
from edge_lpr.networks.engine_files import list_engines, load_engine, read_sidecar, remove_engine
from edge_lpr.networks.engine_key import EngineOptions, Profile, probe_pictures

Maker = Callable[..., ModelCard]
Quantise = Callable[[Path, ModelCard], ModelCard]


def order_for(engine: ModuleType, folder: Path, precision: str = "fp16", **changes: object) -> object:
    card = load_card(folder)
    shape = card.input.shape
    order = engine.Order(folder, folder / "x.plan", folder / "x.timing", precision,
                         Profile((1, *shape), (2, *shape), (8, *shape)), 64, 3)
    return replace(order, **changes)


@pytest.mark.parametrize("quantised", [False, True])
def test_every_generation_builds_and_runs_the_reader(
    quantised: bool, engine_module: ModuleType, tmp_path: Path, make_reader: Maker, quantise: Quantise
) -> None:
    card = make_reader(tmp_path, "5A23456")
    if quantised:
        quantise(tmp_path, card)
    news: list[str] = []
    path, sidecar = ensure_engine(tmp_path, EngineOptions(), lambda text, spent_s: news.append(text))
    major = int(sidecar.key.tensorrt.split(".")[0])
    assert sidecar.key.precision == ("int8" if quantised else "float" if major >= 11 else "fp16")
    assert max(sidecar.deviation.values()) < 0.02 and sidecar.plan_bytes == path.stat().st_size
    assert any("building in" in text for text in news) and any("trying it" in text for text in news)
    assert ("no fp16: TensorRT 11 takes FP16 only" in sidecar.notes) == (major >= 11 and not quantised)
    network, onnx_network = open_network(tmp_path, "tensorrt"), open_network(tmp_path, threads=1)
    pictures = probe_pictures(network.card.input.shape, 11)
    for count in (1, 3, 8, 11, 1, 1, 1, 1, 1):
        got = network.run(batch_for(network, pictures[:count]))["log_probs"]
        assert np.array_equal(got, onnx_network.run(batch_for(onnx_network, pictures[:count]))["log_probs"])
    assert network.engine._graph is not None, "one shape again and again is recorded as a graph"
    network.close()


def test_every_generation_builds_a_flexible_detector_at_one_size(
    engine_module: ModuleType, tmp_path: Path, make_detector: Maker
) -> None:
    make_detector(tmp_path, flexible=True)
    options = EngineOptions(size=(64, 32))
    ensure_engine(tmp_path, options)
    network = open_network(tmp_path, "tensorrt", engines=options)
    assert network.card.input.shape == (3, 32, 64) and not network.flexible
    assert network.run(np.zeros((1, 3, 32, 64), np.float32))["corners"].shape == (1, 8, 4, 8)
    with pytest.raises(NetworkError, match=r"a batch is \(N, 3, 32, 64\)"):
        network.run(np.zeros((1, 3, 64, 64), np.float32))
    network.close()


def test_a_network_of_a_fixed_batch_is_built_without_a_profile(
    engine_module: ModuleType, tmp_path: Path, make_reader: Maker
) -> None:
    make_reader(tmp_path, "AB1", batch=2)
    ensure_engine(tmp_path, EngineOptions())
    network = open_network(tmp_path, "tensorrt")
    assert network.input_for(1) is None and network.input_for(2) is not None
    for count in (1, 2, 3):
        assert network.run(np.zeros((count, 3, 48, 144), np.float32))["log_probs"].shape == (count, 36, 37)
    network.close()


def test_a_batch_in_the_gpus_memory_is_not_copied(
    install_tensorrt: Callable[[str], ModuleType], tmp_path: Path, make_reader: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_tensorrt("10.3.0")
    make_reader(tmp_path, "AB1")
    ensure_engine(tmp_path, EngineOptions())
    network = open_network(tmp_path, "tensorrt")
    pictures = probe_pictures(network.card.input.shape, 2)
    batch = batch_for(network, pictures)
    assert np.shares_memory(batch, network.input_for(2))
    monkeypatch.setattr(np, "copyto", lambda *_: pytest.fail("the batch was copied"))
    first = network.run(batch)["log_probs"]
    assert np.shares_memory(first, network.run(batch_for(network, pictures))["log_probs"]), "nothing is allocated"


@pytest.mark.parametrize("memory", ["integrated,cc=87", "cc=89"])
def test_both_kinds_of_memory(
    memory: str, install_tensorrt: Callable[[str], ModuleType], tmp_path: Path, make_reader: Maker,
    monkeypatch: pytest.MonkeyPatch, fake_cuda: object,
) -> None:
    monkeypatch.setenv("FAKE_CUDA", memory)
    engine = install_tensorrt("10.13.3")
    make_reader(tmp_path, "AB1")
    before = fake_cuda.fake_blocks()
    assert max(engine.build(order_for(engine, tmp_path), print).deviation.values()) == 0
    assert fake_cuda.fake_blocks() == before
    assert bool(fake_cuda.fake_calls(b"cudaMemcpyAsync")) == ("integrated" not in memory)


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        ("nobuilder", GpuError, "no builder"),
        ("nobuild", NetworkError, "Could not find any implementation"),
        ("noprofile", NetworkError, "refuses the shapes"),
        ("nocontext", GpuError, "no execution context"),
        ("openoutput", NetworkError, "open shape"),
        ("twoinputs", NetworkError, "2 inputs"),
        ("norun", GpuError, "does not run"),
        ("wrong", NetworkError, "deviates by"),
        ("rubbish", GpuError, "rubbish"),
    ],
)
def test_what_fails_in_a_build_is_told(
    words: str, error: type[EdgeLprError], said: str, engine_module: ModuleType, tmp_path: Path, make_reader: Maker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_reader(tmp_path, "AB1")
    monkeypatch.setenv("FAKE_TRT", words)
    precision = "float" if engine_module.trt.__version__.startswith("11") else "fp16"
    with pytest.raises(error, match=said):
        engine_module.build(order_for(engine_module, tmp_path, precision), print)


def test_a_graph_that_gives_other_results_is_not_used(
    engine_module: ModuleType, tmp_path: Path, make_reader: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_reader(tmp_path, "AB1")
    path, _ = ensure_engine(tmp_path, EngineOptions())
    for trt_words, cuda_words in (("graphdiff", ""), ("", ",fail=cudaStreamBeginCapture:1")):
        monkeypatch.setenv("FAKE_TRT", trt_words)
        monkeypatch.setenv("FAKE_CUDA", "integrated,cc=87" + cuda_words)
        network = open_network(tmp_path, "tensorrt")
        first = network.run(np.ones((1, 3, 48, 144), np.float32))["log_probs"].copy()
        for _ in range(5):
            assert np.array_equal(network.run(np.ones((1, 3, 48, 144), np.float32))["log_probs"], first)
        assert not network.engine.graphs and network.engine._graph is None
        network.close()


def test_a_gpu_that_failed_is_never_read_again(
    install_tensorrt: Callable[[str], ModuleType], tmp_path: Path, make_reader: Maker, monkeypatch: pytest.MonkeyPatch,
    fake_cuda: object,
) -> None:
    install_tensorrt("10.3.0")
    make_reader(tmp_path, "AB1")
    ensure_engine(tmp_path, EngineOptions())
    network = open_network(tmp_path, "tensorrt")
    network.run(np.ones((1, 3, 48, 144), np.float32))
    monkeypatch.setenv("FAKE_CUDA", "integrated,cc=87,fail=cudaStreamSynchronize:1")
    for _ in range(2):
        with pytest.raises(GpuError, match="719"):
            network.run(np.ones((1, 3, 48, 144), np.float32))
        monkeypatch.setenv("FAKE_CUDA", "integrated,cc=87")
    network.close()
    with pytest.raises(GpuError):
        network.run(np.ones((1, 3, 48, 144), np.float32))


def test_a_shape_or_buffer_that_is_refused_is_told(
    install_tensorrt: Callable[[str], ModuleType], tmp_path: Path, make_reader: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = install_tensorrt("10.3.0")
    make_reader(tmp_path, "AB1")
    plan = engine.compile_plan(order_for(engine, tmp_path), tmp_path / "lprnet.onnx", 10, print)
    loaded = engine.Engine(plan, engine.probe())
    with pytest.raises(GpuError, match="refuses the input shape"):
        loaded._shape_input("image", (9, 3, 48, 144))
    monkeypatch.setattr(loaded._cuda, "buffer", lambda size: type("Elsewhere", (), {"device": 4096})())
    with pytest.raises(GpuError, match="refuses the buffer"):
        loaded._slot("image", (1, 3, 48, 144))


@pytest.mark.parametrize("words", ["crash", "hang"])
def test_a_build_that_crashes_or_hangs_harms_nobody(
    words: str, install_tensorrt: Callable[[str], ModuleType], tmp_path: Path, make_reader: Maker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install_tensorrt("10.3.0")
    make_reader(tmp_path, "AB1")
    monkeypatch.setenv("FAKE_TRT", words)
    monkeypatch.setattr(engine_build, "LOOK_EVERY_S", 0.05)
    said = "signal 11" if words == "crash" else "stopped after 2 s"
    with pytest.raises(NetworkError, match=said):
        ensure_engine(tmp_path, EngineOptions(timeout_s=120 if words == "crash" else 2))
    assert list(tmp_path.glob("*.plan")) == [] and list(tmp_path.glob(".building*")) == []


def test_a_build_gives_way_when_memory_ends(
    install_tensorrt: Callable[[str], ModuleType], tmp_path: Path, make_reader: Maker
) -> None:
    install_tensorrt("10.3.0")
    make_reader(tmp_path, "AB1")
    with pytest.raises(NetworkError, match=r"stopped: \d+ MB of memory are left, not 100000000"):
        ensure_engine(tmp_path, EngineOptions(reserve_mb=100_000_000))
    assert available_mb() > 0 and available_mb(tmp_path / "absent") > 10**6


def test_what_is_there_and_good_is_not_built_again(
    install_tensorrt: Callable[[str], ModuleType], tmp_path: Path, make_reader: Maker
) -> None:
    install_tensorrt("10.3.0")
    make_reader(tmp_path, "AB1")
    options = EngineOptions(folder=tmp_path / "plans" / "lprnet")
    assert engine_fault(tmp_path, options) == "not built yet"
    path, first = ensure_engine(tmp_path, options)
    assert path.parent == options.folder and engine_fault(tmp_path, options) == ""
    assert ensure_engine(tmp_path, options) == (path, None)
    assert ensure_engine(tmp_path, options, again=True)[1].key == first.key
    assert read_sidecar(path).plan_sha256 == first.plan_sha256
    assert [one.fault for one in list_engines(options.folder)] == [""]
    assert (options.folder / "10.3.0-Fake_GPU.timing").read_bytes() == b"TIMINGS"
    assert (tmp_path / "card.json").exists() and not list(tmp_path.glob("*.plan"))


@pytest.mark.parametrize("harm", ["cut", "flipped", "no sidecar", "bad sidecar", "other version", "renamed"])
def test_a_damaged_or_stale_engine_is_rebuilt_and_never_loaded(
    harm: str, install_tensorrt: Callable[[str], ModuleType], tmp_path: Path, make_reader: Maker
) -> None:
    install_tensorrt("10.3.0")
    make_reader(tmp_path, "AB1")
    path, sidecar = ensure_engine(tmp_path, EngineOptions())
    beside, content = path.with_suffix(".json"), path.read_bytes()
    raw = json.loads(beside.read_text())
    if harm == "cut":
        path.write_bytes(content[:-9])
    elif harm == "flipped":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif harm == "no sidecar":
        beside.unlink()
    elif harm == "bad sidecar":
        beside.write_text("{")
    elif harm == "other version":
        beside.write_text(json.dumps({**raw, "version": 99}))
    else:
        beside.write_text(json.dumps({**raw, "key": {**raw["key"], "gpu": "Orin"}}))
    fault = {"cut": "damaged", "flipped": "damaged", "renamed": "stale: gpu was 'Orin', is 'Fake GPU'"}
    assert fault.get(harm, "not the sidecar") in engine_fault(tmp_path, EngineOptions())
    with pytest.raises(NetworkError, match=fault.get(harm, "not the sidecar")):
        open_network(tmp_path, "tensorrt")
    assert bool(list_engines(tmp_path)[0].fault) == (harm != "renamed")
    assert ensure_engine(tmp_path, EngineOptions())[1].key == sidecar.key
    open_network(tmp_path, "tensorrt").close()


def test_another_tensorrt_or_gpu_needs_another_engine(
    install_tensorrt: Callable[[str], ModuleType], tmp_path: Path, make_reader: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_tensorrt("10.3.0")
    make_reader(tmp_path, "AB1")
    path, _ = ensure_engine(tmp_path, EngineOptions())
    monkeypatch.setenv("FAKE_CUDA", "integrated,cc=110")
    assert engine_fault(tmp_path, EngineOptions()) == "not built yet"
    monkeypatch.setenv("FAKE_CUDA", "integrated,cc=87")
    install_tensorrt("8.6.2")
    with pytest.raises(NetworkError, match="not built yet: edge-lpr engines build"):
        open_network(tmp_path, "tensorrt")
    needed = needed_engine(tmp_path, EngineOptions())
    key, other = needed.key, needed.path
    assert other != path and key.tensorrt == "8.6.2"
    other.write_bytes(path.read_bytes())
    other.with_suffix(".json").write_text(path.with_suffix(".json").read_text())
    with pytest.raises(NetworkError, match=r"tensorrt was '10.3.0', is '8.6.2'"):
        load_engine(other, key)
    remove_engine(other)
    remove_engine(other)


def test_a_plan_of_another_tensorrt_is_refused_with_its_reason(
    install_tensorrt: Callable[[str], ModuleType], tmp_path: Path, make_reader: Maker
) -> None:
    engine = install_tensorrt("10.3.0")
    make_reader(tmp_path, "AB1")
    plan = engine.compile_plan(order_for(engine, tmp_path), tmp_path / "lprnet.onnx", 10, print)
    engine = install_tensorrt("11.4.0")
    with pytest.raises(NetworkError, match=r"TensorRT 11.4.0 does not load the engine.*Version tag does not match"):
        engine.Engine(plan, engine.probe())


def test_an_engine_that_is_not_the_cards_is_refused(
    install_tensorrt: Callable[[str], ModuleType], tmp_path: Path, make_reader: Maker
) -> None:
    engine = install_tensorrt("10.3.0")
    make_reader(tmp_path, "AB1")
    ensure_engine(tmp_path, EngineOptions())
    network = open_network(tmp_path, "tensorrt")
    card = replace(network.card, outputs={"log_probs": "other"})
    plan = load_engine(network.path, read_sidecar(network.path).key)
    with pytest.raises(NetworkError, match="the card says"):
        network._start(plan, engine.probe(), card)


def test_the_deep_learning_accelerator_is_used_when_asked_for(
    engine_module: ModuleType, tmp_path: Path, make_reader: Maker
) -> None:
    make_reader(tmp_path, "AB1")
    precision = "float" if engine_module.trt.__version__.startswith("11") else "fp16"
    engine_module.build(order_for(engine_module, tmp_path, precision, dla=1), print)
    with pytest.raises(NetworkError, match="no number 2"):
        engine_module.build(order_for(engine_module, tmp_path, precision, dla=2), print)


def test_a_timing_cache_that_does_not_suit_is_begun_anew(
    engine_module: ModuleType, tmp_path: Path, make_reader: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_reader(tmp_path, "AB1")
    precision = "float" if engine_module.trt.__version__.startswith("11") else "fp16"
    order = order_for(engine_module, tmp_path, precision)
    for words, content in (("", b"of another"), ("badcache", b"broken")):
        monkeypatch.setenv("FAKE_TRT", words)
        order.cache.write_bytes(content)
        engine_module.build(order, print)
        assert order.cache.read_bytes() == b"TIMINGS"


def test_a_graph_that_tensorrt_cannot_read_is_named(
    engine_module: ModuleType, tmp_path: Path, make_reader: Maker
) -> None:
    make_reader(tmp_path, "AB1")
    (tmp_path / "lprnet.onnx").write_bytes(b"not a network")
    with pytest.raises(NetworkError, match=r"lprnet.onnx: TensorRT cannot read it: In node -1"):
        engine_module.build(order_for(engine_module, tmp_path), print)
    with pytest.raises(NetworkError, match="SHA-256 is not its model card's"):
        needed_engine(tmp_path, EngineOptions())
    (tmp_path / "lprnet.onnx").unlink()
    for take in (lambda: needed_engine(tmp_path, EngineOptions()), lambda: open_network(tmp_path, "tensorrt")):
        with pytest.raises(NetworkError, match="cannot be read"):
            take()


def test_the_builds_process_takes_its_order_from_stdin(
    install_tensorrt: Callable[[str], ModuleType], tmp_path: Path, make_reader: Maker, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What the child does, once more in this process."""
    import io
    from dataclasses import asdict

    engine = install_tensorrt("10.3.0")
    make_reader(tmp_path, "AB1")
    raw = asdict(order_for(engine, tmp_path))
    text = json.dumps({**raw, **{name: str(raw[name]) for name in ("card", "plan", "cache")}})
    for expected in (0, 1):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        assert engine.main() == expected
        last = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert ("built" in last) == (expected == 0) and ("failed" in last) == (expected == 1)
        (tmp_path / "card.json").unlink(missing_ok=True)


def test_without_tensorrt_the_error_says_what_to_install(tmp_path: Path, make_reader: Maker,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    make_reader(tmp_path, "AB1")
    for name in ("edge_lpr.networks.engine", "edge_lpr.networks.tensorrt"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(BackendUnavailable, match="python3-libnvinfer"):
        needed_engine(tmp_path, EngineOptions())
    with pytest.raises(BackendUnavailable, match="system-site-packages"):
        open_network(tmp_path, "tensorrt")


def test_a_folder_that_cannot_be_written_to_is_named(
    install_tensorrt: Callable[[str], ModuleType], tmp_path: Path, make_reader: Maker
) -> None:
    install_tensorrt("10.3.0")
    make_reader(tmp_path, "AB1")
    (tmp_path / "file").write_text("")
    with pytest.raises(NetworkError, match="engines cannot be kept in"):
        ensure_engine(tmp_path, EngineOptions(folder=tmp_path / "file" / "below"))


def test_two_at_once_build_once(
    install_tensorrt: Callable[[str], ModuleType], tmp_path: Path, make_reader: Maker
) -> None:
    import threading

    install_tensorrt("10.3.0")
    make_reader(tmp_path, "AB1")
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(ensure_engine(tmp_path, EngineOptions())[1]))
               for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result is None for result in results) == [False, True]
    assert engine_files.list_engines(tmp_path)[0].fault == ""


def save_int8_variant(folder: Path, card: ModelCard, quantise: Quantise, made_from: str = "") -> None:
    """card.int8.json and its network beside the float ones, as `edge-lpr calibrate` leaves them."""
    import shutil

    from edge_lpr.networks.card import write_card

    other = folder / "other"
    other.mkdir()
    for name in ("card.json", card.file):
        shutil.copy2(folder / name, other / name)
    made = quantise(other, card)
    shutil.copy2(other / card.file, folder / "lprnet.int8.onnx")
    write_card(replace(made, file="lprnet.int8.onnx", precision="int8",
                       quantisation={"float_sha256": made_from or card.sha256, "scales_sha256": "s"}),
               folder / "card.int8.json")


def test_of_a_folder_the_int8_variant_is_built_where_the_gpu_has_int8(
    engine_module: ModuleType, tmp_path: Path, make_reader: Maker, quantise: Quantise, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = make_reader(tmp_path, "5A23456")
    save_int8_variant(tmp_path, card, quantise)
    needed = needed_engine(tmp_path, EngineOptions())
    assert needed.key.precision == "int8" and needed.key.calibration == "s" and "lprnet.int8-" in needed.path.name
    order = order_for(engine_module, tmp_path, "int8", card=needed.card_path)
    assert max(engine_module.build(order, print).deviation.values()) < 0.02
    assert needed_engine(tmp_path / "card.json", EngineOptions()).card.precision == "float32", "a card named is meant"
    monkeypatch.setenv("FAKE_CUDA", "integrated,cc=53")
    assert needed_engine(tmp_path, EngineOptions()).card.precision == "float32", "a GPU without INT8"


def test_an_int8_variant_of_other_weights_is_not_built(
    install_tensorrt: Callable[[str], ModuleType], tmp_path: Path, make_reader: Maker, quantise: Quantise
) -> None:
    install_tensorrt("10.3.0")
    save_int8_variant(tmp_path, make_reader(tmp_path, "5A23456"), quantise, made_from="other")
    assert needed_engine(tmp_path, EngineOptions()).key.precision == "fp16"


def test_words_that_libraries_print_are_passed_over() -> None:
    assert [engine_build._words(line) for line in (b"[TRT] hello", b"7", b'{"say": "x"}')] == [{}, {}, {"say": "x"}]


def test_a_build_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    monkeypatch.setattr(engine_build, "STOP_AFTER_S", 0.1)
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(100)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    assert child.stdout.readline() == b"deaf\n"
    engine_build._end(child)
    assert child.returncode == -9
