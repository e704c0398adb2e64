"""Detection from letterbox to pixels of the picture, with a detector that finds red."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge_lpr.errors import ConfigError, NetworkError
from edge_lpr.networks import open_network
from edge_lpr.networks.card import InputSpec, ModelCard
from edge_lpr.recognition import gridbox
from edge_lpr.recognition.detect import DetectorOptions, PlateDetector
from edge_lpr.recognition.letterbox import canvas_size, letterbox
from edge_lpr.recognition.views import View, tile_views
from edge_lpr.records import Detection


def picture_with_red(width, height, spots, size=8):
    pixels = np.full((height, width, 3), 90, np.uint8)
    for x, y in spots:
        pixels[y : y + size, x : x + size] = (255, 0, 0)
    return pixels


@pytest.fixture
def detector(tmp_path, make_detector):
    def build(flexible=False, **options):
        make_detector(tmp_path / str(flexible), flexible=flexible)
        return PlateDetector(open_network(tmp_path / str(flexible), threads=1), DetectorOptions(**options))

    return build


@pytest.mark.parametrize("flexible", [False, True])
def test_a_plate_is_found_where_it_is(detector, flexible):
    found = detector(flexible).detect(picture_with_red(640, 480, [(320, 240)]))
    assert len(found) == 1
    assert found[0].box == pytest.approx((324 - 40, 244 - 20, 80, 40), abs=0.01)
    assert found[0].corners == pytest.approx(np.float32([[284, 224], [364, 224], [364, 264], [284, 264]]), abs=0.01)
    assert found[0].score > 0.9


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1280, 960), (960, 1280)])
def test_coordinates_are_those_of_a_shrunk_picture(detector, width, height):
    size = 32
    found = detector(threshold=0.4).detect(picture_with_red(width, height, [(width // 2, height // 2)], size))
    assert len(found) == 1
    x, y, w, h = found[0].box
    scale = min(640 / width, 480 / height)
    assert (w, h) == pytest.approx((80 / scale, 40 / scale), abs=0.1)
    assert (x + w / 2, y + h / 2) == pytest.approx((width / 2 + size / 2, height / 2 + size / 2), abs=8 / scale)


def test_a_small_picture_is_enlarged_at_most_twice(detector):
    found = detector().detect(picture_with_red(100, 60, [(40, 20)], 4))
    assert len(found) == 1
    assert found[0].box == pytest.approx((42 - 20, 22 - 10, 40, 20), abs=0.01)


def test_boxes_are_cut_at_the_border(detector):
    found = detector().detect(picture_with_red(640, 480, [(0, 0)]))
    assert found[0].box == pytest.approx((0, 0, 44, 24), abs=0.01)
    assert found[0].corners[0] == pytest.approx([-36, -16], abs=0.01)


def test_no_plate_no_detection(detector):
    assert detector().detect(picture_with_red(640, 480, [])) == ()
    assert detector(tiles="on").detect(picture_with_red(1920, 1080, [])) == ()


def test_one_pixel_picture(detector):
    assert detector(True).detect(np.zeros((1, 1, 3), np.uint8)) == ()


@pytest.mark.parametrize(
    "roi", [((0.5, 0.0), (1.0, 1.0)), ((0.45, 0.0), (1.0, 0.0), (1.0, 1.0), (0.45, 1.0)), ((1.0, 1.0), (0.5, 0.0))]
)
def test_region_of_interest_keeps_what_lies_in_it(detector, roi):
    pixels = picture_with_red(640, 480, [(80, 240), (480, 240)])
    assert len(detector().detect(pixels)) == 2
    found = detector(roi=roi).detect(pixels)
    assert len(found) == 1
    x, _, w, _ = found[0].box
    assert x + w / 2 == pytest.approx(484, abs=4)


def test_a_polygon_is_more_than_its_bounding_box(detector):
    pixels = picture_with_red(640, 480, [(80, 400), (480, 80)])
    triangle = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))  # upper right half
    found = detector(roi=triangle).detect(pixels)
    assert [round(plate.box[1]) < 200 for plate in found] == [True]


def test_a_region_shows_more_of_a_small_plate(detector):
    pixels = picture_with_red(1920, 1080, [(1700, 900)], 16)
    assert detector().detect(pixels) == ()  # 5 px of red in a cell of 8: coverage under the threshold
    found = detector(roi=((0.75, 0.7), (1.0, 1.0))).detect(pixels)
    assert len(found) == 1
    x, y, w, h = found[0].box
    assert (x + w / 2, y + h / 2) == pytest.approx((1708, 908), abs=6)


@pytest.mark.parametrize(
    ("x", "y"),
    [(10, 10), (448 + 2, 3), (448 + 40, 312 + 20), (448 + 70, 312 + 30), (896 + 10, 55), (896 + 78, 312 + 1)],
)
def test_tiles_find_a_small_plate_once(detector, x, y):
    """16 px of red in 1920x1080 fill a cell of a tile (12.8 px there), but no cell of the full view (24 px)."""
    origin_x, origin_y = 448 * (x // 448), 312 * (y // 312)
    spot = (origin_x + round(12.8 * (x - origin_x)), origin_y + round(12.8 * (y - origin_y)))
    pixels = picture_with_red(1920, 1080, [spot], 16)
    assert detector(threshold=0.46).detect(pixels) == ()
    found = detector(threshold=0.46, tiles="auto").detect(pixels)
    assert len(found) == 1
    x1, y1, w, h = found[0].box
    if x1 > 0 and y1 > 0 and x1 + w < 1920 and y1 + h < 1080:
        assert (w, h) == pytest.approx((128, 64), abs=0.2)
        assert (x1 + w / 2, y1 + h / 2) == pytest.approx((spot[0] + 8, spot[1] + 8), abs=13)


@pytest.mark.parametrize(("tiles", "size", "count"), [("auto", (800, 600), 1), ("on", (800, 600), 2)])
def test_auto_tiles_only_large_pictures(detector, tiles, size, count):
    built = detector(tiles=tiles)
    runs = []
    run = built.network.run
    built.network.run = lambda batch: runs.append(len(batch)) or run(batch)
    built.detect(picture_with_red(*size, []))
    assert len(runs) == count


@pytest.mark.parametrize("size", [(1920, 1080), (3840, 2160), (700, 5000), (5000, 700), (641, 480), (12000, 9000)])
def test_tiles_cover_everything_and_overlap(size):
    whole = View(7, 9, *size)
    tiles = tile_views(whole, (640, 480))
    assert 1 <= len(tiles) <= 16
    assert len({(tile.w, tile.h) for tile in tiles}) == 1
    seen = np.zeros((size[1] // 10 + 1, size[0] // 10 + 1), bool)
    for tile in tiles:
        assert tile.x >= 7 and tile.y >= 9 and tile.x + tile.w <= 7 + size[0] and tile.y + tile.h <= 9 + size[1]
        x, y = (tile.x - 7) // 10, (tile.y - 9) // 10
        seen[y : y + tile.h // 10 + 2, x : x + tile.w // 10 + 2] = True
    assert seen.all()
    columns = sorted({tile.x for tile in tiles})
    for left, right in zip(columns, columns[1:], strict=False):
        assert left + tiles[0].w - right >= 90


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (640, 480), (320, 240), (3000, 500), (5, 7), (416, 416)])
def test_a_flexible_network_sees_no_less_at_no_more_cost(tmp_path, make_detector, size):
    make_detector(tmp_path, flexible=True)
    width, height = canvas_size(size, open_network(tmp_path))
    assert width % 32 == 0 and height % 32 == 0 and width * height <= 640 * 480
    assert min(width / size[0], height / size[1], 2) >= min(640 / size[0], 480 / size[1], 2) - 1e-9


def test_letterbox_pads_right_and_below():
    canvas, scale = letterbox(np.full((360, 640, 3), 10, np.uint8), (640, 480))
    assert scale == (1.0, 1.0)
    assert (canvas[:360] == 10).all() and (canvas[360:] == 114).all()
    stretched, scale = letterbox(np.full((360, 640, 3), 10, np.uint8), (640, 480), stretch=True)
    assert (stretched == 10).all() and scale == (1.0, pytest.approx(480 / 360))


def test_bad_options_are_refused():
    for options in [{"tiles": "maybe"}, {"threshold": 1.5}, {"roi": ((0.1, 0.1),)}, {"roi": ((0, 0), (2, 1))}]:
        with pytest.raises(ConfigError):
            DetectorOptions(**options)


def test_a_reader_is_no_detector(tmp_path, make_reader, make_detector):
    make_reader(tmp_path, "AB1")
    with pytest.raises(NetworkError, match="no plate detector"):
        PlateDetector(open_network(tmp_path))
    network = open_network_with(tmp_path / "d", make_detector, decoder="yolo")
    with pytest.raises(NetworkError, match="yolo"):
        PlateDetector(network)


def open_network_with(folder, make_detector, **change):
    make_detector(folder)
    network = open_network(folder)
    network.card = replace(network.card, **change)
    return network


class StubNvidia:
    """LPDNet's contract: 30x40 cells of 16 px, no corners, plain resize."""

    flexible = False
    card = ModelCard(
        "detect",
        "LPDNet",
        "x.onnx",
        InputSpec("input_1:0", (3, 480, 640), resize="stretch"),
        {"coverage": "output_cov/Sigmoid:0", "boxes": "output_bbox/BiasAdd:0"},
        "gridbox",
    )

    def run(self, batch):
        coverage = np.zeros((len(batch), 1, 30, 40), np.float32)
        boxes = np.zeros((len(batch), 4, 30, 40), np.float32)
        coverage[:, 0, 10, 20], coverage[:, 0, 10, 21] = 0.9, 0.4
        boxes[:, :, 10, 20] = [[1.0, 0.4, 1.0, 0.4]]
        boxes[:, :, 10, 21] = [[1.4, 0.4, 0.6, 0.4]]
        return {"coverage": coverage, "boxes": boxes}


