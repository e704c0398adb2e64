"""Pictures from files: every kind of picture file becomes the same upright 8-bit RGB array, or one clear error."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from edge_lpr.errors import ImageError
from edge_lpr.records import Pixels

MAX_PIXELS = 100_000_000
"""A picture of more pixels is refused before it is decoded: 100 million take 300 MB, and a small file can claim any."""
MAX_SIDE_PX = 32_000
"""OpenCV's warps count coordinates in 16 bits."""

PICTURE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".gif", ".ppm", ".pgm", ".pbm")
)

_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation (Exif 2.3, tag 0x0112)."""
_SENSOR_WHITES = (255, 1023, 4095)
"""Full scale of 8, 10 and 12-bit sensors, whose pictures are often stored unscaled in 16-bit files."""
_WHITE_16 = 65535
_WHITE_32 = 2**31 - 1


def load_picture(path: str | os.PathLike[str]) -> Pixels:
    """The picture as uint8 (H, W, 3) RGB, turned upright by its EXIF orientation.

    Grey, palette, CMYK and 16-bit pictures are converted, transparency is laid on white, and of an animation or a
    multi-page file the first picture is taken. Raises ImageError, whose text begins with the path, when the file is
    absent, is not a regular file, is empty, is no picture, is truncated or damaged, or is larger than MAX_PIXELS.
    """
    path = Path(path)
    _check_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of sizes that we refuse, and of metadata that we do not use
            with Image.open(path) as image:
                _check_size(path, image.size)
                image.load()
                return _rgb(_upright(image))
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(f"{path}: not a picture in a known format") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"{path}: the picture is too large; at most {MAX_PIXELS} pixels are allowed") from error
    except MemoryError as error:
        raise ImageError(f"{path}: not enough memory for this picture") from error
    except Exception as error:  # a damaged file makes Pillow's decoders raise nearly anything, struct.error included
        raise ImageError(f"{path}: the picture is damaged or of an unsupported kind: {error}") from error


def list_pictures(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The picture files that `paths` name: files as given, folders searched through in the order of their names.

    In a folder, files are taken by suffix (PICTURE_SUFFIXES); hidden ones are passed over and links to folders are not
    followed. A file that is named itself is kept whatever it is, absent ones too, and so is a folder that cannot be
    looked into: loading it tells what is wrong.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not os.path.isdir(path):
            found.append(path)
            continue
        for folder, folders, names in os.walk(path, onerror=lambda error: found.append(Path(error.filename))):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            found.extend(Path(folder, name) for name in sorted(names) if _is_picture_name(name))
    return found


def _is_picture_name(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in PICTURE_SUFFIXES


def _check_file(path: Path) -> None:
    try:
        if path.is_dir():
            os.scandir(path).close()
            raise ImageError(f"{path}: is a folder, not a picture")
        if not path.exists():
            raise ImageError(f"{path}: no such file")
        if not path.is_file():
            raise ImageError(f"{path}: not a regular file")
        if path.stat().st_size == 0:
            raise ImageError(f"{path}: the file is empty")
    except (OSError, ValueError) as error:
        raise ImageError(f"{path}: cannot be opened: {error}") from error


def _check_size(path: Path, size: tuple[int, int]) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(f"{path}: the picture has no pixels ({width} x {height})")
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE_PX:
        raise ImageError(
            f"{path}: the picture is too large ({width} x {height}); "
            f"at most {MAX_PIXELS} pixels and {MAX_SIDE_PX} a side are allowed"
        )


def _upright(image: Image.Image) -> Image.Image:
    try:
        turn = _UPRIGHT.get(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # damaged metadata does not make the pixels worse; then they are taken as they lie
        turn = None
    return image if turn is None else image.transpose(turn)


def _rgb(image: Image.Image) -> Pixels:
    """Any Pillow mode to uint8 (H, W, 3) RGB."""
    if image.mode == "I" or image.mode == "F" or image.mode.startswith("I;16"):
        grey = _eight_bits(np.asarray(image))
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layers = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layers.size, (255, 255, 255, 255)), layers)
    return np.array(image.convert("RGB"), dtype=np.uint8)


def _eight_bits(values: NDArray[np.generic]) -> Pixels:
    """Grey of 16 or 32 bits, or floating point, (H, W) to uint8, white to white.

    Floating point is taken as 0..1 when nothing exceeds 1. Else the white is that of the narrowest sensor that holds
    the brightest value: 8, 10, 12, 16 or 31 bits.
    """
    grey = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    brightest = float(grey.max(initial=0.0))
    if values.dtype.kind == "f" and brightest <= 1.0:
        white = 1.0
    else:
        whites = (*_SENSOR_WHITES, _WHITE_16, _WHITE_32)
        white = float(next((value for value in whites if brightest <= value), brightest))
    return np.asarray(np.rint(np.clip(grey / white, 0.0, 1.0) * 255.0), dtype=np.uint8)
