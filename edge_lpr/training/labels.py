"""Labelled pictures: what `labels.csv` says of each picture.

Columns `image,x,y,w,h,text,region,source,license,use`, one row a plate, in pixels of the stored picture. A row with an
empty box says that the picture shows no plate; a row with a box and no text is a plate for detection only. A picture
named `crop_*` is one plate that fills it, for reading only.
"""

from __future__ import annotations

import csv
import logging
import math
from dataclasses import dataclass, replace
from pathlib import Path

from edge_lpr.errors import ConfigError

COLUMNS = ("image", "x", "y", "w", "h", "text", "region", "source", "license", "use")
NEEDED_COLUMNS = COLUMNS[:6]
USES = ("train", "eval", "unchecked", "")
"""What `use` says: to train, to measure, read by `edge-lpr label` and looked at by nobody, nothing."""
CROP_PREFIX = "crop_"
READABLE = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_LOG = logging.getLogger(__name__)
_SEPARATORS = str.maketrans("", "", " -")


@dataclass(frozen=True)
class PlateLabel:
    """One plate of a picture: `box` (x, y, w, h) pixels; `text` A-Z 0-9, '' when unknown; `region` 'DE', 'US-CA'..."""

    box: tuple[float, float, float, float]
    text: str
    region: str


@dataclass(frozen=True)
class LabelledPicture:
    """One picture and all its labelled plates; none of them when it is a negative.

    `group` names the set it belongs to: the first two parts of its file name ('scene_oa-eu'), or the column `source`.
    """

    path: Path
    group: str
    use: str
    plates: tuple[PlateLabel, ...]

    @property
    def is_crop(self) -> bool:
        """One plate that fills the picture, for reading only."""
        return self.path.name.startswith(CROP_PREFIX)

    @property
    def is_negative(self) -> bool:
        """No plate is in the picture."""
        return not self.plates


def load_labels(labels: Path, images: Path | None = None, use: str = "all") -> tuple[LabelledPicture, ...]:
    """The pictures of a label file in its order; `use` 'train' or 'eval' keeps the rows of that use, 'all' keeps all.

    `image` is relative to the folder of the file, or to `images` where that is given and has it (with or without the
    folders that the column names). A use that is not of USES is warned of: 'all' alone keeps such rows. Raises
    ConfigError, naming file and line, for an absent file, folder or column, a file without rows, a box that is no box,
    a text of other characters than A-Z 0-9 (spaces and dashes are dropped), or an absent picture.
    """
    if images is not None and not images.is_dir():
        raise ConfigError(f"{images}: no such folder of pictures")
    rows: dict[str, list[PlateLabel]] = {}
    about: dict[str, tuple[str, str]] = {}
    found = _rows(labels)
    others = sorted({row["use"] for _, row in found}.difference(USES))
    if others:
        _LOG.warning("%s: use %s: neither %s nor nothing", labels, ", ".join(others), ", ".join(USES[:-1]))
    for line, row in found:
        if use not in ("all", row["use"]):
            continue
        plates = rows.setdefault(row["image"], [])
        about.setdefault(row["image"], (_group(row), row["use"]))
        plate = _plate(row, f"{labels}, line {line}")
        if plate is not None:
            plates.append(plate)
    return tuple(
        LabelledPicture(_find(labels, images, image), *about[image], tuple(plates)) for image, plates in rows.items()
    )


def with_texts(pictures: tuple[LabelledPicture, ...], texts: Path) -> tuple[LabelledPicture, ...]:
    """The pictures with the texts (and regions) that the file `texts` (columns `image,x,y,w,h,text,region`) has for
    their plates without a text. A plate is known by its picture's file name and its box; rows of plates that `pictures`
    has not are left. Raises ConfigError as `load_labels` does."""
    known = {}
    for line, row in _rows(texts):
        plate = _plate(row, f"{texts}, line {line}")
        if plate is not None:
            known[Path(row["image"]).name, plate.box] = plate
    return tuple(
        replace(picture, plates=tuple(
            plate if plate.text else known.get((picture.path.name, plate.box), plate) for plate in picture.plates
        ))
        for picture in pictures
    )


def _rows(labels: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        with labels.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in NEEDED_COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise ConfigError(f"{labels}: columns {', '.join(missing)} are missing")
            rows = [(reader.line_num, {name: (row.get(name) or "").strip() for name in COLUMNS}) for row in reader]
            if not rows:
                raise ConfigError(f"{labels}: has no rows, one for each plate")
            return rows
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{labels}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _plate(row: dict[str, str], where: str) -> PlateLabel | None:
    """The plate of a row, None for a row without a box."""
    numbers = [row[name] for name in ("x", "y", "w", "h")]
    if not any(numbers):
        return None
    try:
        x, y, w, h = (float(number) for number in numbers)
    except ValueError as error:
        raise ConfigError(f"{where}: the box {numbers} is not four numbers") from error
    if not all(map(math.isfinite, (x, y, w, h))):
        raise ConfigError(f"{where}: the box {numbers} is not four numbers")
    if not (w > 0 and h > 0):
        raise ConfigError(f"{where}: the box is {w:g} x {h:g} pixels; both must be above 0")
    if not (x + w > 0 and y + h > 0):
        raise ConfigError(f"{where}: the box from {x:g}, {y:g} with {w:g} x {h:g} pixels is outside of the picture")
    text = row["text"].upper().translate(_SEPARATORS)
    if not READABLE.issuperset(text):
        raise ConfigError(f"{where}: text {row['text']!r}; allowed are A-Z and 0-9")
    return PlateLabel((x, y, w, h), text, row["region"])


def _group(row: dict[str, str]) -> str:
    parts = Path(row["image"]).name.split("_")
    return "_".join(parts[:2]) if parts[0] in ("scene", "crop", "neg") and len(parts) > 2 else row["source"]


def _find(labels: Path, images: Path | None, image: str) -> Path:
    places = [labels.parent / image]
    if images is not None:
        places = [images / image, images / Path(image).name, *places]
    for place in places:
        if place.is_file():
            return place
    raise ConfigError(f"{labels}: no picture {image} in {images or labels.parent}")
