"""An evaluation as a table for people, as JSON for programs, and as a reliability picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import cv2
import numpy as np

from edge_lpr.records import Pixels
from edge_lpr.training.evaluate import Evaluation, SweepPoint
from edge_lpr.training.metrics import CALIBRATION_BINS, CalibrationBin
from edge_lpr.training.outcomes import Figures, PictureOutcome, by_group, by_region, by_use, figures, reliability

_HEADINGS = (
    *("", "images", "plates", "recall", "FP/neg", "exact", "O=0 I=1", "chars", "ECE", "ECE O=0"),
    *("1 thread ms", "all ms"),
)


def table(evaluation: Evaluation) -> str:
    """The figures by task: in all, by use where there are several, by set and by country."""
    parts = []
    for task, outcomes in evaluation.tasks.items():
        if not outcomes:
            parts.append(f"{task}: no pictures for this task\n")
            continue
        uses = by_use(outcomes)
        rows: list[tuple[str, ...]] = [_HEADINGS, _row("all", _figures(task, outcomes))]
        groupings = {"use": uses if len(uses) > 1 else {}, "set": by_group(outcomes)}
        groupings["country"] = by_region(outcomes, whole_country=True)
        for grouping, groups in groupings.items():
            rows += [(f"by {grouping}", *[""] * (len(_HEADINGS) - 1))] if groups else []
            rows += [_row(f"  {name}", _figures(task, of)) for name, of in groups.items()]
        parts.append(f"{task}\n{_aligned(rows)}\n")
    if evaluation.sweep:
        parts.append(f"detection by threshold\n{_aligned(_sweep_rows(evaluation.sweep))}\n")
    parts.append(f"peak memory {evaluation.peak_memory_mib:.0f} MiB")
    return "\n".join(parts)


def as_json(evaluation: Evaluation, about: Mapping[str, Any]) -> dict[str, Any]:
    """The same figures, and more of them, as plain values; what was not measured is null. `about` comes first."""
    tasks = {task: _task_json(task, outcomes) for task, outcomes in evaluation.tasks.items()}
    whole = {**about, "tasks": tasks, "peak_memory_mib": evaluation.peak_memory_mib}
    if evaluation.sweep:
        whole["thresholds"] = [asdict(point) for point in evaluation.sweep]
    return dict(_plain(whole))


def _task_json(task: str, outcomes: Sequence[PictureOutcome]) -> dict[str, Any]:
    groupings = {
        "by_use": by_use(outcomes),
        "by_source": by_group(outcomes),
        "by_region": by_region(outcomes, whole_country=False),
        "by_country": by_region(outcomes, whole_country=True),
    }
    figures_of: dict[str, Any] = {"all": asdict(_figures(task, outcomes))}
    for grouping, groups in groupings.items():
        figures_of[grouping] = {name: asdict(_figures(task, of)) for name, of in groups.items()}
    if task != "detect":
        figures_of["reliability"] = [asdict(one) for one in reliability(outcomes)]
    return figures_of


def _figures(task: str, outcomes: Sequence[PictureOutcome]) -> Figures:
    return figures(outcomes, reads=task != "detect", finds=task != "read")


def _plain(value: Any) -> Any:
    """JSON has no nan: such numbers become null, others are rounded to what a measurement can mean."""
    if isinstance(value, Mapping):
        return {key: _plain(of) for key, of in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(of) for of in value]
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 5)
    return value


def _row(name: str, of: Figures) -> tuple[str, ...]:
    return (
        name,
        str(of.images),
        str(of.plates),
        _share(of.recall),
        _number(of.false_per_negative),
        _share(of.exact),
        _share(of.exact_folded),
        _share(of.character_accuracy),
        _number(of.calibration_error),
        _number(of.calibration_error_folded),
        _times(of.one_thread_median_ms, of.one_thread_p95_ms),
        _times(of.all_threads_median_ms, of.all_threads_p95_ms),
    )


def _sweep_rows(points: Sequence[SweepPoint]) -> list[tuple[str, ...]]:
    groups = list(points[0].recall_by_group)
    rows: list[tuple[str, ...]] = [("threshold", "FP/neg", "recall", *groups)]
    for point in points:
        shares = (_share(point.recall_by_group[group]) for group in groups)
        rows.append((f"{point.threshold:.2f}", _number(point.false_per_negative), _share(point.recall), *shares))
    return rows


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.1f}%"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _times(median: float, p95: float) -> str:
    return "-" if math.isnan(median) else f"{median:.1f} / {p95:.1f}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = []
    for row in rows:
        numbers = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        lines.append("  ".join((row[0].ljust(widths[0]), *numbers)).rstrip())
    return "\n".join(lines)


def reliability_picture(bins: Sequence[CalibrationBin], title: str, side: int = 360) -> Pixels:
    """How often readings are right (bars) against their confidence (the diagonal is perfect), uint8 RGB.

    A bar's darkness tells the share of all readings in it; its number is their count.
    """
    edge, font = 40, cv2.FONT_HERSHEY_SIMPLEX
    page: Pixels = np.full((side + 2 * edge, side + 2 * edge, 3), 255, np.uint8)
    bottom, total = edge + side, max(1, sum(one.count for one in bins))
    for one in bins:
        x1, x2 = (edge + round(side * share) for share in (one.low, one.high))
        shade = int(210 - 170 * (one.count / total) ** 0.5)
        cv2.rectangle(page, (x1 + 1, bottom - round(side * one.accuracy)), (x2 - 1, bottom), (shade, shade, 235), -1)
        at = (edge + round(side * one.confidence), bottom - round(side * one.accuracy))
        cv2.circle(page, at, 3, (200, 40, 40), -1, cv2.LINE_AA)
        cv2.putText(page, str(one.count), (x1 + 1, bottom - 4), font, 0.3, (60, 60, 60), 1, cv2.LINE_AA)
    cv2.line(page, (edge, bottom), (edge + side, edge), (120, 120, 120), 1, cv2.LINE_AA)
    cv2.rectangle(page, (edge, edge), (edge + side, bottom), (40, 40, 40), 1)
    axis = f"confidence, {CALIBRATION_BINS} bins"
    ends = (("right", (2, edge + 12)), ("0", (edge - 12, bottom + 12)), ("1", (edge + side, bottom + 12)))
    for text, where in ((title, (edge, edge - 14)), (axis, (edge + side // 3, bottom + 28)), *ends):
        cv2.putText(page, text, where, font, 0.42, (20, 20, 20), 1, cv2.LINE_AA)
    return page
