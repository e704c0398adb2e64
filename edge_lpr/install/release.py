"""The copy of the package that the service runs.

`pip` replaces a package file by file; cut off halfway, or while the gate starts a capture process, it leaves a mixture.
So the service runs a copy of its own, made beside and switched to in one step, and the one before it is kept.
"""

from __future__ import annotations

import compileall
import hashlib
import os
import shutil
from importlib import metadata
from pathlib import Path

import edge_lpr
from edge_lpr.config import EXAMPLE, unit_folder
from edge_lpr.engine_folder import engine_folder

COMING = ".coming"
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.plan", "_engines", "_systemd")


def release_name() -> str:
    """The name of a release of the package that runs now: version and a digest of all that it holds."""
    digest = hashlib.sha256()
    for relative, path in sorted(_contents().items()):
        digest.update(relative.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{version()}-{digest.hexdigest()[:10]}"


def version() -> str:
    """Of the installed package."""
    try:
        return metadata.version("edge_lpr")
    except metadata.PackageNotFoundError:
        return "0"


def current_release(current: Path) -> str:
    """The name of the release that the link points to; '' where there is none."""
    try:
        target = current.resolve(strict=True)
    except OSError:
        return ""
    return target.name


def copy_release(releases: Path) -> Path:
    """Copy the package that runs now; the folder of the copy. Stopped at any moment it leaves nothing that counts."""
    target = releases / release_name()
    for left in releases.glob(f"{COMING}*"):
        shutil.rmtree(left)
    if (target / "edge_lpr/__init__.py").is_file():
        return target
    coming = releases / f"{COMING}-{os.getpid()}"
    for relative, path in _contents().items():
        copy = coming / relative
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    info = coming / f"edge_lpr-{version()}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: edge_lpr\nVersion: {version()}\n", encoding="ascii")
    compileall.compile_dir(coming, quiet=2, force=True, stripdir=str(coming), prependdir=str(target))
    _open_to_all(coming)
    shutil.rmtree(target, ignore_errors=True)
    coming.rename(target)
    os.sync()  # before the link counts
    return target


def switch(current: Path, release: Path) -> None:
    """Let the link point to a release, in one step; older ones than the one before it are removed."""
    before = current_release(current)
    link = current.with_name(f"{COMING}-link")
    link.unlink(missing_ok=True)
    link.symlink_to(release.name)
    link.replace(current)
    for folder in current.parent.iterdir():
        if folder.is_dir() and not folder.is_symlink() and folder.name not in (release.name, before):
            shutil.rmtree(folder)


def _contents() -> dict[str, Path]:
    """All files of a release, by their place in it."""
    package = Path(edge_lpr.__file__).resolve().parent
    files = {}
    for folder, folders, names in os.walk(package):
        here = Path(folder)
        ignored = _LEFT_OUT(folder, [*folders, *names])
        folders[:] = [name for name in folders if name not in ignored]
        for name in names:
            if name not in ignored:
                files[str(Path("edge_lpr") / (here / name).relative_to(package))] = here / name
    engines = engine_folder()
    for path in [*engines.glob("*/*.onnx"), *engines.glob("*/card.json")]:
        files[f"edge_lpr/_engines/{path.parent.name}/{path.name}"] = path
    assert (unit_folder() / EXAMPLE).is_file()
    for path in unit_folder().iterdir():
        files[f"edge_lpr/_systemd/{path.name}"] = path
    return files


def _open_to_all(folder: Path) -> None:
    """The service's user reads it, whatever the installer's umask."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
