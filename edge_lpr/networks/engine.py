"""Builds one engine: ONNX in, TensorRT's plan out, tried against ONNX Runtime before anybody may use it.

Run as `python -m edge_lpr.networks.engine` by engine_build.py, in a process of its own: a build takes minutes, much
memory, and may crash. The Order comes as JSON on stdin; every line on stdout is a JSON object: {"say": text} and at the
end {"built": {...}} or {"failed": text}.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorrt as trt

from edge_lpr.errors import EdgeLprError, GpuError, NetworkError
from edge_lpr.networks.base import to_batch
from edge_lpr.networks.card import ModelCard, load_card
from edge_lpr.networks.cuda import Gpu, probe
from edge_lpr.networks.engine_key import (
    STRONGLY_TYPED_FROM,
    TOLERANCE,
    Precision,
    Profile,
    deviations,
    major_of,
    probe_pictures,
    with_input,
)
from edge_lpr.networks.onnx import OnnxNetwork
from edge_lpr.networks.tensorrt import Engine, Voice
from edge_lpr.networks.tensorrt_spelling import tensorrt_spelling

MIB = 1 << 20
STEPS_TOLD = 10
"""Of a phase of the build at most so many steps are told."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """What to build: `card` beside its ONNX file, `plan` the file to write, `cache` of measured timings."""

    card: Path
    plan: Path
    cache: Path
    precision: Precision
    profile: Profile
    workspace_mb: int
    optimisation: int
    dla: int = -1


@dataclass(frozen=True)
class Built:
    """What was built: seconds, bytes, and the deviation from ONNX Runtime by output."""

    build_s: float
    plan_bytes: int
    deviation: dict[str, float]


def here() -> tuple[str, Gpu]:
    """TensorRT's version and the GPU. Raises BackendUnavailable without a working driver, which is asked first."""
    gpu = probe()
    return str(trt.__version__), gpu


def build(order: Order, say: Say) -> Built:
    """Build the engine, write it to `order.plan`, load it back and try it.

    Raises NetworkError when the network cannot be built or the engine's results are wrong, GpuError when the GPU fails.
    """
    version, gpu = here()
    card = load_card(order.card)
    path = (order.card if order.card.is_dir() else order.card.parent) / card.file
    began_s = time.monotonic()
    plan = compile_plan(order, path, major_of(version), say)
    build_s = time.monotonic() - began_s
    say(f"built in {build_s:.0f} s, {len(plan) / MIB:.1f} MiB; trying it")
    _write_synced(order.plan, plan)
    deviation = try_plan(order.plan.read_bytes(), gpu, order)
    return Built(build_s, len(plan), deviation)


def compile_plan(order: Order, path: Path, major: int, say: Say) -> bytes:
    """TensorRT's plan of an ONNX file."""
    voice = Voice()
    try:
        builder = trt.Builder(voice)
    except TypeError as error:  # how the binding tells that there is no object
        raise GpuError(f"TensorRT gives no builder: {voice.said()}") from error
    network = builder.create_network(_network_flags(major))
    parser = trt.OnnxParser(network, voice)
    say(f"reading {path.name} with TensorRT {trt.__version__}")
    if not parser.parse_from_file(str(_spelled(path, order))):
        faults = "; ".join(str(parser.get_error(at)) for at in range(parser.num_errors))
        raise NetworkError(f"{path}: TensorRT cannot read it: {faults or voice.said()}")
    config = _config(builder, network, order, major, say)
    cache = _timing_cache(config, order.cache)
    say(f"building in {order.precision}: this takes minutes")
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise NetworkError(f"{path}: TensorRT cannot build it: {voice.said()}")
    _keep_timing_cache(config, order.cache, cache)
    return bytes(plan)


def _spelled(path: Path, order: Order) -> Path:
    """The ONNX file as TensorRT takes it: a quantised one in its own spelling of the same integers, beside the plan."""
    if order.precision != "int8":
        return path
    target = order.plan.with_suffix(".onnx")
    target.write_bytes(tensorrt_spelling(path.read_bytes()))
    return target


def _network_flags(major: int) -> int:
    """How a network is to be read: before 10 with an explicit batch, from 11 as strongly typed."""
    if major >= STRONGLY_TYPED_FROM:
        return 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    return 1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH) if major < 10 else 0


