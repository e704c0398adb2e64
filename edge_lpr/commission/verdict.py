"""A passage judged: what is good, what is not, and what to change. Pure but for the records it takes."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge_lpr.commission.passage import Moment, Passage
from edge_lpr.doctor.finding import Finding, Level, fail, ok, warn

LEAST_PX, GOOD_PX = 70.0, 100.0
"""Plate width where it is read: the reader's input is 144 px wide."""
TILT_DEG, SLANT_DEG = 8.0, 20.0
BLURRED, SOFT = 0.06, 0.10
"""Sharpness as in OpticSample. Of 40 photographs with plates 110 px wide: 0.27 as they are, all read; 0.13 blurred by a
Gaussian of 1 px, 98% read; 0.06 by 2 px, 65%; 0.045 by 3 px, none."""
DARK, BRIGHT, FLAT, CLIPPED = 40.0, 215.0, 45.0, 0.25
FEWEST_READS, GOOD_READS = 3, 6
SLOW_S = 1.5
"""From a plate that is LEAST_PX wide to the decision: a car that does not stop is past the barrier soon after."""
ZONE_MARGIN = 0.03
"""Of the picture, around the places where plates were read."""

Polygon = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Report:
    """The judgement: `passed` without a FAIL; the `zone` in shares of the picture, () where none can be told."""

    text: str
    findings: tuple[Finding, ...]
    zone: Polygon

    @property
    def passed(self) -> bool:
        """Whether the camera hangs well enough."""
        return all(one.level is not Level.FAIL for one in self.findings)

    @property
    def zone_toml(self) -> str:
        """The zone as it stands in a site's file."""
        points = ", ".join(f"[{x:g}, {y:g}]" for x, y in self.zone)
        return f'[[camera.zone]]\nname = "lane"\npolygon = [{points}]' if self.zone else ""

    def to_json(self) -> str:
        """For programs."""
        findings = [{"name": one.name, "level": one.level.value, "said": one.said, "advice": one.advice}
                    for one in self.findings]
        return json.dumps({"passed": self.passed, "plate": self.text, "zone": self.zone, "findings": findings},
                          indent=1)


def judge(passage: Passage | None, fps: float, size: tuple[int, int]) -> Report:
    """Judge a passage; `size` (width, height) of the picture in px. None: no vehicle was decided."""
    if passage is None:
        nothing = fail("plate", "no vehicle was read",
                       "let a car drive through slowly; see where the camera looks, how large plates are, the light")
        return Report("", (nothing,), ())
    seen = passage.read or passage.moments
    findings = [*_reading(passage), *_width(seen), *_angle(seen), *_blur(seen), *_exposure(seen), *_speed(passage, fps)]
    return Report(passage.text, tuple(findings), suggested_zone(passage.right, size))


def suggested_zone(moments: Sequence[Moment], size: tuple[int, int]) -> Polygon:
    """The convex hull of the plates that were read right, with a margin, in shares of the picture, two decimals."""
    if len(moments) < 2:
        return ()
    points = {(x / size[0], y / size[1]) for one in moments for x, y in one.corners.tolist()}
    grown = {(min(max(x + dx, 0.0), 1.0), min(max(y + dy, 0.0), 1.0)) for x, y in points
             for dx in (-ZONE_MARGIN, ZONE_MARGIN) for dy in (-ZONE_MARGIN, ZONE_MARGIN)}
    return hull(sorted({(round(x, 2), round(y, 2)) for x, y in grown}))


