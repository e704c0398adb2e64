"""Training photographs: which are listed, which are held out, how they are decoded."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_lpr.errors import ConfigError
from edge_lpr.training import photographs


def write_labels(folder: Path, lines: list[str]) -> Path:
    path = folder / "labels.csv"
    path.write_text("image,x,y,w,h,text,region,source,license,use\n" + "\n".join(lines) + "\n")
    return path


def test_only_whole_pictures_of_the_asked_use_are_listed(tmp_path: Path) -> None:
    labels = write_labels(tmp_path, [
        "images/scene_a_1.jpg,1,2,30,10,AB1,DE,s,l,train", "images/scene_a_1.jpg,50,2,30,10,,DE,s,l,train",
        "images/scene_b_1.jpg,1,2,30,10,AB1,DE,s,l,eval", "images/crop_c_1.jpg,0,0,9,9,X1,DE,s,l,train",
        "images/neg_d_1.jpg,,,,,,,s,l,train",
    ])  # fmt: skip
    rows = {row.path.name: row for row in photographs.list_photos(labels)}
    assert sorted(rows) == ["neg_d_1.jpg", "scene_a_1.jpg"]
    np.testing.assert_allclose(rows["scene_a_1.jpg"].boxes, [[1, 2, 31, 12], [50, 2, 80, 12]])
    assert rows["neg_d_1.jpg"].boxes.shape == (0, 4)
    with pytest.raises(ConfigError, match="use=other"):
        photographs.list_photos(labels, "other")


def test_frames_of_one_vehicle_are_held_out_together() -> None:
    none = np.zeros((0, 4), np.float32)
    rows = [photographs.PhotoRow(Path(f"scene_{n}.jpg"), none, f"TEXT{n // 2}") for n in range(2000)]
    parts = [photographs.held_out(row) for row in rows]
    assert parts[0::2] == parts[1::2]
    assert 0.12 < np.mean(parts) < 0.18


def test_a_broken_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "scene_a.jpg").write_bytes(b"no picture")
    with pytest.raises(ConfigError, match="scene_a.jpg"):
        photographs.load_photo(photographs.PhotoRow(tmp_path / "scene_a.jpg", np.zeros((0, 4), np.float32), ""))


def test_loaded_pictures_are_rgb(tmp_path: Path) -> None:
    red_bgr = np.zeros((20, 20, 3), np.uint8)
    red_bgr[..., 2] = 255
    cv2.imwrite(str(tmp_path / "scene_a.png"), red_bgr)
    photo = photographs.load_photo(photographs.PhotoRow(tmp_path / "scene_a.png", np.zeros((0, 4), np.float32), ""))
    assert tuple(photo.levels[0][5, 5]) == (255, 0, 0)
    assert [level.shape[0] for level in photo.levels] == [20, 10, 5]