def _config(builder: Any, network: Any, order: Order, major: int, say: Say) -> Any:
    """Precision, memory, shapes, accelerator, progress."""
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, order.workspace_mb * MIB)
    config.builder_optimization_level = order.optimisation
    if major < STRONGLY_TYPED_FROM:
        if order.precision == "int8":
            config.set_flag(trt.BuilderFlag.INT8)
        if order.precision != "float":
            config.set_flag(trt.BuilderFlag.FP16)
    elif order.precision == "int8":
        say(f"TensorRT {trt.__version__} is strongly typed: what is not quantised runs in float, not in FP16")
    first = network.get_input(0)
    if min(first.shape) < 1:
        profile = builder.create_optimization_profile()
        shapes = (order.profile.least, order.profile.usual, order.profile.most)
        profile.set_shape(first.name, *(_fitted(shape, first.shape) for shape in shapes))
        if config.add_optimization_profile(profile) < 0:
            raise NetworkError(f"TensorRT refuses the shapes {order.profile}")
    if order.dla >= 0:
        _use_dla(builder, config, order)
    if hasattr(trt, "IProgressMonitor"):  # from TensorRT 10 on
        config.progress_monitor = _monitor(say)
    return config


def _fitted(wanted: tuple[int, ...], given: Any) -> tuple[int, ...]:
    """A wanted shape, with what the network itself fixes."""
    return tuple(fixed if fixed > 0 else side for side, fixed in zip(wanted, given, strict=True))


def _use_dla(builder: Any, config: Any, order: Order) -> None:
    if order.dla >= builder.num_DLA_cores:
        raise NetworkError(f"this GPU has {builder.num_DLA_cores} deep-learning accelerators: no number {order.dla}")
    config.default_device_type = trt.DeviceType.DLA
    config.DLA_core = order.dla
    config.set_flag(trt.BuilderFlag.GPU_FALLBACK)


def _monitor(say: Say) -> Any:
    """An IProgressMonitor that tells a tenth of a phase's steps; the class is made late, as 8.6 has none to inherit."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self._steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            self._steps[phase_name] = num_steps

        def step_complete(self, phase_name: str, step: int) -> bool:
            total = self._steps.get(phase_name, 0)
            if total >= STEPS_TOLD and step % (total // STEPS_TOLD) == 0:
                say(f"{phase_name}: {step} of {total}")
            return True  # go on

        def phase_finish(self, phase_name: str) -> None:
            self._steps.pop(phase_name, None)

    return Monitor()


def _timing_cache(config: Any, path: Path) -> Any:
    """What earlier builds measured here; a cache that TensorRT does not take is begun anew."""
    content = b""
    with suppress(OSError):
        content = path.read_bytes()
    cache = config.create_timing_cache(content)
    if cache is None or not config.set_timing_cache(cache, False):
        cache = config.create_timing_cache(b"")
        config.set_timing_cache(cache, False)
    return cache


def _keep_timing_cache(config: Any, path: Path, cache: Any) -> None:
    kept = config.get_timing_cache() or cache
    with suppress(OSError):  # a build without it is only slower
        _write_synced(path, bytes(kept.serialize()))


def try_plan(plan: bytes, gpu: Gpu, order: Order) -> dict[str, float]:
    """Load a plan and run it beside ONNX Runtime; the deviation by output. Raises NetworkError when it is wrong."""
    reference = OnnxNetwork(order.card)
    card = with_input(reference.card, order.profile)
    engine = Engine(plan, gpu)
    try:
        pictures = probe_pictures(card.input.shape, order.profile.most[0])
        batches = [to_batch(pictures, card.input)] if engine.fixed_batch else [
            to_batch(pictures[:count], card.input) for count in (order.profile.most[0], 1, 1, 1, 1)
        ]  # the same shape again and again also tries the CUDA graph
        told: dict[str, float] = {}
        for batch in batches:
            for role, value in _compare(engine, reference, card, batch[: engine.most]).items():
                told[role] = max(value, told.get(role, 0.0))
    finally:
        engine.close()
    worst = max(told, key=lambda role: told[role])
    if not told[worst] <= TOLERANCE[order.precision]:
        raise NetworkError(
            f"{order.card}: the {order.precision} engine is wrong: its {worst!r} deviates by {told[worst]:.3g} of its"
            f" spread from ONNX Runtime's; {TOLERANCE[order.precision]} is allowed"
        )
    return told


def _compare(engine: Engine, reference: OnnxNetwork, card: ModelCard, batch: Any) -> dict[str, float]:
    got = engine.run(batch)
    by_role = {role: got[name] for role, name in card.outputs.items() if name in got}
    return deviations(by_role, reference.run(np.ascontiguousarray(batch)))


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read_order() -> Order:
    raw = json.loads(sys.stdin.read())
    profile = Profile(*(tuple(raw["profile"][name]) for name in ("least", "usual", "most")))
    paths = {name: Path(raw[name]) for name in ("card", "plan", "cache")}
    return Order(**{**raw, **paths, "profile": profile})


def main() -> int:
    """See the module; 0 when the plan is there and good."""

    def tell(**words: Any) -> None:
        print(json.dumps(words), flush=True)

    try:
        built = build(_read_order(), lambda text: tell(say=text))
    except EdgeLprError as error:
        tell(failed=str(error))
        return 1
    tell(built=asdict(built))
    return 0


if __name__ == "__main__":
    sys.exit(main())
