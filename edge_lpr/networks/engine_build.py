"""Has an engine built in a process of its own, within limits of time and memory, and accepts it when it is good."""

from __future__ import annotations

import hashlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

import edge_lpr
from edge_lpr.errors import BackendUnavailable, NetworkError
from edge_lpr.networks.card import ModelCard, load_card
from edge_lpr.networks.cuda import Gpu
from edge_lpr.networks.engine_files import Sidecar, accept_engine, building_lock, load_engine, plan_path
from edge_lpr.networks.engine_key import (
    QDQ_MARK,
    EngineKey,
    EngineOptions,
    has_int8,
    major_of,
    make_key,
    pick_precision,
)
from edge_lpr.networks.variants import FLOAT_CARD, INT8_CARD

CHILD = "edge_lpr.networks.engine"
LOOK_EVERY_S = 1.0
"""How often limits are looked at, and the listener is told that the build goes on."""
STOP_AFTER_S = 5.0
FIRST_TO_GO = "1000"
"""The build's oom_score_adj: when memory ends, the kernel ends the build and not the gate."""

Progress = Callable[[str, float], object]
"""Called with what is being done, and the seconds since the start: at every news, and at least every LOOK_EVERY_S. A
service that is starting extends its start timeout here (EXTEND_TIMEOUT_USEC) and shows the text (STATUS)."""


def quiet(text: str, spent_s: float) -> None:
    """A Progress that tells nobody."""


@dataclass(frozen=True)
class Needed:
    """The engine that this machine needs: of which `card`, its `key` and `path`, and `notes` about its precision."""

    card_path: Path
    card: ModelCard
    key: EngineKey
    path: Path
    notes: str
    gpu: Gpu


def engine_card(card_path: Path, options: EngineOptions, gpu: Gpu) -> Path:
    """The card to build from: the one that is named; of a folder its INT8 card, where the GPU has INT8, `options` do
    not want another precision, and it was made from the float network that is there now."""
    if not card_path.is_dir():
        return card_path
    quantised = card_path / INT8_CARD
    if options.precision not in ("auto", "int8") or not has_int8(gpu.capability) or not quantised.is_file():
        return card_path / FLOAT_CARD
    made_from = load_card(quantised).quantisation.get("float_sha256", "")
    return quantised if made_from == load_card(card_path).sha256 else card_path / FLOAT_CARD


def needed_engine(card_path: Path, options: EngineOptions) -> Needed:
    """The engine that this machine needs for a card, or for the network of a folder (see `engine_card`).

    Raises BackendUnavailable without a GPU or TensorRT, NetworkError for a network that cannot be built here.
    """
    try:
        from edge_lpr.networks.engine import here
    except ImportError as error:
        raise BackendUnavailable(
            f"engines cannot be built here ({error}): TensorRT comes with JetPack, its Python binding with the package"
            " python3-libnvinfer; a venv needs --system-site-packages"
        ) from error
    version, gpu = here()
    folder = card_path if card_path.is_dir() else card_path.parent
    card_path = engine_card(card_path, options, gpu)
    card = load_card(card_path)
    try:
        content = (folder / card.file).read_bytes()
    except OSError as error:
        raise NetworkError(f"{folder / card.file}: cannot be read: {error}") from error
    if card.sha256 and hashlib.sha256(content).hexdigest() != card.sha256.lower():
        raise NetworkError(f"{folder / card.file}: its SHA-256 is not its model card's: nothing is built of it")
    key = make_key(card, content, version, gpu, options)
    _, why = pick_precision(options.precision, QDQ_MARK in content, gpu.capability, major_of(version))
    return Needed(card_path, card, key, plan_path(options.folder or folder, card.file, key), why, gpu)


def engine_fault(card_path: Path, options: EngineOptions) -> str:
    """Why the engine of this network must be built; '' when a good one is there. Raises as `needed_engine`."""
    needed = needed_engine(card_path, options)
    if not needed.path.exists():
        return "not built yet"
    try:
        load_engine(needed.path, needed.key)
    except NetworkError as error:
        return str(error)
    return ""


