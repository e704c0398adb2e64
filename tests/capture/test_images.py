"""Every kind of picture file becomes the same upright RGB array, or one clear error."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra `cpu`)")

from edge_lpr.capture import images  # noqa: E402
from edge_lpr.capture.images import list_pictures, load_picture  # noqa: E402
from edge_lpr.errors import ImageError  # noqa: E402

RED, GREEN = (220, 30, 20), (20, 200, 40)


def two_halves(width: int = 40, height: int = 24) -> np.ndarray:
    """Left half red, right half green: a turn or a flip shows."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:, : width // 2], pixels[:, width // 2 :] = RED, GREEN
    return pixels


def close(pixels: np.ndarray, colour: tuple[int, int, int], within: int = 6) -> bool:
    return bool(np.all(np.abs(pixels.astype(int) - np.array(colour)) <= within))


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp", "ppm"])
def test_lossless_formats_give_the_same_pixels(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(two_halves()).save(path, **({"lossless": True} if suffix == "webp" else {}))
    pixels = load_picture(path)
    assert pixels.dtype == np.uint8 and pixels.flags.writeable
    np.testing.assert_array_equal(pixels, two_halves())


# How a camera stores an upright scene (red left, green right) for each orientation value.
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a.transpose(1, 0, 2), 2),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation_is_undone(tmp_path: Path, orientation: int) -> None:
    scene = two_halves()
    scene[:6] = (0, 0, 255)  # so that up and down differ as well
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.png"
    Image.fromarray(np.ascontiguousarray(STORED[orientation](scene))).save(path, exif=exif)
    np.testing.assert_array_equal(load_picture(path), scene)


def test_damaged_exif_does_not_lose_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "exif.jpg"
    Image.fromarray(two_halves()).save(path, exif=b"Exif\x00\x00MM\x00\x2a\xff\xff\xff\xf0garbage")
    assert load_picture(path).shape == (24, 40, 3)


def test_sixteen_bit_grey_keeps_its_brightness(tmp_path: Path) -> None:
    grey = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (4, 1))
    for suffix in ("png", "tif"):
        path = tmp_path / f"deep.{suffix}"
        Image.fromarray(grey).save(path)
        pixels = load_picture(path)
        np.testing.assert_array_equal(pixels[0, :, 0], np.arange(256))
        np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])


def test_unscaled_twelve_bit_picture_is_not_black(tmp_path: Path) -> None:
    path = tmp_path / "sensor.png"
    Image.fromarray(np.array([[0, 2048, 4095]], np.uint16)).save(path)
    assert load_picture(path)[0, :, 0].tolist() == [0, 128, 255]


def test_floating_point_picture(tmp_path: Path) -> None:
    path = tmp_path / "float.tif"
    Image.fromarray(np.array([[0.0, 0.5, 1.0, np.nan]], np.float32)).save(path)
    assert load_picture(path)[0, :, 1].tolist() == [0, 128, 255, 0]


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk_keeps_its_colours(tmp_path: Path, suffix: str) -> None:
    """JPEG stores Adobe's inverted CMYK, TIFF does not."""
    path = tmp_path / f"print.{suffix}"
    Image.fromarray(two_halves()).convert("CMYK").save(path, **({"quality": 98} if suffix == "jpg" else {}))
    if suffix == "jpg":
        assert b"Adobe" in path.read_bytes()
    pixels = load_picture(path)
    assert close(pixels[:, :16], RED, 12) and close(pixels[:, 24:], GREEN, 12)


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    layers = np.zeros((4, 6, 4), np.uint8)
    layers[:, :3] = (200, 10, 10, 255)
    Image.fromarray(layers).save(tmp_path / "alpha.png")
    pixels = load_picture(tmp_path / "alpha.png")
    assert close(pixels[:, :3], (200, 10, 10), 0) and close(pixels[:, 3:], (255, 255, 255), 0)
    Image.fromarray(layers).convert("LA").save(tmp_path / "la.png")
    assert close(load_picture(tmp_path / "la.png")[:, 3:], (255, 255, 255), 0)


