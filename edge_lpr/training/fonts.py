"""Catalogue of the free fonts that synthetic plates are lettered with: Debian package, licence, files.

Only upright sans faces whose capitals and digits can stand on a plate or a sign. Nothing here ships with the project:
files are looked for among the installed fonts, and every face that is missing is simply not used.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts",
                Path("/usr/share/texmf/fonts/opentype"))
FONT_SUFFIXES = (".ttf", ".otf")


@dataclass(frozen=True)
class FontPackage:
    """A Debian package of fonts."""

    name: str
    licence: str
    """SPDX-like, after /usr/share/doc/<name>/copyright; '+FE' marks the exception for embedding the font."""
    stem: str
    """What the file names begin with; `styles` are put behind it."""
    styles: tuple[str, ...]


@dataclass(frozen=True)
class FontFile:
    """An installed font: `name` is the file's name without suffix."""

    name: str
    path: Path
    package: str
    licence: str


_WEIGHTS = ("Regular", "Medium", "SemiBold", "Bold")
_CODE_WEIGHTS = ("Light", *_WEIGHTS)


def _package(name: str, licence: str, stem: str, styles: str | Iterable[str] = "") -> FontPackage:
    return FontPackage(name, licence, stem, tuple(styles.split(" ") if isinstance(styles, str) else styles))


PACKAGES: tuple[FontPackage, ...] = (
    _package("fonts-adf-gillius", "GPL-2.0-or-later+FE", "GilliusADF", "-Regular -Bold -Cond -BoldCond"),
    _package("fonts-adf-gillius", "GPL-2.0-or-later+FE", "GilliusADFNo2", "-Regular -Bold -Cond -BoldCond"),
    _package("fonts-adf-ikarius", "GPL-2.0-or-later+FE", "IkariusADFStd", "-Regular -Bold"),
    _package("fonts-adf-ikarius", "GPL-2.0-or-later+FE", "IkariusADFNo2Std", "-Regular -Bold"),
    _package("fonts-adf-switzera", "GPL-2.0-or-later+FE", "SwitzeraADF",
             "-Regular -Medium -DemiBold -Bold -ExtraBold -Light -Cond -DmBdCond -BoldCond -LightCond -Ext -BoldExt"),
    _package("fonts-adf-universalis", "GPL-2.0-or-later+FE", "UniversalisADFStd", "-Regular -Bold -Cond -BoldCond"),
    _package("fonts-agave", "MIT", "agave", "-r-autohinted -b-autohinted"),
    _package("fonts-allerta", "OFL-1.1", "allerta", "_medium _stencil"),
    _package("fonts-b612", "OFL-1.1", "B612", "-Regular -Bold Mono-Regular Mono-Bold"),
    _package("fonts-bebas-neue", "OFL-1.1", "BebasNeue", "-Book -Light -Regular -Bold"),
    _package("fonts-beteckna", "GPL-3.0", "Beteckna", " GS GS-Bold GSCondensed-Bold"),
    _package("fonts-cabin", "OFL-1.1", "Cabin", [f"-{w}" for w in _WEIGHTS]),
    _package("fonts-cantarell", "OFL-1.1", "Cantarell", "-Regular -Bold -ExtraBold"),
    _package("fonts-clear-sans", "Apache-2.0", "ClearSans", "-Regular -Medium -Bold"),
    _package("fonts-comfortaa", "OFL-1.1", "Comfortaa", "-Regular -Bold"),
    _package("fonts-crosextra-carlito", "OFL-1.1", "Carlito", "-Regular -Bold"),
    _package("fonts-dejavu-core", "Bitstream-Vera", "DejaVuSans", " -Bold Mono Mono-Bold"),
    _package("fonts-dejavu-extra", "Bitstream-Vera", "DejaVuSansCondensed", " -Bold"),
    _package("fonts-dosis", "OFL-1.1", "Dosis", "-Book -Medium -SemiBold -Bold -ExtraBold"),
    _package("fonts-firacode", "OFL-1.1", "FiraCode", [f"-{w}" for w in _CODE_WEIGHTS]),
    _package("fonts-freefont-ttf", "GPL-3.0-or-later+FE", "FreeSans", " Bold"),
    _package("fonts-gemunu-libre", "OFL-1.1", "GemunuLibre", "-Medium -Bold"),
    _package("fonts-go", "BSD-3-Clause", "Go", "-Regular -Medium -Bold"),
    _package("fonts-hack", "MIT AND Bitstream-Vera", "Hack", "-Regular -Bold"),
    _package("fonts-inconsolata", "OFL-1.1", "Inconsolata"),
    _package("fonts-inter", "OFL-1.1", "Inter", [f"-{w}" for w in (*_CODE_WEIGHTS, "ExtraBold", "Black")]),
    _package("fonts-inter", "OFL-1.1", "InterDisplay", [f"-{w}" for w in (*_WEIGHTS, "ExtraBold")]),
    _package("fonts-jetbrains-mono", "Apache-2.0", "JetBrainsMono", [f"-{w}" for w in (*_CODE_WEIGHTS, "ExtraBold")]),
    _package("fonts-junction", "OFL-1.1", "Junction"),
    _package("fonts-jura", "OFL-1.1", "Jura", "-Medium -SemiBold -Bold"),
    _package("fonts-karla", "OFL-1.1", "Karla", "-Regular -Medium -Bold -ExtraBold"),
    _package("fonts-lato", "OFL-1.1", "Lato", "-Regular -Medium -Semibold -Bold -Heavy -Black"),
    *(_package("fonts-league-mono", "OFL-1.1", f"LeagueMono-{width}", styles) for width, styles in (
        ("", ("Light", "Regular", "Medium", "SemiBold", "Bold", "ExtraBold")),
        ("Condensed", ("", "Medium", "SemiBold", "Bold", "ExtraBold")),
        *((w, ("Light", "Regular", "Medium", "SemiBold", "Bold", "ExtraBold")) for w in ("Narrow", "Wide")))),
    _package("fonts-league-spartan", "OFL-1.1", "LeagueSpartan", [f"-{w}" for w in _WEIGHTS]),
    _package("fonts-liberation2", "OFL-1.1", "LiberationSans", "-Regular -Bold"),
    _package("fonts-liberation2", "OFL-1.1", "LiberationMono", "-Regular -Bold"),
    _package("fonts-manrope", "OFL-1.1", "Manrope", [f"-{w}" for w in (*_WEIGHTS, "ExtraBold")]),
    *(_package("fonts-mplus", "OFL-1.1", stem, [f"-{w}" for w in _CODE_WEIGHTS])
      for stem in ("Mplus1", "Mplus2", "MplusCode50", "MplusCode60", "MplusCodeLatin50", "MplusCodeLatin60")),
    _package("fonts-national-park", "OFL-1.1", "NationalPark", "-Thin -Regular -Heavy"),
    _package("fonts-ocr-b", "permissive", "OCRB"),
    _package("fonts-open-sans", "Apache-2.0", "OpenSans", "-Regular -Semibold -Bold -CondLight -CondBold"),
    _package("fonts-opendin", "OFL-1.1", "OSP-DIN"),
    _package("fonts-osifont", "LGPL-3.0-only+FE", "osifont"),
    _package("fonts-paratype", "ParaType-Free-Font-License", "PT",
             "C55F C75F M55F M75F N57F N77F S55F S75F"),
    _package("fonts-play", "OFL-1.1", "Play", "-Regular -Bold"),
    _package("fonts-quicksand", "OFL-1.1", "Quicksand", "-Medium -Bold"),
    _package("fonts-roadgeek", "MIT", "RG2014", "B C D E EEM EM F"),
    _package("fonts-roboto-unhinted", "Apache-2.0", "Roboto", "-Regular -Medium -Bold -Black"),
    _package("fonts-roboto-unhinted", "Apache-2.0", "RobotoCondensed", "-Light -Regular -Medium -Bold"),
    _package("fonts-routed-gothic", "OFL-1.1", "routed-gothic", " -narrow -wide"),
    _package("fonts-sora", "OFL-1.1", "Sora", "-Regular -SemiBold -Bold"),
    _package("fonts-texgyre", "GUST-Font-License", "texgyreheros", "-regular -bold cn-regular cn-bold"),
    _package("fonts-texgyre", "GUST-Font-License", "texgyreadventor", "-regular -bold"),
    _package("fonts-tuffy", "public-domain", "Tuffy", " _Bold"),
    _package("fonts-urw-base35", "AGPL-3.0+FE", "NimbusSans", "-Regular -Bold Narrow-Regular Narrow-Bold"),
    _package("fonts-urw-base35", "AGPL-3.0+FE", "URWGothic", "-Book -Demi"),
    _package("fonts-yanone-kaffeesatz", "OFL-1.1", "YanoneKaffeesatz", [f"-{w}" for w in _CODE_WEIGHTS]),
)


