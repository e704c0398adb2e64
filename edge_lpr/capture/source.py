"""What a camera is, and the table of what can open one."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol, cast

from edge_lpr.capture.reconnect import RetryOptions
from edge_lpr.errors import BackendUnavailable, CameraError
from edge_lpr.records import Pixels

SOURCES = {
    "pyav": ("edge_lpr.capture.pyav", "PyavSource", "pip install 'edge_lpr[cpu]'"),
    "folder": ("edge_lpr.capture.folder", "FolderSource", "pip install 'edge_lpr[cpu]'"),
    "jetson": (
        "edge_lpr.capture.jetson",
        "JetsonSource",
        "build jetson-utils on the Jetson (docs/jetson.md); a venv needs --system-site-packages",
    ),
}
"""Backend name -> (module, class, what installs it)."""

_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]+):", re.IGNORECASE)
_SECRETS = re.compile(r"(\w://)[^\s'\"]*@")
"""User and password of an address. Up to the last @, since passwords are often written without the escapes that they
need: rather too much is masked than too little."""


@dataclass(frozen=True)
class CameraSpec:
    """One camera as configured.

    `uri` is a device ('/dev/video0', 'v4l2:/dev/v4l/by-id/...', on a Jetson also 'csi://0'), an address
    ('rtsp://user:password@host/path'), a video file, or a folder of pictures.
    """

    name: str
    uri: str
    backend: str = "auto"
    """A name of SOURCES, 'auto' to tell by `uri`, or 'module:Class' for a source of one's own."""
    width: int = 0
    height: int = 0
    """A USB camera is asked for this size; frames of others are scaled down to fit into it. 0: as it comes."""
    fps: float = 0.0
    """At most so many frames a second; a folder is shown at this rate. 0: as it comes."""
    input_format: str = ""
    """Pixel format asked of a USB camera, such as 'mjpeg'."""
    vehicle_network: str = ""
    """Backend 'jetson' only: the detectNet that passes over frames without a vehicle; '' for none."""
    pace: Literal["real", "fast"] = "real"
    """Files only. 'real' goes by the clock and drops what nobody takes; 'fast' drops nothing and takes its time from
    the file, so that two runs are the same."""
    loop: bool = False
    """Files only: from the start again at the end."""
    starts_at: datetime | None = None
    """Files in 'fast' pace: the aware UTC time of the first frame; None: the time of the start."""
    retry: RetryOptions = field(default_factory=RetryOptions)

    @property
    def live(self) -> bool:
        """Whether time passes whether or not anybody looks: a device or a stream, not a file."""
        scheme = _SCHEME.match(self.uri)
        return self.uri.startswith("/dev/") or (scheme is not None and scheme[1].lower() != "file")

    @property
    def lossless(self) -> bool:
        """Whether every frame is delivered, the source waiting for whoever takes them."""
        return self.pace == "fast" and not self.live

    @property
    def public_uri(self) -> str:
        """`uri` without user and password, fit for logs."""
        return without_secrets(self.uri)


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture of a source: `pixels` uint8 (H, W, 3) RGB, valid until the next is asked for; `pts_s` seconds since
    the stream's first picture, ever increasing; `age_s` since its capture, as far as the source knows; `passed_over`
    pictures before it that were too old to be worth showing."""

    pixels: Pixels
    pts_s: float
    age_s: float = 0.0
    passed_over: int = 0


class EndOfStream(CameraError):
    """A file has no more pictures."""


class CameraRefused(CameraError):
    """The source refuses for a reason that waiting does not mend: a password, a permission, an unknown format."""


class FrameSource(Protocol):
    """One camera, stream or file. Made with its CameraSpec, which opens nothing. Used from one thread.

    `open` may be called again after `close`; then the stream starts anew, `pts_s` at 0.
    """

    def open(self) -> None:
        """Open it within about `retry.open_timeout_s`. Raises CameraError, CameraRefused."""

    def next(self, timeout_s: float) -> Picture | None:
        """The next picture; None when none came in `timeout_s`. A library that cannot wait so short may take longer.

        Raises EndOfStream at the end of a file (never for a live source), CameraError when it must be opened again.
        """

    def close(self) -> None:
        """Release everything. Never raises; closing what is closed does nothing."""


def pick_backend(spec: CameraSpec) -> str:
    """The name of the backend for `spec`."""
    if spec.backend != "auto":
        return spec.backend
    if spec.uri.lower().startswith("csi:"):
        return "jetson"
    if not spec.live and (spec.uri.endswith("/") or file_path(spec.uri).is_dir()):
        return "folder"
    return "pyav"


def make_source(spec: CameraSpec) -> FrameSource:
    """The source for `spec`, not yet open. Raises BackendUnavailable when its backend is unknown or not installed."""
    name = pick_backend(spec)
    if name in SOURCES:
        module_name, class_name, install = SOURCES[name]
    elif ":" in name:
        module_name, _, class_name = name.partition(":")
        install = "it is named as module:Class"
    else:
        raise BackendUnavailable(f"no camera backend {name!r}; there are: auto, {', '.join(sorted(SOURCES))}")
    try:
        source_class = getattr(importlib.import_module(module_name), class_name)
        return cast(FrameSource, source_class(spec))
    except (ImportError, AttributeError, BackendUnavailable) as error:
        raise BackendUnavailable(f"camera backend {name!r} cannot run here ({error}): {install}") from error


def file_path(uri: str) -> Path:
    """The path of a file or folder given as a path or as file://..."""
    return Path(uri.removeprefix("file://"))


def without_secrets(text: str) -> str:
    """`text` with the user and password of every address in it masked."""
    return _SECRETS.sub(r"\1***@", text)
