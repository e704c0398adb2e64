"""A soak: hours' worth of frames through a whole gate, as fast as they go, with faults drawn from a seed.

    python -m tests.system.soak --out out/soak --hours 6 --seed 1

The gate is a process of its own, as systemd would start it. What it takes (memory, descriptors, threads, the database)
is sampled, written to `samples.csv` and drawn into `soak.png`; every fault is written to `faults.txt`. The exit status
is 0 when it never died, nothing grew that should not, and the log is sound. By default the networks are small ones made
for tests, so that the gate around them is what is soaked; `--engines engines` takes the shipped ones.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import cv2
import numpy as np

from edge_lpr.errors import EdgeLprError
from edge_lpr.platelog.verify import verify
from edge_lpr.service.health import GateHealth, read_health
from tests.conftest import save_fixed_reader, save_red_detector
from tests.service.gate_cases import PLATE, picture

FPS = 10.0
SAMPLE_EVERY_S, FAULT_EVERY_S = 2.0, 6.0
STALL_S = 600.0
"""Without a new frame for so long the gate is lost."""
MOST_MB, MOST_FILES, MOST_THREADS = 25.0, 4, 2
"""Growth from the second quarter of the run to the last."""
SITE = """\
[[camera]]
name = "entry"
uri = "{film}"
pace = "fast"
loop = true
[recognition]
engines = "{engines}"
threads = 1
[access]
evidence_max_age_s = 30.0
expires_after_s = 30.0
[[access.list]]
name = "residents"
path = "residents.csv"
[log]
folder = "log"
picture_quota_mb = 50
[service]
runtime_folder = "run"
health_every_s = 0.5
log_level = "warning"
"""


@dataclass(frozen=True)
class Sample:
    """The gate at one moment; memory of the gate and of its capture process."""

    at_s: float
    frames: int
    gate_mb: float
    capture_mb: float
    files: int
    threads: int
    database_mb: float
    arrivals: int


class Soak:
    """One run, in `folder`."""

    def __init__(self, folder: Path, engines: Path | None, seed: int) -> None:
        self.folder, self.rng = folder, random.Random(seed)
        self.samples: list[Sample] = []
        self.faults: list[str] = []
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._write_site(engines)
        log = (folder / "gate.log").open("wb")
        environment = {**os.environ, "STATE_DIRECTORY": str(folder / "state"), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "edge_lpr.cli", "run", "--quiet", "--config", str(folder / "site.toml")]
        self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        log.close()
        self._mend: Callable[[], object] | None = None

    def run(self, frames: int) -> int:
        """Until so many frames were taken through; 0 when all is well."""
        began_s = fault_at_s = moved_s = time.monotonic()
        count = 0
        while count < frames:
            time.sleep(SAMPLE_EVERY_S)
            now_s = time.monotonic()
            if self.process.poll() is not None:
                return self._end(f"the gate ended with {self.process.returncode}")
            sample = self._sample(now_s - began_s)
            if sample is not None:
                self.samples.append(sample)
                moved_s = now_s if sample.frames > count else moved_s
                count = sample.frames
            if now_s - moved_s > STALL_S:
                return self._end(f"no frame for {STALL_S:.0f} s after: {self.faults[-1:]}")
            if now_s - fault_at_s > FAULT_EVERY_S:
                fault_at_s = now_s
                self._fault(now_s - began_s)
        return self._end("")

    def _fault(self, at_s: float) -> None:
        """Mend what was broken last, or break something."""
        if self._mend is not None:
            self._mend()
            self._mend = None
            return
        fault = self.rng.choice((self._break_list, self._break_site, self._kill_capture, self._hang_capture,
                                 self._reload, self._full_of_readers))
        self.faults.append(f"{at_s:8.1f} s  {fault.__name__.strip('_').replace('_', ' ')}")
        self._mend = fault()

    def _break_list(self) -> Callable[[], object]:
        path = self.folder / "residents.csv"
        good = path.read_text()
        path.write_text("plate\n!!!\n")
        return lambda: path.write_text(good)

    def _break_site(self) -> Callable[[], object]:
        path = self.folder / "site.toml"
        good = path.read_text()
        path.write_text(good[: self.rng.randrange(len(good) // 2)] + "[[")
        self.process.send_signal(signal.SIGHUP)
        return lambda: (path.write_text(good), self.process.send_signal(signal.SIGHUP))

    def _reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def _kill_capture(self) -> None:
        for child in self._children():
            os.kill(child, signal.SIGKILL)

    def _hang_capture(self) -> Callable[[], object]:
        children = self._children()
        for child in children:
            os.kill(child, signal.SIGSTOP)

        def go_on() -> None:
            for child in children:
                if Path(f"/proc/{child}").exists():
                    os.kill(child, signal.SIGCONT)

        return go_on

    def _full_of_readers(self) -> None:
        """Others read the log at the same time."""
        for words in (("log", "stats"), ("log", "list"), ("status", "--runtime", str(self.folder / "run"))):
            more = [] if words[0] == "status" else ["--log", str(self.folder / "log")]
            subprocess.run([sys.executable, "-m", "edge_lpr.cli", *words, *more], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=120)

    def _children(self) -> list[int]:
        found = []
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            found += [int(word) for word in (task / "children").read_text().split()]
        return found

    def _sample(self, at_s: float) -> Sample | None:
        try:
            health: GateHealth = read_health(self.folder / "run")
            lane = health.cameras["entry"]
            proc = Path(f"/proc/{self.process.pid}")
            database = self.folder / "log/database"
            return Sample(round(at_s, 1), lane["steps"], _mb(self.process.pid), sum(map(_mb, self._children())),
                          len(os.listdir(proc / "fd")), len(os.listdir(proc / "task")),
                          round(sum(path.stat().st_size for path in database.iterdir()) / 1e6, 3), lane["arrivals"])
        except (EdgeLprError, KeyError, OSError):
            return None

    def _end(self, fault: str) -> int:
        if self._mend is not None:
            self._mend()
        if not fault:
            self.process.send_signal(signal.SIGTERM)
            try:
                if self.process.wait(30):
                    fault = f"the exit status was {self.process.returncode}"
            except subprocess.TimeoutExpired:
                fault = "it did not stop"
        self.process.kill()
        self.process.wait()
        told = [fault] if fault else []
        told += growth(self.samples) + [f"log: {one}" for one in verify(self.folder / "log").problems]
        self._write(told)
        return int(bool(told))

    def _write(self, told: list[str]) -> None:
        with (self.folder / "samples.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(field.name for field in fields(Sample))
            table.writerows(map(astuple, self.samples))
        (self.folder / "faults.txt").write_text("\n".join(self.faults) + "\n")
        cv2.imwrite(str(self.folder / "soak.png"), chart(self.samples))
        last = self.samples[-1] if self.samples else None
        print(f"{last.frames if last else 0} frames ({(last.frames if last else 0) / FPS / 3600:.2f} h at {FPS:.0f} a"
              f" second) in {last.at_s if last else 0:.0f} s, {last.arrivals if last else 0} arrivals,"
              f" {len(self.faults)} faults")
        for line in told or ["nothing grew, nothing was lost"]:
            print(line)

    def _write_site(self, engines: Path | None) -> None:
        from edge_lpr.capture.video_writer import VideoWriter

        if engines is None:
            engines = self.folder / "engines"
            save_red_detector(engines / "lpdnet")
            save_fixed_reader(engines / "lprnet", PLATE)
        with VideoWriter(self.folder / "film.mp4", 5.0) as video:
            for x in (*(100 + 3 * step for step in range(20)), *[None] * 40):
                video.write(picture(x))
        (self.folder / "residents.csv").write_text(f"plate\n{PLATE}\n")
        site = SITE.format(film=(self.folder / "film.mp4").absolute(), engines=engines.absolute())
        (self.folder / "site.toml").write_text(site)


def growth(samples: list[Sample]) -> list[str]:
    """What grew: the median of the last quarter against that of the second."""
    if len(samples) < 16:
        return ["too few samples to tell growth"]
    quarter = len(samples) // 4
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    limits = {"gate_mb": MOST_MB, "files": MOST_FILES, "threads": MOST_THREADS}
    told = []
    for name, limit in limits.items():
        before, after = (float(np.median([getattr(one, name) for one in part])) for part in (early, late))
        print(f"{name}: {before:g} in the second quarter, {after:g} in the last")
        if after - before > limit:
            told.append(f"{name} grew from {before:g} to {after:g}")
    return told


def chart(samples: list[Sample]) -> np.ndarray:
    """Four panels over the frames: memory, descriptors and threads, the database, frames a second; uint8 BGR."""
    panels = [("memory in MB: gate (blue), capture (orange)", ("gate_mb", "capture_mb")),
              ("descriptors (blue), threads (orange)", ("files", "threads")),
              ("database in MB", ("database_mb",))]
    return np.vstack([_panel(title, samples, names) for title, names in panels])


GREY = (90, 90, 90)


def _panel(title: str, samples: list[Sample], names: tuple[str, ...]) -> np.ndarray:
    width, height, left, base = 1200, 260, 80, 220
    panel = np.full((height, width, 3), 252, np.uint8)
    cv2.putText(panel, title, (left, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (40, 40, 40), 1, cv2.LINE_AA)
    if not samples:
        return panel
    top = max(max(getattr(one, name) for one in samples for name in names) * 1.1, 1e-6)
    end = max(samples[-1].frames, 1)
    for share in (0.0, 0.5, 1.0):
        y = round(base - share * 170)
        cv2.line(panel, (left, y), (width - 20, y), (225, 225, 225), 1)
        cv2.putText(panel, f"{share * top:.3g}", (10, y + 5), cv2.FONT_HERSHEY_SIMPLEX, 0.45, GREY, 1, cv2.LINE_AA)
    cv2.putText(panel, f"{end} frames", (width - 150, height - 12), cv2.FONT_HERSHEY_SIMPLEX, 0.5, GREY, 1, cv2.LINE_AA)
    for name, colour in zip(names, ((200, 110, 40), (40, 140, 240)), strict=False):
        points = [(round(left + one.frames / end * (width - left - 20)), round(base - getattr(one, name) / top * 170))
                  for one in samples]
        cv2.polylines(panel, [np.array(points, np.int32)], False, colour, 2, cv2.LINE_AA)
    return panel


def _mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return round(sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024, 1)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out/soak"), metavar="DIR")
    parser.add_argument("--hours", type=float, default=6.0, help=f"of frames, {FPS:.0f} a second (6)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engines", type=Path, help="the networks (small ones made for tests)")
    args = parser.parse_args()
    return Soak(args.out.absolute(), args.engines, args.seed).run(round(args.hours * 3600 * FPS))


if __name__ == "__main__":
    sys.exit(main())
