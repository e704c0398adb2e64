"""A folder as a film."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from edge_lpr.capture.folder import FolderSource
from edge_lpr.capture.source import CameraRefused, CameraSpec, EndOfStream


def test_sorted_by_name_at_the_given_rate_and_bad_ones_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, red in (("b.png", 2), ("a.jpg.png", 1), ("d.png", 4)):
        Image.new("RGB", (8, 6), (red, 0, 0)).save(tmp_path / name)
    (tmp_path / "c.png").write_bytes(b"not a picture")
    (tmp_path / "notes.txt").write_text("none of these")
    source = FolderSource(CameraSpec("gate", str(tmp_path), fps=4))
    source.open()
    got = [(int(picture.pixels[0, 0, 0]), picture.pts_s) for picture in (source.next(1) for _ in range(3)) if picture]
    assert got == [(1, 0.0), (2, 0.25), (4, 0.75)]
    assert "c.png" in capsys.readouterr().err
    with pytest.raises(EndOfStream):
        source.next(1)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CameraRefused, match="no pictures"):
        FolderSource(CameraSpec("gate", str(tmp_path))).open()
