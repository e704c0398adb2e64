"""Where an installed gate's files lie, and which of the package's they come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_lpr.config import unit_text

JETSON_MARK = Path("etc/nv_tegra_release")
SERVICE = "edge-lpr.service"
ARGUS_PATH = "edge-lpr-argus.path"
USER = "edge-lpr"
HIDDEN = (Path("/home"), Path("/root"), Path("/run/user"), Path("/tmp"), Path("/var/tmp"))
"""Folders that the hardened service does not see, or that are emptied: no place for its Python."""


@dataclass(frozen=True)
class Places:
    """Every path of an installed gate, below `root`."""

    root: Path = Path("/")

    @property
    def releases(self) -> Path:
        """A folder for each release."""
        return self.root / "usr/local/lib/edge-lpr"

    @property
    def current(self) -> Path:
        """The link to the release that runs."""
        return self.releases / "current"

    @property
    def command(self) -> Path:
        """So that `edge-lpr` is found by everybody."""
        return self.root / "usr/local/bin/edge-lpr"

    @property
    def site(self) -> Path:
        """The site's configuration."""
        return self.root / "etc/edge-lpr/site.toml"

    @property
    def lists(self) -> Path:
        """The folder of lists."""
        return self.root / "etc/edge-lpr/lists"

    @property
    def state(self) -> Path:
        """The log, and copies of what last worked."""
        return self.root / "var/lib/edge-lpr"

    @property
    def cache(self) -> Path:
        """What can be made again."""
        return self.root / "var/cache/edge-lpr"

    @property
    def runtime(self) -> Path:
        """Gone after a restart of the machine."""
        return self.root / "run/edge-lpr"

    @property
    def orders(self) -> Path:
        """Where orders by hand are laid down."""
        return self.runtime / "orders"

    @property
    def is_jetson(self) -> bool:
        """Whether NVIDIA's system for Jetson is there."""
        return (self.root / JETSON_MARK).exists()

    @property
    def user_known(self) -> bool:
        """Whether the service's user is there."""
        try:
            users = (self.root / "etc/passwd").read_text(encoding="utf-8")
        except OSError:
            return False
        return any(line.startswith(f"{USER}:") for line in users.splitlines())

    def files(self, python: str) -> dict[Path, str]:
        """Every file that belongs to edge_lpr and not to the site, with its content."""
        units, etc = self.root / "etc/systemd/system", self.root / "etc"
        files = {
            etc / "sysusers.d/edge-lpr.conf": unit_text("edge-lpr.sysusers"),
            etc / "tmpfiles.d/edge-lpr.conf": unit_text("edge-lpr.tmpfiles"),
            etc / "udev/rules.d/60-edge-lpr.rules": unit_text("60-edge-lpr.rules"),
            units / SERVICE: unit_text(SERVICE).replace("@PYTHON@", python),
        }
        if self.is_jetson:
            files[units / f"{SERVICE}.d/jetson.conf"] = unit_text("jetson.conf")
            files[units / ARGUS_PATH] = unit_text(ARGUS_PATH)
            files[units / "edge-lpr-argus.service"] = unit_text("edge-lpr-argus.service")
        return files
