"""The portable backend: ONNX Runtime on the CPU."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from edge_lpr.errors import NetworkError
from edge_lpr.networks.base import Tensor
from edge_lpr.networks.card import ModelCard, load_card
from edge_lpr.networks.engine_key import EngineOptions
from edge_lpr.records import Floats

ERRORS_ONLY = 3


class OnnxNetwork:
    """An ONNX file that was checked against its model card, in one ONNX Runtime session.

    `threads` 1 runs on the calling thread, n > 1 on n threads, 0 on one a core. Raises NetworkError when the card or
    the file is missing or damaged, the file's SHA-256 is not the card's, or inputs and outputs differ from the card.
    """

    def __init__(self, card_path: Path, threads: int = 0, options: EngineOptions | None = None) -> None:
        del options  # an ONNX file runs as it is
        self.card: ModelCard = load_card(card_path)
        folder = card_path if card_path.is_dir() else card_path.parent
        self.path = folder / self.card.file
        self._session = _open_session(self.path, self.card.sha256, threads)
        shape = _check_input(self._session, self.card, self.path)
        self._fixed_batch = shape[0] if isinstance(shape[0], int) else 0
        self.flexible: bool = not isinstance(shape[2], int) and not isinstance(shape[3], int)
        self._roles = _check_outputs(self._session, self.card, self.path)

    def run(self, batch: Floats) -> dict[str, Tensor]:
        """Run float32 (N, C, H, W), N >= 1; a graph with a fixed batch size is fed in slices of that size."""
        if batch.ndim != 4 or not len(batch):
            raise NetworkError(f"{self.path}: a batch is (N, C, H, W) with N >= 1, not {batch.shape}")
        size = self._fixed_batch
        if size in (0, len(batch)):
            return self._run_once(batch)
        short = -len(batch) % size
        padded = np.concatenate([batch, np.repeat(batch[-1:], short, axis=0)]) if short else batch
        parts = [self._run_once(padded[at : at + size]) for at in range(0, len(padded), size)]
        return {role: np.concatenate([part[role] for part in parts])[: len(batch)] for role in self._roles}

    def _run_once(self, batch: Floats) -> dict[str, Tensor]:
        try:
            values = self._session.run(list(self._roles.values()), {self.card.input.name: batch})
        except Exception as error:  # ONNX Runtime raises its own classes, which share no other base
            raise NetworkError(f"{self.path}: run failed on {batch.shape} {batch.dtype}: {error}") from error
        return dict(zip(self._roles, values, strict=True))


def _open_session(path: Path, sha256: str, threads: int) -> Any:
    """A session over the very bytes whose SHA-256 was checked ('' in the card: not checked)."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NetworkError(f"{path}: cannot be read: {error}") from error
    found = hashlib.sha256(content).hexdigest()
    if sha256 and found != sha256.lower():
        raise NetworkError(f"{path}: SHA-256 is {found}, its model card says {sha256}: not the file that was checked")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    options.intra_op_num_threads = threads or core_count()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # a waiting gate must not heat its cores
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # as above
        raise NetworkError(f"{path}: not an ONNX network that ONNX Runtime can load: {error}") from error


def core_count(cpus: Path = Path("/sys/devices/system/cpu")) -> int:
    """The cores that this process may run on; those that share one count once.

    Said explicitly, because ONNX Runtime, left to count, ties each thread to a core: others share the machine, and a
    hardened service may not.
    """
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    siblings = set()
    for cpu in usable:
        try:
            siblings.add((cpus / f"cpu{cpu}/topology/thread_siblings_list").read_text(encoding="ascii"))
        except OSError:
            siblings.add(str(cpu))
    return len(siblings)


def _check_input(session: Any, card: ModelCard, path: Path) -> Sequence[int | str | None]:
    """The graph's (N, C, H, W), free axes as None or a name; raises NetworkError when it is not the card's input."""
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].name != card.input.name:
        names = ", ".join(repr(entry.name) for entry in inputs)
        raise NetworkError(f"{path}: the card names one input {card.input.name!r}, the graph has {names or 'none'}")
    shape: Sequence[int | str | None] = inputs[0].shape
    fits = len(shape) == 4 and all(
        not isinstance(axis, int) or axis == wanted for axis, wanted in zip(shape[1:], card.input.shape, strict=True)
    )
    if not fits or inputs[0].type != "tensor(float)":
        raise NetworkError(
            f"{path}: input {card.input.name!r} is {inputs[0].type} {list(shape)},"
            f" the card says float (N, {', '.join(map(str, card.input.shape))})"
        )
    return shape


def _check_outputs(session: Any, card: ModelCard, path: Path) -> dict[str, str]:
    """The card's outputs (role -> tensor name); raises NetworkError when the graph lacks one."""
    present = [entry.name for entry in session.get_outputs()]
    missing = [name for name in card.outputs.values() if name not in present]
    if missing or not card.outputs:
        raise NetworkError(f"{path}: the card names outputs {list(card.outputs.values())}, the graph has {present}")
    return dict(card.outputs)
