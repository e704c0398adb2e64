"""The ONNX Runtime backend keeps the card's contract, or says what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_lpr import networks
from edge_lpr.errors import BackendUnavailable, NetworkError
from edge_lpr.networks import open_network
from edge_lpr.networks.base import to_batch
from edge_lpr.networks.card import InputSpec, write_card


def test_run_gives_outputs_by_role(tmp_path, make_detector):
    make_detector(tmp_path)
    network = open_network(tmp_path, threads=1)
    outputs = network.run(np.zeros((2, 3, 480, 640), np.float32))
    assert {role: value.shape for role, value in outputs.items()} == {
        "coverage": (2, 1, 60, 80),
        "boxes": (2, 4, 60, 80),
        "corners": (2, 8, 60, 80),
    }
    assert not network.flexible


def test_free_axes_make_a_network_flexible(tmp_path, make_detector):
    make_detector(tmp_path, flexible=True)
    network = open_network(tmp_path)
    assert network.flexible
    assert network.run(np.zeros((1, 3, 32, 64), np.float32))["coverage"].shape == (1, 1, 4, 8)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_fixed_batch_is_fed_in_slices(tmp_path, make_reader, count):
    make_reader(tmp_path, "AB1", batch=2)
    outputs = open_network(tmp_path, threads=1).run(np.zeros((count, 3, 48, 144), np.float32))
    assert outputs["log_probs"].shape == (count, 36, 37)


def test_a_changed_file_is_refused(tmp_path, make_reader):
    card = make_reader(tmp_path, "AB1")
    file = tmp_path / card.file
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(NetworkError, match="SHA-256"):
        open_network(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": InputSpec("picture", (3, 48, 144))}, "names one input 'picture'"),
        ({"input": InputSpec("image", (3, 48, 96))}, "card says float"),
        ({"outputs": {"log_probs": "logits"}}, "outputs"),
        ({"file": "absent.onnx"}, "cannot be read"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(tmp_path, make_reader, change, message):
    card = make_reader(tmp_path, "AB1")
    write_card(replace(card, **change), tmp_path / "card.json")
    with pytest.raises(NetworkError, match=message):
        open_network(tmp_path)


def test_a_damaged_file_is_one_clear_error(tmp_path, make_reader):
    card = make_reader(tmp_path, "AB1")
    (tmp_path / card.file).write_bytes(b"not a network")
    write_card(replace(card, sha256=""), tmp_path / "card.json")
    with pytest.raises(NetworkError, match="not an ONNX network"):
        open_network(tmp_path)


def test_a_batch_that_does_not_fit_is_a_network_error(tmp_path, make_reader):
    make_reader(tmp_path, "AB1")
    network = open_network(tmp_path)
    with pytest.raises(NetworkError, match="run failed"):
        network.run(np.zeros((1, 3, 48, 96), np.float32))
    with pytest.raises(NetworkError, match="N >= 1"):
        network.run(np.zeros((0, 3, 48, 144), np.float32))


def test_unknown_backend_names_the_known(tmp_path):
    with pytest.raises(BackendUnavailable, match="onnx"):
        open_network(tmp_path, backend="abacus")


def test_missing_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(networks.BACKENDS, "absent", ("edge_lpr.networks.absent", "Absent", "pip install absent"))
    with pytest.raises(BackendUnavailable, match="pip install absent"):
        open_network(tmp_path, backend="absent")


def test_to_batch_scales_and_reorders():
    pictures = np.zeros((1, 2, 2, 3), np.uint8)
    pictures[0, 1, 0] = (255, 51, 0)
    batch = to_batch(pictures, InputSpec("x", (3, 2, 2)))
    assert batch.dtype == np.float32 and batch.flags["C_CONTIGUOUS"]
    assert batch[0, :, 1, 0] == pytest.approx([1.0, 0.2, 0.0])
    assert batch.sum() == pytest.approx(1.2)


def test_to_batch_applies_mean_and_grey():
    pictures = np.full((1, 1, 1, 3), 100, np.uint8)
    batch = to_batch(pictures, InputSpec("x", (1, 1, 1), colour="grey", scale=0.5, mean=90.0))
    assert batch.shape == (1, 1, 1, 1)
    assert batch[0, 0, 0, 0] == pytest.approx(5.0, abs=1e-3)


def test_onnx_runtime_keeps_and_sends_nothing_of_its_own(tmp_path: Path) -> None:
    """Its wheels from 1.32 on write a device's id below HOME when they are imported, unless they are told not to."""
    code = "import edge_lpr.networks.onnx"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    environment.pop("XDG_CACHE_HOME", None)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.rglob("*")) == []


def test_cores_that_share_one_count_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge_lpr.networks.onnx import core_count

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3, 4}, raising=False)
    for cpu, siblings in enumerate(("0,2", "1,3", "0,2", "1,3")):
        folder = tmp_path / f"cpu{cpu}/topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(siblings)
    assert core_count(tmp_path) == 3, "two shared ones, and one that does not tell"
