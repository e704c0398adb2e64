"""The results of a study for people: tables in Markdown, curves as PNG and SVG, beside the published curve."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edge_lpr.errors import BackendUnavailable, ConfigError
from edge_lpr.training.study import GridConfig, StudyConfig

PUBLISHED = {
    0: 0.0, 200: 0.0, 400: 0.0121, 600: 0.0487, 700: 0.236, 800: 0.577, 1000: 0.639, 1500: 0.815, 2000: 0.863,
    2500: 0.893, 3000: 0.908, 4000: 0.919, 5000: 0.937, 10000: 0.956, 15000: 0.96, 20000: 0.975, 30000: 0.98,
}
"""Plates read exactly by NVIDIA's LPRNet, moved from the US to Europe with so many pictures, on 4,958 test pictures."""
Z = 1.959964
"""Of a normal distribution, 95% lie within so many standard deviations."""
GOALS = (0.9, 0.95, 0.98)


@dataclass(frozen=True)
class Point:
    """A size of a curve: `right` of `plates` read exactly (O = 0, I = 1) over all seeds, and the characters' share."""

    size: int
    right: int
    plates: int
    seeds: int
    characters: float

    @property
    def share(self) -> float:
        """Plates read exactly."""
        return self.right / max(self.plates, 1)

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95% interval of the share, for as many plates as one seed is tested on: seeds read the same plates
        and are no new ones."""
        return wilson(self.share, self.plates // max(self.seeds, 1))


@dataclass(frozen=True)
class Curve:
    """One start and method on one test."""

    start: str
    method: str
    points: tuple[Point, ...]

    @property
    def name(self) -> str:
        """For legends."""
        return self.method if self.start == self.method else f"{self.method}, from {self.start}"


def wilson(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95% interval (1927) of a share seen in `count` cases; (0, 1) for none."""
    if count <= 0:
        return 0.0, 1.0
    middle = (share + Z * Z / (2 * count)) / (1 + Z * Z / count)
    half = Z * math.sqrt(share * (1 - share) / count + Z * Z / (4 * count * count)) / (1 + Z * Z / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def curves_of(rows: Iterable[dict[str, str]], grid: str) -> dict[str, list[Curve]]:
    """Test -> curves of a grid, each size's seeds put together."""
    found: dict[tuple[str, str, str], dict[int, list[dict[str, str]]]] = {}
    for row in rows:
        if row["grid"] == grid:
            key = (row["test"], row["start"], row["method"])
            found.setdefault(key, {}).setdefault(int(row["pictures"]), []).append(row)
    tests: dict[str, list[Curve]] = {}
    for (test, start, method), sizes in found.items():
        points = tuple(_point(size, of) for size, of in sorted(sizes.items()))
        tests.setdefault(test, []).append(Curve(start, method, points))
    return tests


def _place(grid: GridConfig, curve: Curve) -> tuple[int, int]:
    """Curves stand in the order of the config."""
    start = grid.starts.index(curve.start) if curve.start in grid.starts else len(grid.starts)
    return start, grid.methods.index(curve.method)


def _point(size: int, rows: Sequence[dict[str, str]]) -> Point:
    plates = [int(row["plates"]) for row in rows]
    right = sum(round(float(row["folded"]) * count) for row, count in zip(rows, plates, strict=True))
    characters = sum(float(row["characters"]) for row in rows) / len(rows)
    return Point(size, right, sum(plates), len(rows), characters)


def needed(curve: Curve, goal: float) -> str:
    """The first size from which on a curve keeps the goal; '-' where its largest does not."""
    reached = "-"
    for point in reversed(curve.points):
        if point.share < goal:
            break
        reached = f"{point.size:,}"
    return reached


def write_report(config: StudyConfig, rows: Sequence[dict[str, str]], out: Path) -> list[Path]:
    """`report.md`, and for each grid and test a plot as PNG and SVG; the files. ConfigError without results."""
    if not rows:
        raise ConfigError(f"{out}: no results yet")
    text, files = ["# Learning curves", ""], []
    for grid in config.grid:
        tests = {test: sorted(curves, key=partial(_place, grid)) for test, curves in curves_of(rows, grid.name).items()}
        if not tests:
            continue
        text += [f"## {grid.name}: trained on pictures of `{grid.pool}`", ""]
        for test, curves in tests.items():
            text += [f"### {grid.name}, tested on `{test}` ({curves[0].points[0].plates // curves[0].points[0].seeds}"
                     " plates)", "", *table(curves, grid.published == test), ""]  # fmt: skip
            files += plot(grid, test, curves, out)
            text += [f"![{grid.name} on {test}]({files[-1].name})", ""]
    path = out / "report.md"
    path.write_text("\n".join(text), encoding="utf-8")
    return [path, *files]


def table(curves: Sequence[Curve], published: bool) -> list[str]:
    """Share read exactly (O=0, I=1) with its interval, then characters, a line a size; below it what the goals need."""
    sizes = sorted({point.size for curve in curves for point in curve.points})
    names = [curve.name for curve in curves] + (["published"] if published else [])
    lines = ["| pictures | " + " | ".join(names) + " |", "|---:" * (1 + len(names)) + "|"]
    for size in sizes:
        cells = [_cell(curve, size) for curve in curves]
        if published:
            cells.append(f"{PUBLISHED[size]:.1%}" if size in PUBLISHED else "")
        lines.append(f"| {size:,} | " + " | ".join(cells) + " |")
    for goal in GOALS:
        cells = [needed(curve, goal) for curve in curves]
        if published:
            cells.append(next((f"{size:,}" for size, share in PUBLISHED.items() if share >= goal), "-"))
        lines.append(f"| for {goal:.0%} | " + " | ".join(cells) + " |")
    return lines


def _cell(curve: Curve, size: int) -> str:
    point = next((one for one in curve.points if one.size == size), None)
    if point is None:
        return ""
    low, high = point.interval
    return f"{point.share:.1%} ({100 * low:.1f}-{100 * high:.1f}); {point.characters:.1%}"


def plot(grid: GridConfig, test: str, curves: Sequence[Curve], out: Path) -> list[Path]:
    """Curves over the number of pictures, with their intervals: SVG and PNG."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError as error:
        raise BackendUnavailable("plots need matplotlib: pip install 'edge_lpr[study]'") from error
    pyplot.rcParams["svg.hashsalt"] = "edge_lpr"  # the same figures give the same file
    figure, axes = pyplot.subplots(figsize=(8, 5), constrained_layout=True)
    for curve in curves:
        sizes = [point.size for point in curve.points]
        low, high = zip(*(point.interval for point in curve.points), strict=True)
        (line,) = axes.plot(sizes, [100 * point.share for point in curve.points], marker="o", ms=3, label=curve.name)
        axes.fill_between(sizes, [100 * x for x in low], [100 * x for x in high], alpha=0.2, color=line.get_color())
    if grid.published == test:
        axes.plot(list(PUBLISHED), [100 * share for share in PUBLISHED.values()], "k--", lw=1, label="published")
    axes.set_xscale("symlog", linthresh=25)
    axes.set(xlabel="pictures of the new country", ylabel="plates read exactly, % (O = 0, I = 1)",
             title=f"{grid.name}, tested on {test}", ylim=(-2, 102))  # fmt: skip
    axes.grid(alpha=0.3)
    axes.legend(loc="best", fontsize=8)
    files = [out / f"{grid.name}-{test}.{kind}" for kind in ("svg", "png")]
    for file in files:
        figure.savefig(file, dpi=110, metadata={"Date": None} if file.suffix == ".svg" else None)
    pyplot.close(figure)
    return files
