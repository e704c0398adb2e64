"""The judgement as a picture: the frame, where plates were seen, the zone that is suggested, and the findings."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edge_lpr.commission.passage import Passage
from edge_lpr.commission.verdict import Report
from edge_lpr.doctor.finding import Finding, Level
from edge_lpr.records import Pixels

COLOURS = {Level.OK: (40, 170, 70), Level.WARN: (225, 150, 20), Level.FAIL: (205, 45, 45)}
ZONE_COLOUR = (70, 140, 250)
RIGHT_COLOUR, OTHER_COLOUR, UNREAD_COLOUR = (60, 220, 90), (250, 170, 40), (175, 175, 180)
LEGEND = "dots: the plate's way; green: read as decided, orange: read otherwise, grey: not read (any more)"
PAPER, INK, FAINT = (250, 250, 248), (28, 28, 30), (95, 95, 100)
FONT = cv2.FONT_HERSHEY_SIMPLEX
WIDTH_PX = 1280
LINE_PX = 24


def draw_report(frame: Pixels, passage: Passage | None, report: Report) -> Pixels:
    """The picture, uint8 RGB, 1280 px wide: the frame above, the findings below."""
    scale = WIDTH_PX / frame.shape[1]
    size = WIDTH_PX, round(frame.shape[0] * scale)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    shown = np.array(cv2.resize(frame, size, interpolation=method), np.uint8)
    if report.zone:
        _draw_zone(shown, report, size)
    if passage is not None:
        _draw_passage(shown, passage, scale)
    if report.zone:
        x, y = min(report.zone, key=lambda point: point[1])
        _tag(shown, "suggested zone", (round(x * size[0]), round(y * size[1]) - 6), ZONE_COLOUR)
    joined: Pixels = np.vstack((shown, _sheet(report)))
    return joined


def _draw_zone(shown: Pixels, report: Report, size: tuple[int, int]) -> None:
    points = np.round(np.array(report.zone) * size).astype(np.int32)
    over = shown.copy()
    cv2.fillPoly(over, [points], ZONE_COLOUR)
    shown[:] = cv2.addWeighted(over, 0.18, shown, 0.82, 0)
    cv2.polylines(shown, [points], True, ZONE_COLOUR, 2, cv2.LINE_AA)


def _draw_passage(shown: Pixels, passage: Passage, scale: float) -> None:
    """The plate's way, a dot a frame (LEGEND); outlined where it was read best."""
    for one in passage.moments:
        x, y = one.corners.mean(axis=0) * scale
        colour = UNREAD_COLOUR if not one.text else RIGHT_COLOUR if one.text == passage.text else OTHER_COLOUR
        cv2.circle(shown, (round(float(x)), round(float(y))), 4, colour, cv2.FILLED, cv2.LINE_AA)
    best = max(passage.read, key=lambda one: one.width_px, default=None)
    if best is None:
        return
    outline = np.round(best.corners * scale).astype(np.int32)
    cv2.polylines(shown, [outline], True, RIGHT_COLOUR, 2, cv2.LINE_AA)
    x, y = outline.min(axis=0)
    label = f"{passage.text} {passage.confidence:.0%}, {best.width_px:.0f} px"
    _tag(shown, label, (int(x), int(y) - 8), RIGHT_COLOUR)


def _tag(shown: Pixels, text: str, place: tuple[int, int], colour: tuple[int, int, int]) -> None:
    """Text on dark ground, its lower left corner at `place`, inside the picture."""
    (wide, high), _ = cv2.getTextSize(text, FONT, 0.6, 2)
    x, y = max(8, min(place[0], shown.shape[1] - wide - 8)), max(place[1], high + 8)
    cv2.rectangle(shown, (x - 4, y - high - 6), (x + wide + 4, y + 6), INK, cv2.FILLED)
    cv2.putText(shown, text, (x, y), FONT, 0.6, colour, 2, cv2.LINE_AA)


def _sheet(report: Report) -> Pixels:
    """The findings on paper, below the frame."""
    lines = [line for finding in report.findings for line in _lines(finding)]
    lines.append((None, LEGEND))
    sheet = np.full(((len(lines) + 2) * LINE_PX + 28, WIDTH_PX, 3), PAPER, np.uint8)
    verdict = Level.OK if report.passed else Level.FAIL
    title = "passed" if report.passed else "failed: change what is marked FAIL, and let a car pass again"
    cv2.putText(sheet, title, (20, LINE_PX + 8), FONT, 0.8, COLOURS[verdict], 2, cv2.LINE_AA)
    for number, (level, text) in enumerate(lines, 2):
        y = number * LINE_PX + 14
        if level is not None:
            cv2.putText(sheet, level.value, (20, y), FONT, 0.55, COLOURS[level], 2, cv2.LINE_AA)
        cv2.putText(sheet, text, (90, y), FONT, 0.55, INK if level else FAINT, 1, cv2.LINE_AA)
    return sheet


def _lines(finding: Finding) -> Sequence[tuple[Level | None, str]]:
    """A finding in lines that fit; None for the level of those that go on."""
    said = _wrapped(f"{finding.name}: {finding.said}")
    told: list[tuple[Level | None, str]] = [(finding.level, said[0]), *((None, more) for more in said[1:])]
    if finding.advice:
        told += [(None, line) for line in _wrapped(f"> {finding.advice}")]
    return told


def _wrapped(text: str, longest: int = 118) -> list[str]:
    """Words in lines."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= longest:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