def test_nvidia_gridbox_contract():
    found = PlateDetector(StubNvidia()).detect(np.zeros((960, 640, 3), np.uint8))
    assert len(found) == 1 and found[0].score == pytest.approx(0.9)
    # cx = 16 * 20 + 0.5, cy = 16 * 10 + 0.5, twice as high in the picture
    assert found[0].box == pytest.approx((320.5 - 35, 2 * (160.5 - 14), 70, 2 * 28))
    assert found[0].corners[2] == pytest.approx([355.5, 349])


def candidates(*rows):
    boxes = np.array([row[:4] for row in rows], np.float32)
    return gridbox.Candidates(boxes, gridbox.box_corners(boxes), np.array([row[4] for row in rows], np.float32))


def test_suppress_keeps_the_best_of_overlapping_and_contained():
    found = gridbox.suppress(
        candidates(
            (0, 0, 100, 20, 0.8),
            (5, 0, 105, 20, 0.9),  # overlaps the first
            (20, 5, 60, 15, 0.7),  # inside
            (300, 0, 400, 20, 0.3),
            (90, 0, 190, 20, 0.6),  # a neighbour that touches
        ),
        0.45,
    )
    assert found.scores.tolist() == pytest.approx([0.9, 0.6, 0.3])
    assert len(gridbox.suppress(found.take(np.zeros(3, bool)), 0.45)) == 0


