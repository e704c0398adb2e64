"""What an engine is good for, and whether its outputs are right. Pure.

A TensorRT engine is compiled for one network, one TensorRT, one GPU. TensorRT itself does not refuse every foreign one,
so each engine has a key of all that it was made from, and is used only where every part of the key is the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from edge_lpr.errors import NetworkError
from edge_lpr.networks.base import Tensor
from edge_lpr.networks.card import ModelCard
from edge_lpr.networks.cuda import Gpu

Precision = Literal["int8", "fp16", "float"]
PRECISIONS: tuple[Precision, ...] = ("int8", "fp16", "float")

RECIPE = 1
"""Counted up when engines are to be built differently: those of before are stale then."""
STRONGLY_TYPED_FROM = 11
"""The TensorRT from which the network alone says where INT8 and FP16 are used."""
INT8_FROM = (7, 2)
"""The compute capability from which all GPUs have INT8 tensor cores (Xavier); before it only 6.1 is quick in INT8."""
INT8_BEFORE = (6, 1)
FP16_FROM = (5, 3)
DETECTOR_BATCH, READER_BATCH = 4, 8
"""Most pictures run together: tiles of a frame, plates and layouts of a frame."""
READER_USUAL = 2
WIDE_INPUT = (736, 416)
"""Width and height of a flexible detector's input that suits 16:9 cameras, in no more pixels than its card's."""
QDQ_MARK = b"DequantizeLinear"

TOLERANCE: dict[str, float] = {"float": 0.02, "fp16": 0.05, "int8": 0.15}
"""Most mean deviation from ONNX Runtime, in units of the output's own spread. INT8 sums are exact in both; what differs
is the rounding of what lies between, which moves a few values to the next of 256 steps."""


@dataclass(frozen=True)
class EngineOptions:
    """How engines are made and kept.

    `precision` 'auto' takes the quickest that network and GPU have; `folder` of the engines, None: beside the network;
    `size` (width, height) of a flexible detector's input, None: `WIDE_INPUT`; `workspace_mb` and `timeout_s` limit a
    build, which also ends when less than `reserve_mb` of the machine's memory is left; `dla` a deep-learning
    accelerator's number, -1 for none.
    """

    precision: Literal["auto", "int8", "fp16", "float"] = "auto"
    folder: Path | None = None
    size: tuple[int, int] | None = None
    workspace_mb: int = 512
    timeout_s: float = 3600.0
    reserve_mb: int = 200
    dla: int = -1
    optimisation: int = 3

    def under(self, name: str) -> EngineOptions:
        """The same with a folder of its own for the network `name`, where engines are kept apart from networks."""
        return replace(self, folder=self.folder / name if self.folder else None)


DEFAULTS = EngineOptions()


@dataclass(frozen=True)
class Profile:
    """The shapes of one input (N, C, H, W) that an engine takes: from `least` to `most`, quickest at `usual`."""

    least: tuple[int, ...]
    usual: tuple[int, ...]
    most: tuple[int, ...]


@dataclass(frozen=True)
class EngineKey:
    """All that an engine is made from; `network` is the SHA-256 of the ONNX file, `calibration` names what its INT8
    scales come from ('' without)."""

    network: str
    calibration: str
    tensorrt: str
    gpu: str
    capability: tuple[int, int]
    precision: Precision
    profile: Profile
    dla: int = -1
    recipe: int = RECIPE

    @property
    def digest(self) -> str:
        """A short name of the key."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


def make_key(card: ModelCard, content: bytes, tensorrt: str, gpu: Gpu, options: EngineOptions) -> EngineKey:
    """The key of the engine that this machine needs for an ONNX file's `content`.

    Raises NetworkError for a precision that cannot be had.
    """
    precision, _ = pick_precision(options.precision, QDQ_MARK in content, gpu.capability, major_of(tensorrt))
    return EngineKey(
        network=hashlib.sha256(content).hexdigest(),
        calibration=calibration_of(card),
        tensorrt=tensorrt,
        gpu=gpu.name,
        capability=gpu.capability,
        precision=precision,
        profile=profile_of(card, options.size),
        dla=options.dla,
    )


def calibration_of(card: ModelCard) -> str:
    """A name for the calibration that made the card's network; '' for a float one."""
    return str(card.quantisation.get("scales_sha256", ""))


def major_of(version: str) -> int:
    """8 of '8.6.2'."""
    return int(version.split(".")[0])


