"""The drawn gate clip on disk, with the site that goes with it: configuration, lists, truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from edge_lpr.capture.video_writer import VideoWriter
from edge_lpr.training.gate_clip import FPS, Expected, GateClip
from edge_lpr.training.gate_place import lane_polygon, sign_polygon
from edge_lpr.training.gate_script import PARTS

CAMERA = "entry"
BARRIER = "gate"
RELAY = 1
LISTS = {"residents": "allow", "staff": "allow", "banned": "deny"}
"""The site's lists and their kinds."""
_HEAD = "plate;holder;group;valid_from;valid_until;note\n"
_NEIGHBOURS = {
    "residents": ("1AB2345;A neighbour;;;;", "WX60LMN;Another neighbour;;;;"),
    "staff": ("GHO4711;The gardener;;;;",),
    "banned": ("ZZ99ZZZ;;;;;left without paying",),
}
"""Entries of people who do not come."""
_SITE = """\
# The site of the drawn gate clip. `edge-lpr run --config {path}` runs the gate over it once more.
name = "drawn gate"

[[camera]]
name = "{camera}"
uri = "clip.mp4"
pace = "fast"
open_directions = ["approaching", "standing"]  # one lane leads out: who leaves opens nothing

[[camera.zone]]
name = "lanes"                                 # the parking bay is outside
polygon = {lanes}

[[camera.zone]]
name = "exit sign"                             # green, lettered, and as large as a plate
kind = "ignore"
polygon = {sign}

[[barrier]]
driver = "simulated"                           # a relay board in a process of its own, on a pseudo-terminal
pulse_s = 0.2
reply_timeout_s = 2.0                          # both processes may have to wait for the processor
most_per_minute = 60                           # the film is shown faster than it was made

[recognition]
regions = {regions}
{engines}
[access]
{lists}
[log]
folder = "log"

[service]
runtime_folder = "run"
"""


@dataclass(frozen=True)
class Gate:
    """What was written, and what the gate should make of it."""

    clip: Path
    config: Path
    truth: Path
    expected: tuple[Expected, ...]
    frame_count: int


def write_gate(
    folder: Path, seed: int = 1, engines: Path | None = None, drawn: Callable[[int], None] | None = None
) -> Gate:
    """Write `clip.mp4`, `truth.json`, `site.toml` and `lists/`; `drawn` hears the number of frames so far."""
    folder.mkdir(parents=True, exist_ok=True)
    clip = GateClip(seed)
    gate = Gate(folder / "clip.mp4", folder / "site.toml", folder / "truth.json", clip.expected(), clip.frame_count)
    with VideoWriter(gate.clip, FPS) as video:
        for count, picture in enumerate(clip.frames(), 1):
            video.write(picture)
            if drawn is not None:
                drawn(count)
    truth = {"fps": FPS, "frames": clip.frame_count, "arrivals": [asdict(one) for one in gate.expected]}
    gate.truth.write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")
    _write_lists(folder / "lists", gate.expected)
    gate.config.write_text(_site(gate.config, clip, engines), encoding="utf-8")
    return gate


def _write_lists(folder: Path, expected: Sequence[Expected]) -> None:
    folder.mkdir(exist_ok=True)
    for name in LISTS:
        own = [f"{one.text};{one.name};;;;" for one in expected if one.list_name == name]
        rows = "\n".join([*own, *_NEIGHBOURS[name]])
        (folder / f"{name}.csv").write_text(f"{_HEAD}{rows}\n", encoding="utf-8")


def _site(path: Path, clip: GateClip, engines: Path | None) -> str:
    lanes, sign = (
        [[round(float(share), 3) for share in point] for point in zone(clip.view)]
        for zone in (lane_polygon, sign_polygon)
    )
    regions = json.dumps(sorted({part.country.lower() for part in PARTS}))
    lists = "".join(
        f'\n[[access.list]]\nname = "{name}"\npath = "lists/{name}.csv"\nkind = "{kind}"\n'
        for name, kind in LISTS.items()
    )
    named = "" if engines is None else f"engines = {json.dumps(str(engines.absolute()))}\n"
    return _SITE.format(
        path=path, camera=CAMERA, lanes=lanes, sign=sign, lists=lists, regions=regions, engines=named
    )
