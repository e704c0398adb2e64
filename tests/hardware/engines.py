"""Engines on a real GPU: built, right, and how fast."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from edge_lpr.engine_folder import engine_folder
from edge_lpr.errors import BackendUnavailable
from edge_lpr.networks import open_network
from edge_lpr.networks.base import batch_for
from edge_lpr.networks.engine_build import available_mb, ensure_engine, needed_engine
from edge_lpr.networks.engine_key import EngineOptions, has_int8, probe_pictures
from edge_lpr.recognition.engine_check import check_detector, check_reader
from edge_lpr.recognition.recognise import PlateRecogniser
from tests.hardware.machine import Skipped, temperatures

NAMES = ("lpdnet", "lprnet")
CROPS = int(os.environ.get("EDGE_LPR_HARDWARE_CROPS", "400"))
ROUNDS = int(os.environ.get("EDGE_LPR_HARDWARE_ROUNDS", "200"))


class Bench:
    """The networks of a folder, with engines kept in `place`."""

    def __init__(self, networks: Path | None, place: Path) -> None:
        self.networks = networks or engine_folder()
        self.options = EngineOptions(folder=place)

    def options_of(self, name: str) -> EngineOptions:
        return self.options.under(name)

    def build(self) -> tuple[str, dict[str, Any]]:
        figures = {}
        for name in NAMES:
            try:
                path, sidecar = ensure_engine(self.networks / name, self.options_of(name), again=True)
            except BackendUnavailable as error:
                raise Skipped(str(error)) from error
            figures[name] = {"precision": sidecar.key.precision, "seconds": sidecar.build_s, "deviation":
                             sidecar.deviation, "megabytes": sidecar.plan_bytes / 1e6, "notes": sidecar.notes,
                             "tensorrt": sidecar.key.tensorrt, "file": path.name}
        told = ", ".join(f"{name} {one['precision']} in {one['seconds']:.0f} s" for name, one in figures.items())
        return told, figures

    def build_again(self) -> tuple[str, dict[str, Any]]:
        self._needs_engines()
        assert all(ensure_engine(self.networks / name, self.options_of(name))[1] is None for name in NAMES)
        return "nothing was built twice", {}

    def precision(self) -> tuple[str, dict[str, Any]]:
        self._needs_engines()
        told = {}
        for name in NAMES:
            needed = needed_engine(self.networks / name, self.options_of(name))
            told[name] = needed.key.precision
            if needed.card.precision == "int8":
                assert has_int8(needed.gpu.capability) == (needed.key.precision == "int8")
        return ", ".join(f"{name}: {precision}" for name, precision in told.items()), told

    def accuracy(self) -> tuple[str, dict[str, Any]]:
        self._needs_engines()
        crops = drawn_plates(CROPS)
        read_lines, differ = check_reader(self.networks / "lprnet", self.options_of("lprnet"), crops)
        found_lines, moved = check_detector(self.networks / "lpdnet", self.options_of("lpdnet"), crops[:60])
        assert differ <= CROPS // 100, f"{differ} of {CROPS} texts differ: more than 1 %"
        assert moved <= 2, f"plates differ in {moved} of 60 pictures"
        return f"{differ} of {CROPS} texts differ", {"reader": read_lines, "detector": found_lines}

    def speed(self) -> tuple[str, dict[str, Any]]:
        self._needs_engines()
        figures: dict[str, Any] = {}
        for name in NAMES:
            engine = open_network(self.networks / name, "tensorrt", engines=self.options_of(name))
            for count in (1, 2, 4, 8):
                if count > engine.engine.most:
                    continue
                batch = batch_for(engine, probe_pictures(engine.card.input.shape, count))
                figures[f"{name} batch {count}"] = milliseconds(lambda some=batch, one=engine: one.run(some))
            engine.close()
        best = {name: figures[f"{name} batch 1"]["median"] for name in NAMES}
        return ", ".join(f"{name} {value:.2f} ms" for name, value in best.items()), figures

    def graphs(self) -> tuple[str, dict[str, Any]]:
        self._needs_engines()
        told = {}
        for name in NAMES:
            engine = open_network(self.networks / name, "tensorrt", engines=self.options_of(name))
            batch = batch_for(engine, probe_pictures(engine.card.input.shape, 1)).copy()
            engine.engine.graphs = False
            plain = {role: value.copy() for role, value in engine.run(batch).items()}
            plain_ms = milliseconds(lambda some=batch, one=engine: one.run(some))["median"]
            engine.engine.graphs, engine.engine._runs = True, 0
            for _ in range(5):
                again = engine.run(batch)
            assert all(np.array_equal(plain[role], again[role]) for role in plain), f"{name}: the graph differs"
            used = engine.engine._graph is not None
            graph_ms = milliseconds(lambda some=batch, one=engine: one.run(some))["median"]
            told[name] = {"used": used, "plain_ms": plain_ms, "graph_ms": graph_ms}
            engine.close()
        return ", ".join(f"{name}: {'used' if one['used'] else 'NOT used'}" for name, one in told.items()), told

    def stages(self) -> tuple[str, dict[str, Any]]:
        """A 1080p picture with a plate: what the whole takes, and what of it is outside the networks."""
        self._needs_engines()
        picture = scene()
        figures = {}
        for backend in ("tensorrt", "onnx"):
            recogniser = PlateRecogniser(self.networks, backend=backend, second_look=False, engine_options=self.options)
            assert recogniser.recognise(picture), "the drawn plate is not found"
            figures[backend] = {"whole": milliseconds(lambda one=recogniser: one.recognise(picture), 100),
                                "detect": milliseconds(lambda one=recogniser: one.detector.detect(picture))}
        fast = figures["tensorrt"]["whole"]["median"]
        return f"{fast:.1f} ms a frame, {1000 / fast:.0f} frames a second; ONNX Runtime" \
               f" {figures['onnx']['whole']['median']:.1f} ms", figures

    def load(self, seconds: float) -> tuple[str, dict[str, Any]]:
        self._needs_engines()
        recogniser = PlateRecogniser(self.networks, backend="tensorrt", second_look=False, engine_options=self.options)
        picture, samples, count = scene(), [], 0
        began_s = time.monotonic()
        while (spent_s := time.monotonic() - began_s) < seconds:
            recogniser.recognise(picture)
            count += 1
            if not samples or spent_s - samples[-1]["s"] > 5:
                samples.append({"s": round(spent_s), "available_mb": available_mb(), "degrees": temperatures(),
                                "fps": round(count / max(spent_s, 0.001), 1), "rss_mb": resident_mb()})
        first, last = samples[min(1, len(samples) - 1)], samples[-1]
        assert last["rss_mb"] - first["rss_mb"] < 50, f"memory grew from {first['rss_mb']} to {last['rss_mb']} MB"
        hottest = max(last["degrees"].values(), default=0.0)
        assert hottest < 95, f"{hottest} degrees"
        return f"{last['fps']} frames a second over {seconds:.0f} s, {hottest:.0f} degrees, {last['rss_mb']} MB", \
            {"samples": samples}

    def stop_time(self) -> tuple[str, dict[str, Any]]:
        """The longest that one frame keeps its thread busy: what the watchdog and a stop have to wait for."""
        self._needs_engines()
        recogniser = PlateRecogniser(self.networks, backend="tensorrt", second_look=False, engine_options=self.options)
        picture = scene()
        recogniser.recognise(picture)
        worst = milliseconds(lambda: recogniser.recognise(picture), ROUNDS + ROUNDS // 2)["longest"]
        assert worst < 1000, f"a frame took {worst:.0f} ms"
        return f"longest of {ROUNDS + ROUNDS // 2} frames {worst:.0f} ms", {}

    def _needs_engines(self) -> None:
        for name in NAMES:
            try:
                needed = needed_engine(self.networks / name, self.options_of(name))
            except BackendUnavailable as error:
                raise Skipped(str(error)) from error
            if not needed.path.exists():
                raise Skipped("the engines were not built")


def milliseconds(work: Callable[[], object], rounds: int = 0) -> dict[str, float]:
    """How long a call takes, after a warm-up."""
    for _ in range(10):
        work()
    times = []
    for _ in range(rounds or ROUNDS):
        began_s = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - began_s))
    return {"median": round(statistics.median(times), 3), "p95": round(float(np.percentile(times, 95)), 3),
            "longest": round(max(times), 3)}


def drawn_plates(count: int) -> list[np.ndarray]:
    """Plates of all countries, the same each time."""
    from edge_lpr.recognition.plate_format import load_formats
    from edge_lpr.training.plates import draw_plate

    rng, formats = np.random.default_rng(17), load_formats()
    return [draw_plate(formats[at % len(formats)], rng, 48).pixels for at in range(count)]


@cache
def scene() -> np.ndarray:
    """1920x1080: a car before the demo's gate."""
    from edge_lpr.training.gate_clip import GateClip
    from edge_lpr.training.gate_view import GateView

    clip = GateClip(view=GateView(1920, 1080, 2625.0, 180.0))
    comes = next(one for one in clip.expected() if one.direction == "approaching")
    return clip.frame(comes.first_readable_frame + 20)


def resident_mb() -> int:
    """Of this process."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1_000_000
