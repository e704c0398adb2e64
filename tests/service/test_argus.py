"""The request to restart a Jetson's camera service: rare, and only for CSI cameras that are stuck."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_lpr.config import unit_text
from edge_lpr.service.argus import NOT_AGAIN_FOR_S, REQUEST, ArgusHelper


@pytest.mark.parametrize(("uri", "age_s", "asks"), [("csi://0", 200.0, True), ("CSI://1", 91.0, True),
                                                    ("csi://0", 30.0, False), ("rtsp://host/1", 999.0, False)])
def test_who_makes_it_ask(tmp_path: Path, uri: str, age_s: float, asks: bool) -> None:
    assert ArgusHelper(tmp_path / "run").look([("/dev/video0", 999.0), (uri, age_s)], 5.0) is asks
    assert (tmp_path / "run" / REQUEST).exists() is asks


def test_it_does_not_ask_again_soon(tmp_path: Path) -> None:
    helper = ArgusHelper(tmp_path)
    asked = [at_s for at_s in range(0, 5000, 10) if helper.look([("csi://0", 200.0)], float(at_s))]
    assert asked == [0, NOT_AGAIN_FOR_S, 2 * NOT_AGAIN_FOR_S, 3 * NOT_AGAIN_FOR_S, 4 * NOT_AGAIN_FOR_S]


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    assert ArgusHelper(tmp_path / "run").look([("csi://0", 200.0)], 5.0)


def test_the_unit_looks_where_the_gate_asks() -> None:
    assert f"PathExists=/run/edge-lpr/{REQUEST}" in unit_text("edge-lpr-argus.path")
    assert f"/run/edge-lpr/{REQUEST}" in unit_text("edge-lpr-argus.service")