def ensure_engine(
    card_path: Path, options: EngineOptions, progress: Progress = quiet, again: bool = False
) -> tuple[Path, Sidecar | None]:
    """Build the engine unless a good one is there (`again`: in any case); its path, and what is told of a new one.

    Waits while another process builds it. Raises BackendUnavailable, NetworkError.
    """
    needed = needed_engine(card_path, options)
    with building_lock(needed.path):
        if not again and not engine_fault(card_path, options):
            return needed.path, None
        if needed.notes:
            progress(needed.notes, 0.0)
        return needed.path, _build(needed, options, progress)


def _build(needed: Needed, options: EngineOptions, progress: Progress) -> Sidecar:
    key, path = needed.key, needed.path
    with tempfile.TemporaryDirectory(prefix=".building-", dir=path.parent) as folder:
        plan = Path(folder) / path.name
        order = {
            "card": str(needed.card_path.absolute()),
            "plan": str(plan),
            "cache": str(path.parent.absolute() / f"{key.tensorrt}-{key.gpu.replace(' ', '_')}.timing"),
            "precision": key.precision,
            "profile": asdict(key.profile),
            "workspace_mb": options.workspace_mb,
            "optimisation": options.optimisation,
            "dla": key.dla,
        }
        built = _run_child(order, options, progress)
        content = plan.read_bytes()
        sidecar = Sidecar(
            key=key,
            plan_sha256=hashlib.sha256(content).hexdigest(),
            plan_bytes=len(content),
            built_utc=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            build_s=round(built["build_s"], 1),
            deviation=built["deviation"],
            notes=needed.notes,
        )
        accept_engine(plan, path, sidecar)
        return sidecar


def _run_child(order: dict[str, Any], options: EngineOptions, progress: Progress) -> dict[str, Any]:
    home = str(Path(edge_lpr.__file__).resolve().parent.parent)
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, "-m", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        try:
            with suppress(OSError):  # somebody else's rule, or no /proc: only a wish
                Path(f"/proc/{child.pid}/oom_score_adj").write_text(FIRST_TO_GO, encoding="ascii")
            assert child.stdin is not None and child.stdout is not None
            with suppress(BrokenPipeError), child.stdin:
                child.stdin.write(json.dumps(order).encode())
            answer = _listen(child.stdout, options, progress)
            code = child.wait()
        finally:
            _end(child)
        if "built" in answer and code == 0:
            return dict(answer["built"])
        errors.seek(0)
        last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
        cause = f"signal {-code}" if code < 0 else f"exit status {code}"
        raise NetworkError(answer.get("failed") or f"the build ended with {cause}: {' '.join(last) or 'no message'}")


def _listen(news: IO[bytes], options: EngineOptions, progress: Progress) -> dict[str, Any]:
    """Follow the build to the end of its output; its last word. Raises NetworkError when it goes beyond a limit."""
    began_s = time.monotonic()
    answer: dict[str, Any] = {}
    text, unfinished = "starting", b""
    while True:
        ready, _, _ = select.select([news], [], [], LOOK_EVERY_S)
        if ready:
            block = os.read(news.fileno(), 65536)
            if not block:
                return answer
            *lines, unfinished = (unfinished + block).split(b"\n")
            for words in filter(None, map(_words, lines)):
                answer |= words
                text = str(words.get("say", text))
                progress(text, time.monotonic() - began_s)
        spent_s = time.monotonic() - began_s
        progress(text, spent_s)
        if spent_s > options.timeout_s:
            raise NetworkError(f"the build was stopped after {options.timeout_s:g} s (while {text})")
        if (left_mb := available_mb()) < options.reserve_mb:
            raise NetworkError(f"the build was stopped: {left_mb} MB of memory are left, not {options.reserve_mb}")


def _words(line: bytes) -> dict[str, Any]:
    """The build's word in a line of its output; nothing in a line that a library printed."""
    try:
        words = json.loads(line)
    except ValueError:
        return {}
    return words if isinstance(words, dict) else {}


def available_mb(meminfo: Path = Path("/proc/meminfo")) -> int:
    """Memory that the machine has left: on a Jetson the GPU's as well."""
    try:
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) // 1000
    except (OSError, ValueError):
        pass
    return 1 << 30


def _end(child: subprocess.Popen[bytes]) -> None:
    for stream in (child.stdout, child.stdin):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_AFTER_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
