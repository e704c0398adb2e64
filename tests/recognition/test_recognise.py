"""From a picture to plates, through real ONNX files."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import edge_lpr
from edge_lpr.errors import ConfigError, ImageError, NetworkError
from edge_lpr.recognition.annotate import annotate
from edge_lpr.recognition.detect import DetectorOptions
from edge_lpr.recognition.recognise import PlateRecogniser


def picture(*spots):
    pixels = np.full((480, 640, 3), 90, np.uint8)
    for x, y in spots:
        pixels[y : y + 8, x : x + 8] = (255, 0, 0)
    return pixels


def test_plates_of_a_picture(red_engines):
    plates = PlateRecogniser(red_engines, threads=1).plates(picture((320, 240), (160, 400)))
    assert [plate.text for plate in plates] == ["5A23456"] * 2
    first = min(plates, key=lambda plate: plate.box[1])
    assert first.box == pytest.approx((284, 224, 80, 40), abs=0.1)
    assert first.corners.shape == (4, 2) and first.corners[2] == pytest.approx([364, 264], abs=0.1)
    assert 0.9 < first.confidence <= 1 and 0.9 < first.score <= 1 and first.rows in (1, 2)


def test_sightings_carry_crop_and_reading(red_engines):
    sightings = PlateRecogniser(red_engines, regions=["cz"], threads=1).recognise(picture((320, 240)), 7, 12.5)
    assert len(sightings) == 1
    assert sightings[0].captured_at_s == 12.5 and sightings[0].crop.frame_index == 7
    assert sightings[0].crop.pixels.shape[0] == pytest.approx(40 * 1.16, abs=1)
    assert sightings[0].reading.region == "CZ"


def test_a_picture_without_plates_needs_no_reader(red_engines):
    (red_engines / "lprnet" / "lprnet.onnx").unlink()
    assert PlateRecogniser(red_engines).plates(picture()) == ()


def test_reading_a_crop_needs_no_detector(red_engines):
    (red_engines / "lpdnet" / "card.json").unlink()
    reading = PlateRecogniser(red_engines).read_crop(np.zeros((50, 200, 3), np.uint8))
    assert (reading.text, reading.rows) == ("5A23456", 1)
    assert PlateRecogniser(red_engines).read_crop(np.zeros((50, 200, 3), np.uint8), rows=2).rows == 2


def test_options_reach_the_detector(red_engines):
    options = DetectorOptions(roi=((0.0, 0.0), (0.5, 1.0)))
    recogniser = PlateRecogniser(red_engines, options=options)
    assert len(recogniser.plates(picture((480, 240), (80, 240)))) == 1
    assert PlateRecogniser(red_engines, threshold=0.25).detector.threshold == 0.25
    assert PlateRecogniser(red_engines).detector.threshold == 0.5


@pytest.mark.parametrize("pixels", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_picture_is_refused(red_engines, pixels):
    recogniser = PlateRecogniser(red_engines)
    for call in (recogniser.plates, recogniser.read_crop):
        with pytest.raises(ImageError, match="uint8"):
            call(pixels)


def test_errors_come_early_and_clear(red_engines, tmp_path):
    with pytest.raises(ConfigError, match="region"):
        PlateRecogniser(red_engines, regions=["nowhere"])
    with pytest.raises(NetworkError, match="card"):
        PlateRecogniser(tmp_path / "absent").plates(picture())


def test_annotate_draws_on_a_copy(red_engines):
    for spot in [(320, 240), (0, 0), (632, 472)]:
        pixels = picture(spot)
        before = pixels.copy()
        drawn = annotate(pixels, PlateRecogniser(red_engines).plates(pixels))
        assert (pixels == before).all()
        assert drawn.shape == pixels.shape and (drawn != pixels).any(axis=2).sum() > 200


def test_the_package_imports_nothing_heavy():
    code = (
        "import sys, edge_lpr; heavy = {'numpy', 'cv2', 'onnxruntime', 'torch', 'PIL'} & set(sys.modules);"
        "assert not heavy, heavy; edge_lpr.PlateRecogniser; assert 'torch' not in sys.modules;"
        "assert 'onnxruntime' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_of_the_package():
    assert edge_lpr.PlateRecogniser is PlateRecogniser
    assert edge_lpr.__version__.count(".") == 2
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        edge_lpr.nothing  # noqa: B018
