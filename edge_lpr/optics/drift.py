"""Whether a camera's plates look different than they did, since when, and what is the likely cause. Pure.

For each figure the days are cut in two where before and after differ most, against the scatter of days among
themselves. A change counts when it is large enough to matter, far beyond that scatter (many figures, cuts and days are
looked at, so far means far), and still there on the last days.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo

from edge_lpr.optics.days import Light, OpticDay, days_of
from edge_lpr.records import OpticHour

LOOK_BACK_DAYS = 35
FEWEST_BEFORE, FEWEST_AFTER = 5, 2
FAR = 6.0
"""Standard errors beyond which a difference is no chance."""
LEAST_SCATTER = 0.02
"""Days differ by so much of their value at least, however alike they happened to be: weather, vehicles."""
STILL_THERE = 0.6
"""Share of a change that the last days must show."""
MATTERS = {"reads": 0.15, "sharpness": 0.12, "contrast": 0.15, "brightness": 0.20, "width_px": 0.08, "confidence": 0.03}
"""Share of its value by which a figure must change."""
WORDS = {"reads": "reads an arrival", "sharpness": "sharpness", "contrast": "contrast", "brightness": "brightness",
         "width_px": "plate width", "confidence": "confidence"}


@dataclass(frozen=True)
class Change:
    """One figure, `ratio` after to before, since `day`; `score` how many standard errors."""

    figure: str
    ratio: float
    day: date
    score: float

    @property
    def told(self) -> str:
        """In words."""
        verb = "fell" if self.ratio < 1 else "rose"
        return f"{WORDS[self.figure]} {verb} by {abs(self.ratio - 1):.0%}"


@dataclass(frozen=True)
class Drift:
    """What changed for a camera in one light, and what to do about it."""

    camera: str
    light: Light
    changes: tuple[Change, ...]
    advice: str

    @property
    def since(self) -> date:
        """The day of the change that stands out most."""
        return max(self.changes, key=lambda one: one.score).day

    def seen(self, today: date) -> str:
        """'camera entry by day: reads an arrival fell by 18%, sharpness fell by 25% since Tuesday'."""
        what = ", ".join(change.told for change in self.changes)
        return f"camera {self.camera} by {self.light.value}: {what} since {day_name(self.since, today)}"

    def told(self, today: date) -> str:
        """One line: what is seen, and the advice."""
        return f"{self.seen(today)}: {self.advice}"


def drifts(hours: Iterable[OpticHour], zone: tzinfo) -> list[Drift]:
    """All that changed, by camera and light."""
    found = []
    for (camera, light), days in sorted(days_of(hours, zone).items()):
        recent = [one for one in days if (days[-1].day - one.day).days < LOOK_BACK_DAYS]
        changes = tuple(change for name in MATTERS if (change := change_of(recent, name)) is not None)
        if advice := advice_for({change.figure: change.ratio for change in changes}, light):
            found.append(Drift(camera, light, changes, advice))
    return found


def change_of(days: Sequence[OpticDay], figure: str) -> Change | None:
    """The change of a figure that stands out most, or None where none counts."""
    values = [(one.mean[figure], one.error[figure]) for one in days]
    best: Change | None = None
    for cut in range(FEWEST_BEFORE, len(days) - FEWEST_AFTER + 1):
        before, after = _level(values[:cut]), _level(values[cut:])
        if before[0] <= 0:
            continue
        score = abs(after[0] - before[0]) / math.hypot(before[1], after[1])
        if best is None or score > best.score:
            best = Change(figure, after[0] / before[0], days[cut].day, score)
    if best is None or best.score < FAR or abs(best.ratio - 1) < MATTERS[figure]:
        return None
    before_level = _level([value for one, value in zip(days, values, strict=True) if one.day < best.day])[0]
    last = sum(value for value, _ in values[-FEWEST_AFTER:]) / FEWEST_AFTER
    shown = (last / before_level - 1) / (best.ratio - 1)
    return best if shown >= STILL_THERE else None


def _level(values: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The median of some days, and how sure it is: from the days' own errors, their scatter, and the least scatter."""
    ordered = sorted(value for value, _ in values)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    scatter = 1.4826 * sorted(abs(value - middle) for value in ordered)[len(ordered) // 2]
    own = sum(error * error for _, error in values) / len(values)
    a_day = math.sqrt(max(scatter * scatter, own) + (LEAST_SCATTER * middle) ** 2)
    return middle, max(1.25 * a_day / math.sqrt(len(values)), 1e-9)  # 1.25: a median's error against a mean's


def advice_for(ratios: dict[str, float], light: Light) -> str:
    """What to do, from the figures that changed; '' where nothing went for the worse."""
    def fell(name: str) -> bool:
        return ratios.get(name, 1.0) < 1.0

    def rose(name: str) -> bool:
        return ratios.get(name, 1.0) > 1.0

    if "width_px" in ratios:
        return "the camera was moved, or its zoom changed: check its aim and zone with `edge-lpr commission`"
    if fell("contrast") and rose("brightness"):
        return "hazy and bright: clean the lens and its cover, and look for a lamp or sun that shines into it"
    if fell("sharpness"):
        return "blur is rising: clean the lens and its cover, then check the focus"
    if light is Light.NIGHT and (fell("brightness") or fell("contrast")):
        return "the light by night is failing: check the infrared lamp, and clean it"
    if fell("contrast"):
        return "contrast is falling: clean the lens and its cover, check the exposure"
    if fell("brightness") or rose("brightness"):
        return "the exposure changed: check the camera's settings and lamps"
    if fell("reads"):
        return "each vehicle is seen in fewer frames: check the frame rate (`edge-lpr status`) and what hides the lane"
    if fell("confidence"):
        return "plates are read less surely though they look the same: look at them with `edge-lpr log list`"
    return ""


def day_name(day: date, today: date) -> str:
    """A weekday within the last week, else the date."""
    if 0 < (today - day).days < 7:
        return f"{day:%A}"
    return f"{day:%Y-%m-%d}"