@pytest.mark.parametrize(
    ("corners", "good"),
    [
        ([[0, 0], [100, 0], [100, 20], [0, 20]], True),
        ([[0, 10], [95, 0], [100, 20], [5, 30]], True),
        ([[100, 0], [0, 0], [0, 20], [100, 20]], False),  # mirrored
        ([[0, 0], [100, 20], [100, 0], [0, 20]], False),  # crossed
        ([[100, 20], [0, 20], [0, 0], [100, 0]], False),  # upside down
        ([[0, 0], [100, 0], [30, 5], [0, 20]], False),  # dented
        ([[200, 0], [300, 0], [300, 20], [200, 20]], False),  # elsewhere
        ([[0, 0], [1, 0], [1, 20], [0, 20]], False),  # a line
    ],
)
def test_corners_must_make_sense(corners, good):
    box = np.array([[0, 0, 100, 24]], np.float32)
    assert gridbox.believable_corners(np.array([corners], np.float32), box).tolist() == [good]


def seen_at(x, y, width, height=50.0):
    corners = np.float32([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
    return Detection(corners, 0.77, (x, y, width, height))


@pytest.mark.parametrize(("flexible", "width", "scale"), [(True, 110.0, 96 / 110), (False, 60.0, 2.0)])
@pytest.mark.parametrize("spot", [(960, 540), (4, 4), (1900, 1060)])
def test_a_small_plate_of_a_large_picture_is_looked_at_closely(detector, flexible, width, scale, spot):
    """The red spot's plate is 80 px wide in the input, so its width tells the scale at which it was seen."""
    pixels = picture_with_red(1920, 1080, [spot], 14)
    rough = seen_at(spot[0] - width / 2, spot[1] - width / 4, width, width / 2)
    other = seen_at(600, 200, 100.0)  # nothing red there: it stays as it was
    close, kept, large = detector(flexible).look_closely(pixels, [rough, other, seen_at(900, 500, 400.0)])
    assert np.ptp(close.corners[:, 0]) == pytest.approx(80 / scale, rel=0.02)
    assert close.corners.mean(axis=0) == pytest.approx((spot[0] + 7, spot[1] + 7), abs=8 / scale)
    assert close.score == 0.77
    assert kept is other and large.box[2] == 400.0


def test_what_was_seen_large_enough_is_not_looked_at_again(detector):
    built = detector(True)
    pixels = picture_with_red(640, 480, [(320, 240)])
    small = seen_at(300, 220, 60.0)
    assert built.look_closely(pixels, [small]) == (small,)
    assert built.look_closely(pixels, []) == ()


@pytest.mark.parametrize("flexible", [False, True])
@pytest.mark.parametrize("roi", [(), ((0.25, 0.25), (1.0, 1.0))])
def test_a_plate_that_fills_the_picture_is_looked_at_from_afar(detector, flexible, roi, monkeypatch):
    """Every plate of the network that finds red is 80 x 40 px in its input: one seen at half the size is twice as
    large in the picture."""
    width = 80 if not roi else 60
    pixels = picture_with_red(640, 480, [(400, 304)], 16)
    monkeypatch.setattr("edge_lpr.recognition.detect.suppress", lambda candidates, limit: candidates)

    def widths(above, least):
        monkeypatch.setattr("edge_lpr.recognition.detect.FAR_ABOVE_PX", above)
        monkeypatch.setattr("edge_lpr.recognition.detect.FAR_SCORE", least)
        found = detector(flexible, roi=roi, threshold=0.3).detect(pixels)
        assert all(one.corners.mean(axis=0) == pytest.approx((408, 312), abs=20) for one in found)
        return {round(one.box[2] / width) for one in found}

    assert widths(81.0, 0.3) == {1}
    assert widths(79.0, 0.3) == {1, 2}
    assert widths(79.0, 1.1) == {1}


def test_what_may_be_a_plate_in_a_large_picture_is_looked_at_closely(detector, monkeypatch):
    """A spot so faint at the first look, where it is shrunk to a third, that it is no proposal."""
    monkeypatch.setattr("edge_lpr.recognition.detect.CLOSE_BELOW_PX", 81.0)
    monkeypatch.setattr("edge_lpr.recognition.detect.CLOSE_IOU", 0.05)
    monkeypatch.setattr("edge_lpr.recognition.views.CLOSE_PX", 240.0)
    pixels = picture_with_red(1920, 1440, [(960, 720)], 12)
    built = detector(True, threshold=0.6)
    assert built.detect(pixels) == ()
    found = built.detect(pixels, thoroughly=True)
    assert len(found) == 1 and found[0].score >= 0.6
    assert found[0].corners.mean(axis=0) == pytest.approx((966, 726), abs=10)
    monkeypatch.setattr("edge_lpr.recognition.detect.MOST_DOUBTFUL", 0)
    assert built.detect(pixels, thoroughly=True) == ()
    small = picture_with_red(640, 480, [(320, 240)], 4)
    assert built.detect(small, thoroughly=True) == built.detect(small), "nothing was shrunk"