def test_palette_with_a_transparent_entry(tmp_path: Path) -> None:
    image = Image.new("P", (4, 2), 1)
    image.putpalette([0, 0, 0, 10, 120, 230, 90, 90, 90])
    image.putpixel((0, 0), 2)
    image.save(tmp_path / "palette.png", transparency=2)
    pixels = load_picture(tmp_path / "palette.png")
    assert pixels[0, 0].tolist() == [255, 255, 255] and pixels[1, 1].tolist() == [10, 120, 230]


@pytest.mark.parametrize("mode", ["1", "L"])
def test_grey_and_two_tone(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (5, 3), 255).save(tmp_path / "grey.png")
    assert load_picture(tmp_path / "grey.png").tolist() == np.full((3, 5, 3), 255).tolist()


def test_first_picture_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert close(load_picture(tmp_path / "moving.gif"), RED, 4)


def truncated(path: Path, suffix: str) -> Path:
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path.with_suffix(suffix))
    path = path.with_suffix(suffix)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tif", ".webp"])
def test_truncated_file(tmp_path: Path, suffix: str) -> None:
    path = truncated(tmp_path / "cut", suffix)
    with pytest.raises(ImageError, match="cut"):
        load_picture(path)


def huge_png(width: int, height: int) -> bytes:
    """A valid header that claims any size, with next to no data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


@pytest.mark.parametrize("size", [(11000, 9500), (50000, 50000), (40000, 10)])
def test_too_large_is_refused_before_decoding(
    tmp_path: Path, size: tuple[int, int], recwarn: pytest.WarningsRecorder
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(huge_png(*size))
    with pytest.raises(ImageError, match="too large"):
        load_picture(path)
    assert not recwarn.list


def test_limit_counts_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(two_halves(40, 24)).save(path)
    monkeypatch.setattr(images, "MAX_PIXELS", 40 * 24)
    assert load_picture(path).shape == (24, 40, 3)
    monkeypatch.setattr(images, "MAX_PIXELS", 40 * 24 - 1)
    with pytest.raises(ImageError, match="40 x 24"):
        load_picture(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "empty"), (b"some text", "not a picture"), (b"\xff\xd8\xff\xe0", "a.jpg"), (b"\x00" * 500, "not a")],
)
def test_not_a_picture(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=says) as caught:
        load_picture(path)
    assert str(caught.value).startswith(str(path))


def test_absent_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no such file"):
        load_picture(tmp_path / "absent.jpg")
    with pytest.raises(ImageError, match="folder"):
        load_picture(tmp_path)


def test_random_damage_gives_a_picture_or_an_image_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    for suffix in ("jpg", "png", "tif", "gif", "bmp", "webp"):
        path = tmp_path / f"whole.{suffix}"
        Image.fromarray(two_halves()).save(path)
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(40):
            damaged = whole.copy()
            damaged[rng.integers(0, len(damaged), 4)] = rng.integers(0, 256, 4)
            path.write_bytes(damaged.tobytes())
            try:
                pixels = load_picture(path)
            except ImageError:
                continue
            assert pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8


def test_list_pictures_walks_folders_in_order(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "notes.txt", ".hidden.jpg", "sub/c.webp", "sub/labels.csv", ".cache/d.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    named = tmp_path / "notes.txt"
    found = list_pictures([named, tmp_path, tmp_path / "absent.jpg"])
    names = [path.relative_to(tmp_path).as_posix() for path in found]
    assert names == ["notes.txt", "a.png", "b.JPG", "sub/c.webp", "absent.jpg"]


def test_a_folder_that_may_not_be_looked_into_is_not_taken_for_empty(tmp_path: Path,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.png").touch()
    scan = os.scandir

    def denied(path: str | Path) -> object:
        if Path(path).name == "sub":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", denied)
    assert list_pictures([tmp_path]) == [tmp_path / "a.png", tmp_path / "sub"]
    with pytest.raises(ImageError, match="sub: cannot be opened: .*Permission denied"):
        load_picture(tmp_path / "sub")