def hull(points: Sequence[tuple[float, float]]) -> Polygon:
    """Convex hull of sorted points, Andrew's monotone chain (1979)."""
    def half(ordered: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        chain: list[tuple[float, float]] = []
        for x, y in ordered:
            while len(chain) > 1:
                (ax, ay), (bx, by) = chain[-2:]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 1e-9:
                    break
                chain.pop()
            chain.append((x, y))
        return chain[:-1]

    return tuple(half(points) + half(points[::-1]))


def _reading(passage: Passage) -> Iterator[Finding]:
    right, read = len(passage.right), len(passage.read)
    said = f"{passage.text} {passage.confidence:.1%}; {right} of {read} frames read say so"
    if passage.confidence < 0.8:
        yield fail("plate", said, "what follows says why; until then such a car is kept out")
    elif right < FEWEST_READS:
        yield warn("plate", said, "more frames make it sure: a longer view, a higher frame rate, slower cars")
    else:
        yield ok("plate", said)


def _width(seen: Sequence[Moment]) -> Iterator[Finding]:
    widest, narrowest = max(one.width_px for one in seen), min(one.width_px for one in seen)
    said = f"{narrowest:.0f} to {widest:.0f} px wide where it was read"
    if widest < LEAST_PX:
        yield fail("width", said, f"zoom in by {GOOD_PX / widest:.1f}, or hang the camera nearer: {GOOD_PX:.0f} px are"
                   " good")
    elif widest < GOOD_PX:
        yield warn("width", said, f"zoom in by {GOOD_PX / widest:.1f}: {GOOD_PX:.0f} px are good")
    else:
        yield ok("width", said)


def _angle(seen: Sequence[Moment]) -> Iterator[Finding]:
    tilt, slant = _middle([one.tilt_deg for one in seen]), _middle([one.slant_deg for one in seen])
    said = f"tilted by {tilt:+.0f} degrees, slanted by {slant:+.0f}"
    if abs(tilt) > 2 * TILT_DEG or abs(slant) > 1.6 * SLANT_DEG:
        yield fail("angle", said, _turn(tilt, slant))
    elif abs(tilt) > TILT_DEG or abs(slant) > SLANT_DEG:
        yield warn("angle", said, _turn(tilt, slant))
    else:
        yield ok("angle", said)


def _turn(tilt: float, slant: float) -> str:
    if abs(slant) > SLANT_DEG:
        return "the camera looks too much from the side: hang it nearer to the lane, or farther back"
    return f"turn the camera about its own axis by {abs(tilt):.0f} degrees {'clockwise' if tilt > 0 else 'back'}"


def _blur(seen: Sequence[Moment]) -> Iterator[Finding]:
    sharpest = sorted(one.sharpness for one in seen)[-max(1, len(seen) // 4)]
    said = f"sharpness {sharpest:.2f} (good from {SOFT:.2f} on)"
    advice = "focus it on the place where cars stop, clean the lens; if only moving cars blur, a shorter exposure" \
             " (1/500 s or less) and more light"
    if sharpest < BLURRED:
        yield fail("blur", said, advice)
    elif sharpest < SOFT:
        yield warn("blur", said, advice)
    else:
        yield ok("blur", said)


def _exposure(seen: Sequence[Moment]) -> Iterator[Finding]:
    bright, contrast = _middle([one.brightness for one in seen]), _middle([one.contrast for one in seen])
    clipped = _middle([one.clipped for one in seen])
    said = f"plate at grey level {bright:.0f}, contrast {contrast:.0f}, {clipped:.0%} white"
    if bright > BRIGHT or clipped > CLIPPED and contrast < 2 * FLAT:
        yield fail("exposure", said, "too bright: a shorter exposure, less gain; by night turn the infrared lamp down")
    elif bright < DARK:
        yield warn("exposure", said, "dark: more light on the plate, then a longer exposure")
    elif contrast < FLAT:
        yield warn("exposure", said, "flat: clean the lens, no light into it, less compression")
    else:
        yield ok("exposure", said)


def _speed(passage: Passage, fps: float) -> Iterator[Finding]:
    moments, decided_s = passage.moments, passage.decided_s
    assert decided_s is not None, "only decided passages are judged"
    until_decided = [one for one in passage.read if one.at_s <= decided_s]
    spent_s = max(decided_s - moments[0].at_s, 1.0 / max(fps, 1.0))
    seen_s = moments[-1].at_s - moments[0].at_s
    rate = len(until_decided) / spent_s
    large_s = next((one.at_s for one in moments if one.width_px >= LEAST_PX), decided_s)
    late_s = max(decided_s - large_s, 0.0)
    said = f"{fps:.1f} frames a second, {rate:.1f} reads a second; decided {spent_s:.1f} s after it appeared, " \
           f"{late_s:.1f} s after its plate was {LEAST_PX:.0f} px wide; in view for {seen_s:.1f} s"
    if len(until_decided) < FEWEST_READS:
        yield warn("speed", said, "few frames tell: a higher frame rate, a longer view of the lane")
    elif late_s > SLOW_S:
        yield warn("speed", said, "it is read late: see blur and exposure; a higher frame rate; `edge-lpr bench`")
    else:
        yield ok("speed", said)


def _middle(values: Sequence[float]) -> float:
    return float(statistics.median(values))