def _folders() -> tuple[Path, ...]:
    """Folders with fonts: the system's, the user's, and font packages installed with pip."""
    site = {Path(sysconfig.get_path("purelib")), *(Path(p) for p in sys.path if p.endswith("site-packages"))}
    pip_fonts = (folder for base in sorted(site) if base.is_dir() for folder in sorted(base.glob("font_*")))
    return (*FONT_FOLDERS, *pip_fonts)


def _files_by_name() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in _folders():
        if folder.is_dir():
            for path in sorted(folder.rglob("*")):
                if path.suffix.lower() in FONT_SUFFIXES:
                    found.setdefault(path.stem, path)
    return found


@lru_cache(maxsize=1)
def installed_fonts() -> tuple[FontFile, ...]:
    """Catalogued fonts that are on this machine, in the catalogue's order; empty where there is none."""
    found = _files_by_name()
    return tuple(FontFile(name, found[name], package.name, package.licence)
                 for package in PACKAGES for name in (package.stem + style for style in package.styles)
                 if name in found)


def fonts_told() -> str:
    """How many of the catalogued fonts are here, and what to do about it where most are missing."""
    count = sum(len(package.styles) for package in PACKAGES)
    here = len(installed_fonts())
    missing = " ".join(sorted({package.name for package in PACKAGES} - {font.package for font in installed_fonts()}))
    more = f"; drawn plates have fewer faces: apt install {missing}" if here < count / 2 else ""
    return f"fonts: {here} of {count}{more}"


def catalogue_table() -> str:
    """The catalogue as a Markdown table, one package a row (docs/fonts.md)."""
    rows: dict[tuple[str, str], list[str]] = {}
    for package in PACKAGES:
        rows.setdefault((package.name, package.licence), []).extend(package.stem + style for style in package.styles)
    lines = ["| Debian package | licence | faces |", "|---|---|---|"]
    lines += [f"| {name} | {licence} | {', '.join(faces)} |" for (name, licence), faces in rows.items()]
    return "\n".join(lines) + "\n"
