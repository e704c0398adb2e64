"""The machine that the tests of the service share, with the wheel and a clip."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.machine import Machine, base_root, cache, missing, wheels

CLIP_SEED, CLIP_S = 1, 11.0
"""The drawn gate clip's first vehicle: it comes, stops, and drives in."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These tests take root and minutes: `make test-system`."""
    here = Path(__file__).parent
    lacking = missing() if os.environ.get("EDGE_LPR_SYSTEM") else "EDGE_LPR_SYSTEM=1: make test-system"
    if lacking:
        for item in items:
            if here in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=f"a machine of its own needs {lacking}"))


def write_clip(folder: Path) -> None:
    """`clip.mp4`, and `plate.json` with what should be read."""
    from edge_lpr.capture.video_writer import VideoWriter
    from edge_lpr.training.gate_clip import FPS, GateClip
    from edge_lpr.training.gate_place import lane_polygon

    clip = GateClip(CLIP_SEED)
    first = next(one for one in clip.expected() if one.name == "resident")
    zone = [[round(float(share), 3) for share in point] for point in lane_polygon(clip.view)]
    with VideoWriter(folder / "clip.mp4", FPS) as video:
        for index in range(round(CLIP_S * FPS)):
            video.write(clip.frame(index))
    (folder / "plate.json").write_text(json.dumps({"plate": first.text, "zone": zone}))


@pytest.fixture(scope="session")
def clip() -> Path:
    """A folder with the clip and its truth."""
    folder = cache() / "system-clip"
    if not (folder / "plate.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write_clip(folder)
    return folder


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheels."""
    return wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, packages: Path, clip: Path) -> Iterator[Machine]:
    """A machine that has started, with nothing of edge_lpr on it."""
    seen = {"wheels": packages, "clip": clip, "tests": Path(__file__).parent,
            **{name: Path(__file__).parents[1] / name for name in ("capture", "barrier")}}
    machine = Machine.copy_of(base_root(), tmp_path_factory.mktemp("machine") / "root", seen)
    try:
        machine.boot()
        yield machine
    finally:
        machine.cut()
