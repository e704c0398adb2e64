"""The report: float against INT8 on labelled pictures, and what calibration found, as report.md, report.json, plots."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge_lpr.errors import NetworkError
from edge_lpr.networks.card import load_card
from edge_lpr.networks.variants import FLOAT_CARD, INT8_CARD
from edge_lpr.quantise import plots
from edge_lpr.quantise.compare import PRECISIONS, Comparison, compare
from edge_lpr.quantise.pair import REPORT
from edge_lpr.recognition.recognise import DETECTOR_FOLDER, READER_FOLDER
from edge_lpr.training.labels import LabelledPicture
from edge_lpr.training.outcomes import Figures

FOLDERS = (DETECTOR_FOLDER, READER_FOLDER)
DETECTION_ONLY = "scene_uc3m"
WORST_LAYERS = 12
TITLES = {"detect": "Detection", "read": "Reading of crops", "end-to-end": "End to end: found and read"}


def write_report(engines: Path, pictures: Sequence[LabelledPicture], out: Path, about: str) -> Path:
    """Measure both precisions of the networks in `engines` and write the report into `out`; returns report.md.

    Raises NetworkError when an INT8 network is missing or stale.
    """
    found = {folder: _calibration(engines / folder) for folder in FOLDERS}
    comparison = compare(engines, pictures, _progress)
    out.mkdir(parents=True, exist_ok=True)
    sizes = {folder: _sizes(engines / folder) for folder in FOLDERS}
    _draw(found, comparison, out)
    figures = {task: {one: asdict(comparison.figures(task, one)) for one in PRECISIONS}
               for task in comparison.outcomes}
    groups = {task: {one: {name: asdict(some) for name, some in (comparison.by_set(task, one)
                                                                | comparison.by_country(task, one)).items()}
                     for one in PRECISIONS} for task in comparison.outcomes}
    whole = {"pictures": about, "machine": platform.machine(), "figures": figures, "groups": groups,
             "shift": asdict(comparison.shift), "bytes": sizes, "calibration": found}
    (out / "report.json").write_text(json.dumps(_plain(whole), indent=1) + "\n")
    path = out / "report.md"
    path.write_text("\n".join(_text(comparison, found, sizes, about)) + "\n")
    return path


def _calibration(folder: Path) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads((folder / REPORT).read_text())
    except (OSError, ValueError) as error:
        raise NetworkError(f"{folder / REPORT}: cannot be read ({error}); run `edge-lpr calibrate` first") from error
    return report


def _sizes(folder: Path) -> dict[str, int]:
    return {one: (folder / load_card(folder / name).file).stat().st_size
            for one, name in zip(PRECISIONS, (FLOAT_CARD, INT8_CARD), strict=True)}


def _progress(pictures: Sequence[LabelledPicture], title: str) -> Iterable[LabelledPicture]:
    from tqdm import tqdm

    bar: Iterable[LabelledPicture] = tqdm(pictures, desc=title, unit="picture", leave=False, disable=None)
    return bar


def _draw(found: dict[str, dict[str, Any]], comparison: Comparison, out: Path) -> None:
    for folder, one in found.items():
        rows = [(layer["layer"], layer["noise"]) for layer in one["layers"]]
        page = plots.bars(rows, f"{folder}: output noise of each layer in INT8 alone")
        plots.save(page, out / f"{folder}_layers.png")
        for value, label in (("noise", "output noise, %"), ("loss_points", "loss, points")):
            series: dict[str, list[tuple[float, float]]] = {}
            for row in one["study"]:
                scale = 100.0 if value == "noise" else 1.0
                series.setdefault(row["method"], []).append((row["frames"], scale * row[value]))
            if series:
                page = plots.lines(series, f"{folder}: {label} by method and number of frames", "frames", label)
                plots.save(page, out / f"{folder}_{value}.png")
    for task in ("read", "end-to-end"):
        series_of = {one: comparison.reliability(task, one) for one in PRECISIONS}
        plots.save(plots.confidence(series_of, f"confidence, {task}, O=0 and I=1"), out / f"confidence_{task}.png")


def _text(comparison: Comparison, found: dict[str, dict[str, Any]], sizes: dict[str, dict[str, int]], about: str
          ) -> list[str]:
    lines = ["# INT8 against float", "", f"Labelled pictures: {about}; nothing was fitted or chosen on them. Both"
             " networks of a precision run together, on one core, picture by picture in turns; times are processor"
             " time. `edge-lpr calibrate report` wrote this; report.json has every figure.", ""]
    lines += _bars(comparison, found, sizes)
    for task in comparison.outcomes:
        lines += ["", f"## {TITLES[task]}", "", *_task_table(comparison, task)]
    lines += ["", "## What INT8 moves", "", *_shift_lines(comparison)]
    for folder, one in found.items():
        lines += ["", f"## {folder}: calibration", "", *_calibration_lines(folder, one)]
    return lines


def _bars(comparison: Comparison, found: dict[str, dict[str, Any]], sizes: dict[str, dict[str, int]]) -> list[str]:
    (e2e, e2e8), (read, read8), (seen, seen8) = (
        tuple(comparison.figures(task, one) for one in PRECISIONS) for task in ("end-to-end", "read", "detect")
    )
    times = [sum(one["speed_ms"][name] for one in found.values()) for name in ("first_ms", "second_ms")]
    shares = " / ".join(f"{one['quantisation']['integer_share']:.1%}" for one in found.values())
    megabytes = {one: sum(size[one] for size in sizes.values()) / 1e6 for one in PRECISIONS}
    rows = [
        ("end to end, exact", _percent(e2e.exact), _percent(e2e8.exact), _points(e2e.exact, e2e8.exact), "-0.5 / 0"),
        ("crops, exact", _percent(read.exact), _percent(read8.exact), _points(read.exact, read8.exact), "-0.5 / 0"),
        ("detection, recall", _percent(seen.recall), _percent(seen8.recall), _points(seen.recall, seen8.recall),
         "-0.5 / 0"),
        ("false positives a negative", _number(seen.false_per_negative), _number(seen8.false_per_negative), "", ""),
        ("calibration error, crops", _number(read.calibration_error), _number(read8.calibration_error), "",
         "0.03 / 0.01"),
        ("calibration error, end to end", _number(e2e.calibration_error), _number(e2e8.calibration_error), "", ""),
        ("both networks once, ms", f"{times[0]:.2f}", f"{times[1]:.2f}", f"{times[0] / times[1]:.2f} times as fast",
         "1.5 / 2.5 times"),
        ("detect + read a picture, median ms", f"{e2e.one_thread_median_ms:.1f}", f"{e2e8.one_thread_median_ms:.1f}",
         f"{e2e.one_thread_median_ms / e2e8.one_thread_median_ms:.2f} times as fast", "15 / 7 ms"),
        ("multiply-adds in INT8 (" + " / ".join(found) + ")", "", shares, "", "95% / 99%"),
        ("both files, MB", f"{megabytes['float32']:.2f}", f"{megabytes['int8']:.2f}", "", "4 / 2 MB"),
    ]
    head = "| figure | float | INT8 | INT8 - float | bar: must / aim |"
    return [head, "|---|---|---|---|---|", *(_row(row) for row in rows)]


def _task_table(comparison: Comparison, task: str) -> list[str]:
    names = {"detect": ("recall", "FP a negative"), "read": ("exact", "O=0 I=1", "characters", "ECE")}
    columns = names.get(task, ("recall", "exact", "O=0 I=1", "characters", "ECE"))
    head = ["| set | plates |" + "".join(f" {name}, float | INT8 |" for name in columns)]
    lines = [*head, "|---" * (2 + 2 * len(columns)) + "|"]
    first, second = ({"all": comparison.figures(task, one), **comparison.by_set(task, one),
                      **_countries(comparison, task, one)} for one in PRECISIONS)
    for name, of in first.items():
        cells = [name, str(of.plates)]
        for column in columns:
            cells += [_value(column, of), _value(column, second[name])]
        lines.append(_row(cells))
    if task != "detect":
        better, worse = comparison.changed(task)
        lines += ["", f"INT8 reads {worse} plates wrong that float reads right, and {better} right that float reads"
                  f" wrong. ![confidence](confidence_{task}.png)"]
    return lines


def _countries(comparison: Comparison, task: str, precision: str) -> dict[str, Figures]:
    """Countries with enough plates to speak of."""
    return {name: of for name, of in comparison.by_country(task, precision).items()
            if of.plates >= 10 and name != "(none)"} if task != "detect" else {}


def _value(column: str, of: Figures) -> str:
    if column == "FP a negative":
        return _number(of.false_per_negative)
    if column == "ECE":
        return _number(of.calibration_error)
    shares = {"recall": of.recall, "exact": of.exact, "O=0 I=1": of.exact_folded, "characters": of.character_accuracy}
    return _percent(shares[column])


def _shift_lines(comparison: Comparison) -> list[str]:
    of = comparison.shift
    return [f"Over {of.pairs} plates that both find: box overlap (IoU) of the two median {of.overlap_median:.3f}, 5th"
            f" percentile {of.overlap_low:.3f}; corners differ by {of.corner_median:.2%} of the plate's height (median;"
            f" 95th percentile {of.corner_high:.2%}). Found by float only: {of.only_float}; by INT8 only:"
            f" {of.only_int8}. The pictures have no labelled corners."]


def _calibration_lines(folder: str, one: dict[str, Any]) -> list[str]:
    of = one["quantisation"]
    kept = ", ".join(f"`{name}`" for name in of["kept_float"]) or "none: the loss was within the bound without"
    proof = of["proof"]
    lines = [
        f"Chosen: {of['method']}, repair: {of['repair']}, {of['frames']} frames ({of['source']}). On the proof"
        f" ({proof['float32']['plates']} plates, drawn and held-out; exact {_percent(proof['float32']['exact'])} ->"
        f" {_percent(proof['int8']['exact'])}) INT8 loses {of['loss_points']:+.2f} points; the bound is"
        f" {of['bound_points']:g}. Layers kept in float, besides the heads: {kept}.",
        f"The spelling for TensorRT loses {of['tensorrt_against_int8_points']:+.2f} points against the INT8 file, both"
        " run by ONNX Runtime. " + " ".join(f"{note[0].upper()}{note[1:]}." for note in of["notes"]),
        "", "| method | repair | frames | layers in float | loss, points | output noise |", "|---|---|---|---|---|---|",
    ]
    lines += [_row((row["method"], row["repair"], str(row["frames"]), str(row["kept_float"]),
                    f"{row['loss_points']:+.2f}", f"{row['noise']:.2%}")) for row in one["tries"]]
    if one["study"]:
        older = one["study_float_sha256"] != of["float_sha256"]
        lines += ["", f"Every method at every number of frames, on a part of the proof ({one['study'][0]['plates']}"
                  " plates): loss in points / output noise." + (" Made on earlier weights." if older else ""),
                  "", *_study_table(one["study"]), "",
                  f"![noise]({folder}_noise.png)"]
    worst = one["layers"][:WORST_LAYERS]
    lines += ["", "Layers that add most noise when they alone are INT8:", "", "| layer | MMAC | output noise |",
              "|---|---|---|"]
    lines += [_row((f"`{row['layer']}`", f"{row['multiply_adds'] / 1e6:.1f}", f"{row['noise']:.2%}")) for row in worst]
    return [*lines, "", f"![layers]({folder}_layers.png)"]


def _study_table(rows: Sequence[dict[str, Any]]) -> list[str]:
    methods = list(dict.fromkeys(row["method"] for row in rows))
    cells = {(row["frames"], row["method"]): f"{row['loss_points']:+.2f} / {row['noise']:.2%}" for row in rows}
    lines = [_row(("frames", *methods)), "|---" * (1 + len(methods)) + "|"]
    frames = sorted({row["frames"] for row in rows})
    return lines + [_row((str(count), *(cells.get((count, one), "") for one in methods))) for count in frames]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _percent(value: float) -> str:
    return "-" if value != value else f"{100 * value:.2f}%"


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.3f}"


def _points(before: float, after: float) -> str:
    return f"{100 * (after - before):+.2f} points"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(of) for key, of in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(of) for of in value]
    if isinstance(value, float):
        return None if value != value else round(value, 5)
    return value