def has_int8(capability: tuple[int, int]) -> bool:
    """Whether GPUs of this compute capability are quick in INT8."""
    return capability >= INT8_FROM or capability == INT8_BEFORE


def pick_precision(
    wanted: str, quantised: bool, capability: tuple[int, int], tensorrt_major: int
) -> tuple[Precision, str]:
    """What to build, and why, in words for the user. Raises NetworkError when what is `wanted` cannot be had."""
    why_not = {
        "int8": "" if quantised and has_int8(capability) else
        "the network is not quantised (edge-lpr calibrate)" if not quantised else
        f"a GPU of compute capability {capability[0]}.{capability[1]} has no INT8 tensor cores",
        "fp16": "it is a quantised network: it is INT8 or nothing" if quantised else
        f"TensorRT {tensorrt_major} takes FP16 only from an FP16 network" if tensorrt_major >= STRONGLY_TYPED_FROM else
        "" if capability >= FP16_FROM else "this GPU has no FP16",
        "float": "it is a quantised network: it is INT8 or nothing" if quantised else "",
    }
    for place, precision in enumerate(PRECISIONS):
        if wanted in ("auto", precision) and not why_not[precision]:
            passed = PRECISIONS[:place] if wanted == "auto" else ()
            return precision, "; ".join(f"no {other}: {why_not[other]}" for other in passed)
    if wanted != "auto":
        raise NetworkError(f"no {wanted} engine can be built here: {why_not[wanted]}")
    raise NetworkError(f"no engine can be built here of a quantised network: {why_not['int8']}")


def profile_of(card: ModelCard, size: tuple[int, int] | None = None) -> Profile:
    """The batch sizes that the card's task needs, at one height and width: `size` (width, height), by default a
    flexible detector's `WIDE_INPUT`, and the card's for all others."""
    channels, height, width = card.input.shape
    if size is not None and card.task == "detect":
        width, height = size
    elif card.task == "detect" and card.input.resize == "letterbox":
        width, height = WIDE_INPUT
    most, usual = (DETECTOR_BATCH, 1) if card.task == "detect" else (READER_BATCH, READER_USUAL)
    one = (channels, height, width)
    return Profile((1, *one), (usual, *one), (most, *one))


def with_input(card: ModelCard, profile: Profile) -> ModelCard:
    """The card of the engine: the network's, with the size that the engine takes."""
    _, channels, height, width = profile.usual
    return replace(card, input=replace(card.input, shape=(channels, height, width)))


def deviations(got: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, float]:
    """By output, how far `got` lies from `expected`: of whole numbers the share that differs, of others the mean
    absolute difference over the standard deviation of `expected`. Infinite for a missing, misshapen or wild output."""
    told = {}
    for role, wanted in expected.items():
        value = got.get(role)
        if value is None or value.shape != wanted.shape or not np.isfinite(value).all():
            told[role] = float("inf")
        elif np.issubdtype(wanted.dtype, np.integer):
            told[role] = float((value != wanted).mean())
        else:
            spread = float(wanted.std()) or 1.0
            told[role] = float(np.abs(value.astype(np.float64) - wanted).mean()) / spread
    return told


def probe_pictures(shape: tuple[int, int, int], count: int, seed: int = 7) -> Tensor:
    """Pictures uint8 (count, H, W, 3) to try an engine on: black, white, then soft light with hard dark strokes."""
    rng = np.random.default_rng(seed)
    _, height, width = shape
    pictures = np.zeros((count, height, width, 3), np.uint8)
    for at, picture in enumerate(pictures):
        if at < 2:
            picture[:] = 255 * at
            continue
        coarse = rng.integers(40, 230, (height // 16 + 1, width // 16 + 1, 3))
        picture[:] = np.kron(coarse, np.ones((16, 16, 1)))[:height, :width]
        for _ in range(24):
            y, x = rng.integers(0, height), rng.integers(0, width)
            high, wide = rng.integers(2, height // 3 + 3), rng.integers(1, width // 12 + 3)
            picture[y : y + high, x : x + wide] = rng.integers(256)
    return pictures


def engine_facts(key: EngineKey) -> dict[str, Any]:
    """The key for people, as the lists and reports show it."""
    _, _, height, width = key.profile.usual
    return {
        "precision": key.precision,
        "input": f"{width}x{height}, batch {key.profile.least[0]}-{key.profile.most[0]}",
        "tensorrt": key.tensorrt,
        "gpu": f"{key.gpu} ({key.capability[0]}.{key.capability[1]})" + (f", DLA {key.dla}" if key.dla >= 0 else ""),
    }
