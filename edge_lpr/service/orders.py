"""Orders of people to a gate that runs: one small file each, in a folder that only the gate's user and group may write.

The gate holds the serial port alone, and listens on no network; so what `edge-lpr barrier open` wants is laid into
`orders/` of the runtime folder, and its answer beside it. Who ordered it is who owns the file, which nobody can forge.
A file is taken away before it is obeyed, and what lay there when the gate started is thrown away: nothing is done
twice, nothing is done late.
"""

from __future__ import annotations

import json
import logging
import os
import pwd
import secrets
import stat
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from edge_lpr.barrier.base import Order, OrderKind, Reply
from edge_lpr.barrier.runner import BarrierRunner
from edge_lpr.errors import BarrierError, ConfigError
from edge_lpr.records import Outcome
from edge_lpr.settings_file import from_table, key

log = logging.getLogger(__name__)

FOLDER = "orders"
FOLDER_MODE = 0o2770
"""The group's too: who may open the barrier by hand is in the gate's group."""
ORDER, ANSWER = ".order", ".answer"
FILE_MODE, ANSWER_MODE = 0o640, 0o644
EXPIRES_S = 5.0
"""An order that is not begun by then is none any more."""
ANSWER_WITHIN_S = 10.0
POLL_S = 0.1
MOST_BYTES = 4096
ANSWER_KEPT_S = 60.0


@dataclass(frozen=True)
class OrderFile:
    """What is in an order's file; `written_s` monotonic, the same for every process of a boot."""

    barrier: str
    kind: OrderKind
    reason: str = key(pattern=r"(?=.*\S)[^\x00-\x1f\x7f-\x9f]{1,200}",
                      meaning="a text of 1 to 200 characters in one line")
    hold_s: float = key(0.0, low=0.0)
    written_s: float = 0.0
    on_behalf_of: str = key("", pattern=r"[\w.@-]{0,40}", meaning="a user's name")


@dataclass(frozen=True)
class Answer:
    """What became of an order."""

    outcome: Outcome
    detail: str


def give_order(runtime_folder: Path, order: OrderFile, within_s: float = ANSWER_WITHIN_S) -> Answer:
    """Lay an order down for the gate that runs, and wait for its answer. Raises BarrierError."""
    folder, name = runtime_folder / FOLDER, secrets.token_hex(12)
    if not folder.is_dir():
        raise BarrierError(f"{folder}: the gate takes no orders here")
    unfinished, waiting = folder / f".{name}", folder / f"{name}{ORDER}"
    try:
        _write(unfinished, json.dumps({**asdict(order), "kind": order.kind.value}), FILE_MODE)
        unfinished.rename(waiting)
    except PermissionError as error:
        raise BarrierError(f"{folder}: no permission: who orders must be in the gate's group, or root") from error
    except OSError as error:
        raise BarrierError(f"{folder}: {error.strerror}") from error
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        answer = _answer(folder / f"{name}{ANSWER}")
        if answer is not None:
            return answer
        time.sleep(POLL_S / 2)
    waiting.unlink(missing_ok=True)
    raise BarrierError("the gate gave no answer; look at its log before you try again")


class OrderDesk:
    """Takes orders from the folder to the barriers, on a thread of its own; `on_obeyed` is called after each."""

    def __init__(self, runtime_folder: Path, runners: Mapping[str, BarrierRunner],
                 on_obeyed: Callable[[], None] = lambda: None) -> None:
        self._folder = runtime_folder / FOLDER
        self._runners = runners
        self._on_obeyed = on_obeyed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="orders", daemon=True)

    def start(self) -> None:
        """Begin; what lies there from earlier is thrown away. Where the folder cannot be had no orders are taken."""
        try:
            self._prepare()
        except OSError as error:
            log.warning("no orders by hand are taken: %s", error)
            return
        self._thread.start()

    def stop(self, timeout_s: float = 0.3) -> None:
        """End it."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _prepare(self) -> None:
        self._folder.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        self._folder.mkdir(mode=0o770, exist_ok=True)
        status = self._folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise OSError(f"{self._folder}: is not a folder of the gate's own user")
        if stat.S_IMODE(status.st_mode) != FOLDER_MODE:  # a hardened service may not set it: its installation does
            self._folder.chmod(FOLDER_MODE)
        for left in self._folder.iterdir():
            left.unlink()

    def _work(self) -> None:
        while not self._stop.wait(POLL_S):
            try:
                self._look()
            except OSError as error:
                log.warning("orders by hand: %s", error)
                self._stop.wait(EXPIRES_S)

    def _look(self) -> None:
        try:
            paths = sorted(self._folder.iterdir())
        except FileNotFoundError:  # somebody emptied the runtime folder
            self._prepare()
            return
        for path in paths:
            if path.suffix == ORDER:
                self._take(path)
                continue
            with suppress(FileNotFoundError):  # an order that was just finished has another name now
                if time.time() - path.lstat().st_mtime > ANSWER_KEPT_S:
                    path.unlink()

    def _take(self, path: Path) -> None:
        """Take an order away, then have it obeyed."""
        try:
            text, owner = _read(path)
        except OSError as error:
            log.warning("an order by hand is none: %s", error)
            path.unlink(missing_ok=True)
            return
        try:
            path.unlink()
        except FileNotFoundError:  # who ordered has given up
            return
        answer_path = path.with_suffix(ANSWER)

        def answer(reply: Reply) -> None:
            self._on_obeyed()
            said = json.dumps({"outcome": reply.outcome.value, "detail": reply.detail})
            try:
                unfinished = answer_path.with_name(f".{path.stem}")
                _write(unfinished, said, ANSWER_MODE)
                unfinished.rename(answer_path)
            except OSError as error:
                log.warning("an answer to an order by hand cannot be written: %s", error)

        try:
            order = from_table(OrderFile, json.loads(text), path.name)
            runner = self._runners[order.barrier]
        except KeyError:
            return answer(Reply(Outcome.REFUSED, f"no such barrier; there are: {', '.join(self._runners)}"))
        except (ValueError, ConfigError) as error:
            return answer(Reply(Outcome.REFUSED, f"not an order: {error}"))
        written_s = min(order.written_s, time.monotonic())
        who = person(owner, order.on_behalf_of)
        runner.order(Order(path.stem, order.kind, who, order.reason, written_s + EXPIRES_S, order.hold_s), answer)


def person(user_id: int, on_behalf_of: str = "") -> str:
    """A user as it stands in the log; for root also who says to have become it."""
    try:
        name = pwd.getpwuid(user_id).pw_name
    except KeyError:
        name = "unknown"
    behind = f", sudo by {on_behalf_of}" if on_behalf_of and user_id == 0 else ""
    return f"{name} (user {user_id}{behind})"


def _read(path: Path) -> tuple[str, int]:
    """The text of an order's file, and its owner; no link is followed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1 or status.st_size > MOST_BYTES:
            raise OSError(f"{path.name}: not an order's file")
        return os.read(descriptor, MOST_BYTES).decode("utf-8", "replace"), status.st_uid
    finally:
        os.close(descriptor)


def _write(path: Path, text: str, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        os.write(descriptor, text.encode("utf-8"))
    finally:
        os.close(descriptor)


def _answer(path: Path) -> Answer | None:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        return Answer(Outcome(table["outcome"]), str(table["detail"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError) as error:
        raise BarrierError(f"{path}: cannot be read: {error}") from error
