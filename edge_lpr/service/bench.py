"""How fast the gate is here: one clip through the whole daemon, with its capture process and its log."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from edge_lpr.capture.clock import Clock
from edge_lpr.capture.isolate import CameraProcess
from edge_lpr.capture.source import CameraSpec
from edge_lpr.config import CameraTable, LogTable, RecognitionTable, ServiceTable, SiteConfig
from edge_lpr.errors import EdgeLprError
from edge_lpr.networks.variants import Precision
from edge_lpr.records import PlateRead
from edge_lpr.service.daemon import Daemon, Listeners
from edge_lpr.service.pipeline import Decided, Step
from edge_lpr.service.stages import NETWORKS, WORK, StageTime

WARM_UP_FRAMES = 15


@dataclass(frozen=True)
class BenchResult:
    """One run. `fps` and `ms` (a frame, by stage) after the warm-up; `outside_share` of the work that is outside the
    two networks; `cpu_cores` busy on average in the gate's process; `memory_mb` of it with the capture process, what
    they share counted once; `dropped` frames; `decision_ms` from the first readable frame of each arrival to its
    decision on disk, empty unless the run was in real time."""

    threads: int
    pace: str
    precision: Precision
    frames: int
    fps: float
    ms: dict[str, float]
    outside_share: float
    cpu_cores: float
    memory_mb: float
    dropped: int
    decision_ms: tuple[float, ...]


@dataclass(frozen=True)
class _Moment:
    """The counters at one frame."""

    at_s: float
    cpu_s: float
    stages: dict[str, StageTime]


class _Run:
    """One run over a clip, which is shown again and again. `readable` as in `bench`."""

    def __init__(self, config: SiteConfig, frames: int, readable: Mapping[str, int]) -> None:
        self.frames = 0
        self.decision_s: dict[str, float] = {}
        self.moments: list[_Moment] = []
        self._wanted = frames
        self._readable = readable
        self._taken_s: dict[int, float] = {}
        self._cameras: list[CameraProcess] = []
        self._daemon = Daemon(config, listeners=Listeners(self._on_decided, self._on_step),
                              open_camera=self._open_camera)

    def measure(self) -> tuple[float, int]:
        """Run; memory in MB and dropped frames."""
        self._daemon.start()
        try:
            self._daemon.wait(0.02)
            memory_mb = sum(_memory_mb(pid) for pid in (os.getpid(), self._cameras[0].pid) if pid)
            return memory_mb, self._cameras[0].health().dropped
        finally:
            self._daemon.stop()

    def _open_camera(self, spec: CameraSpec, clock: Clock) -> CameraProcess:
        self._cameras.append(CameraProcess(spec, clock))
        return self._cameras[-1]

    def _on_decided(self, decided: Decided) -> None:
        read = decided.decision.plate_read
        since_s = self._since_s(read)
        if since_s is not None:
            self.decision_s.setdefault(read.arrival_id, time.monotonic() - since_s)

    def _since_s(self, read: PlateRead) -> float | None:
        """When the first readable frame was taken: by the clip's truth, else the first frame that was seen; now for a
        plate that was decided before that frame, None for one that is not in the clip."""
        if not self._readable:
            return read.first_seen_s
        if read.text not in self._readable:
            return None
        later = [index for index in self._taken_s if index >= self._readable[read.text]]
        return self._taken_s[min(later)] if later else time.monotonic()

    def _on_step(self, step: Step) -> None:
        self.frames += 1
        self._taken_s[step.frame.index] = step.frame.captured_at_s
        if self.frames in (WARM_UP_FRAMES, WARM_UP_FRAMES + self._wanted):
            self.moments.append(_Moment(time.perf_counter(), time.process_time(),
                                        self._daemon.lanes[0].times.snapshot()))
        if self.frames >= WARM_UP_FRAMES + self._wanted:
            self._daemon.request_stop()


def bench(clip: Path, threads: int, frames: int, engines: Path | None = None, real_time: bool = False,
          precision: Precision = "auto", readable: Mapping[str, int] = MappingProxyType({})) -> BenchResult:
    """Measure one run of so many frames over a clip. `readable`: plates in the clip, and from which frame on they can
    be read. Raises EdgeLprError when the clip cannot be shown."""
    pace = "real" if real_time else "fast"
    with tempfile.TemporaryDirectory(prefix="edge-lpr-bench-") as folder:
        run = _Run(_site(clip, RecognitionTable(engines=engines, threads=threads, precision=precision), Path(folder),
                         real_time), frames, readable)
        memory_mb, dropped = run.measure()
    if len(run.moments) < 2:
        raise EdgeLprError(f"{clip}: only {run.frames} frames came")
    first, last = run.moments
    spent_s = last.at_s - first.at_s
    ms = {name: 1e3 * (last.stages[name].total_s - first.stages[name].total_s) / frames for name in last.stages}
    work_ms = sum(ms[name] for name in WORK)
    return BenchResult(
        threads=threads,
        pace=pace,
        precision=precision,
        frames=frames,
        fps=round(frames / spent_s, 1),
        ms={name: round(value, 2) for name, value in ms.items()},
        outside_share=round(1.0 - ms[NETWORKS] / work_ms, 3),
        cpu_cores=round((last.cpu_s - first.cpu_s) / spent_s, 2),
        memory_mb=round(memory_mb, 1),
        dropped=dropped,
        decision_ms=tuple(round(1e3 * one, 1) for one in run.decision_s.values()) if real_time else (),
    )


def _site(clip: Path, recognition: RecognitionTable, folder: Path, real_time: bool) -> SiteConfig:
    camera = CameraTable("bench", str(clip.absolute()), pace="real" if real_time else "fast", loop=True)
    return SiteConfig(
        camera=(camera,),
        recognition=recognition,
        log=LogTable(folder=folder / "log"),
        service=ServiceTable(runtime_folder=folder / "run", log_level="error"),
    )


def _memory_mb(pid: int) -> float:
    """The process's share of physical memory: what several processes map is divided among them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
