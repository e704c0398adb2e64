"""Copies of what a gate last started well with, for a start when the site's file or the networks are damaged.

They are the service's own: systemd gives it a folder of its own (STATE_DIRECTORY). Without one nothing is kept, and a
damaged file is an error, as whoever types `edge-lpr run` would want.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from edge_lpr.config import SiteConfig
from edge_lpr.engine_folder import engine_folder
from edge_lpr.errors import BackendUnavailable, ConfigError, EdgeLprError, NetworkError
from edge_lpr.gate.lists_file import write_atomically
from edge_lpr.service.sight import Networks
from edge_lpr.service.site import load_site

log = logging.getLogger(__name__)

STATE_DIRECTORY = "STATE_DIRECTORY"
KEPT_FOLDER, KEPT_SITE, KEPT_NETWORKS = "kept", "site.toml", "engines"
NETWORK_FILES = ("*/card.json", "*/*.onnx")


class Kept:
    """The copies in `folder`, or none of them (None)."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Kept:
        """In the folder that systemd gave the service."""
        state = environment.get(STATE_DIRECTORY, "").split(":")[0]
        return cls(Path(state) / KEPT_FOLDER if state else None)

    def site(self, path: Path) -> tuple[SiteConfig, str]:
        """The site of `path`, or its last good copy and what is wrong with the file.

        Raises ConfigError with neither.
        """
        try:
            config = load_site(path)
        except EdgeLprError as error:
            return self._kept_site(path, error)
        self.keep_site(path)
        return config, ""

    def keep_site(self, path: Path) -> None:
        """Keep a copy of a site's file that was found good; a running gate does, too, when it takes one over."""
        self._guarded("the site's file", lambda folder: _keep_file(path, folder / KEPT_SITE))

    def networks(self, config: SiteConfig) -> tuple[Networks, str]:
        """The networks of a site, warm, or those that stand in for them and what is wrong.

        Those that came with edge_lpr stand in for a site's own, the copy of those that worked last for either.
        Raises NetworkError, or BackendUnavailable, where nothing runs.
        """
        faults: list[str] = []
        for number, place in enumerate(self._places(config)):
            networks = Networks(replace(config.recognition, engines=place))
            try:
                networks.warm()
            except BackendUnavailable:
                raise
            except EdgeLprError as error:
                faults.append(str(error))
                log.error("networks: %s", error)
                continue
            if not number:
                self._guarded("the networks", lambda folder: _keep_networks(config, folder / KEPT_NETWORKS))
                return networks, ""
            return networks, f"{faults[0]}; those of {place} stand in"
        raise NetworkError("; ".join(faults) or "no networks")

    def _places(self, config: SiteConfig) -> Iterator[Path | None]:
        own = config.recognition.engines
        yield own
        if self.folder is None:
            return
        if own is not None:
            with suppress(NetworkError):
                yield engine_folder()
        if (self.folder / KEPT_NETWORKS).is_dir():
            yield self.folder / KEPT_NETWORKS

    def _kept_site(self, path: Path, error: EdgeLprError) -> tuple[SiteConfig, str]:
        copy = self.folder / KEPT_SITE if self.folder is not None else None
        if copy is None or not copy.is_file():
            raise error
        try:
            config = load_site(copy, path.absolute().parent)
        except EdgeLprError as worse:
            raise ConfigError(f"{error}; nor does its copy serve: {worse}") from error
        return config, f"{error}; the last good one, kept in {copy}, holds"

    def _guarded(self, what: str, keep: Callable[[Path], None]) -> None:
        """A copy that cannot be written is told, and the gate goes on."""
        if self.folder is None:
            return
        try:
            self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            keep(self.folder)
        except (OSError, EdgeLprError) as error:
            log.warning("no copy of %s could be kept: %s", what, error)


def _keep_file(path: Path, copy: Path) -> None:
    content = path.read_bytes()
    if not copy.is_file() or copy.read_bytes() != content:
        write_atomically(copy, content)
        copy.chmod(0o600)  # passwords of cameras


def _keep_networks(config: SiteConfig, copy: Path) -> None:
    """Replace the copy where it differs, as a whole."""
    source = config.recognition.engines or engine_folder()
    if digest_of(source) == digest_of(copy):
        return
    coming = copy.with_name(f"{copy.name}.new")
    shutil.rmtree(coming, ignore_errors=True)
    for path in network_files(source):
        (coming / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, coming / path.parent.name / path.name)
    shutil.rmtree(copy, ignore_errors=True)
    coming.rename(copy)


def network_files(folder: Path) -> list[Path]:
    """The networks and their cards in a folder of one folder each."""
    return sorted(path for pattern in NETWORK_FILES for path in folder.glob(pattern))


def digest_of(folder: Path) -> str:
    """What differs when any network does; '' for none."""
    files = network_files(folder)
    parts = (f"{path.parent.name}/{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files)
    return "\n".join(parts)
