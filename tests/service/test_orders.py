"""Orders by hand to a gate that runs: who gave them is known, and none is obeyed late or twice."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_lpr.barrier.base import Order, OrderKind, Reply
from edge_lpr.errors import BarrierError
from edge_lpr.records import Outcome
from edge_lpr.service.orders import EXPIRES_S, FOLDER, OrderDesk, OrderFile, give_order, person
from tests.service.gate_cases import wait_for


class FakeRunner:
    """Remembers orders; answers done."""

    def __init__(self) -> None:
        self.orders: list[Order] = []

    def order(self, order: Order, on_answer: Callable[[Reply], None]) -> None:
        self.orders.append(order)
        on_answer(Reply(Outcome.DONE, "opened"))


@pytest.fixture
def runner() -> FakeRunner:
    return FakeRunner()


@pytest.fixture
def folder(tmp_path: Path, runner: FakeRunner) -> Iterator[Path]:
    """The runtime folder of a gate that takes orders."""
    desk = OrderDesk(tmp_path, {"gate": runner})  # type: ignore[dict-item]
    desk.start()
    yield tmp_path
    desk.stop(5.0)


def order(**more: object) -> OrderFile:
    return OrderFile(**{"barrier": "gate", "kind": OrderKind.OPEN, "reason": "a delivery",  # type: ignore[arg-type]
                        "written_s": time.monotonic(), **more})


def lay(folder: Path, name: str, text: str) -> Path:
    path = folder / FOLDER / f"{name}.order"
    path.write_text(text)
    return path


def taken(path: Path) -> bool:
    return wait_for(lambda: not path.exists(), 10.0)


def test_an_order_is_obeyed_once_and_answered(folder: Path, runner: FakeRunner) -> None:
    answer = give_order(folder, order(kind=OrderKind.HOLD, hold_s=60.0))
    assert (answer.outcome, answer.detail) == (Outcome.DONE, "opened")
    (obeyed,) = runner.orders
    assert obeyed.kind is OrderKind.HOLD and obeyed.hold_s == 60.0 and obeyed.reason == "a delivery"
    assert obeyed.who == person(os.getuid())
    assert [path.suffix for path in (folder / FOLDER).iterdir()] == [".answer"]


def test_who_orders_is_who_owns_the_file(folder: Path, runner: FakeRunner) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    text = json.dumps({"barrier": "gate", "kind": "open", "reason": "a delivery", "on_behalf_of": "root"})
    aside = folder / FOLDER / "aside"
    aside.write_text(text)
    os.chown(aside, 65534, -1)
    aside.rename(folder / FOLDER / "one.order")
    assert wait_for(lambda: len(runner.orders) == 1)
    assert "user 65534" in runner.orders[0].who and "root" not in runner.orders[0].who
    assert "sudo by anna" in person(0, "anna")


def test_an_old_order_is_handed_on_as_expired(folder: Path, runner: FakeRunner) -> None:
    written_s = time.monotonic() - 60.0
    give_order(folder, order(written_s=written_s))
    assert runner.orders[0].expires_at_s == pytest.approx(written_s + EXPIRES_S)
    give_order(folder, order(written_s=time.monotonic() + 1e6))
    assert runner.orders[1].expires_at_s <= time.monotonic() + EXPIRES_S, "no order is of the future"


def test_what_lay_there_before_the_start_is_thrown_away(tmp_path: Path, runner: FakeRunner) -> None:
    (tmp_path / FOLDER).mkdir()
    path = lay(tmp_path, "old", json.dumps({"barrier": "gate", "kind": "open", "reason": "earlier"}))
    desk = OrderDesk(tmp_path, {"gate": runner})  # type: ignore[dict-item]
    desk.start()
    assert not path.exists()
    give_order(tmp_path, order())
    assert [one.reason for one in runner.orders] == ["a delivery"]
    desk.stop(5.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("garbage", "not an order"),
        ("[]", "not an order"),
        ('{"barrier": "gate", "kind": "toggle", "reason": "x"}', "allowed: open, hold, release"),
        ('{"barrier": "gate", "kind": "open"}', "'reason' is missing"),
        ('{"barrier": "gate", "kind": "open", "reason": ""}', "1 to 200"),
        ('{"barrier": "gate", "kind": "open", "reason": "a\\nb"}', "1 to 200"),
        ('{"barrier": "north", "kind": "open", "reason": "x"}', "there are: gate"),
        ('{"barrier": "gate", "kind": "open", "reason": "x", "who": "anna"}', "unknown key 'who'"),
    ],
)
def test_what_is_no_order_is_refused(folder: Path, runner: FakeRunner, text: str, words: str) -> None:
    path = lay(folder, "bad", text)
    answer = path.with_suffix(".answer")
    assert wait_for(answer.exists)
    said = json.loads(answer.read_text())
    assert said["outcome"] == "refused" and words in said["detail"]
    assert not runner.orders and not path.exists()


def test_links_and_large_files_are_no_orders(folder: Path, runner: FakeRunner, tmp_path: Path) -> None:
    good = json.dumps({"barrier": "gate", "kind": "open", "reason": "x"})
    (tmp_path / "other").write_text(good)
    link, double, large = (folder / FOLDER / f"{name}.order" for name in ("link", "double", "large"))
    link.symlink_to(tmp_path / "other")
    assert taken(link)
    time.sleep(0.1)
    assert not runner.orders


def test_a_hard_link_is_no_order(folder: Path, runner: FakeRunner, tmp_path: Path) -> None:
    (tmp_path / "other").write_text(json.dumps({"barrier": "gate", "kind": "open", "reason": "x"}))
    path = folder / FOLDER / "double.order"
    os.link(tmp_path / "other", path)
    assert taken(path) and not runner.orders


def test_an_order_that_is_taken_back_keeps_no_other_waiting(folder: Path, runner: FakeRunner,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that go while the folder is looked through: an unfinished order that gets its name, one given up."""
    listed = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: [*listed(self), self / ".half", self / "0gone.order"])
    began_s = time.monotonic()
    assert give_order(folder, order()).outcome is Outcome.DONE
    assert time.monotonic() - began_s < EXPIRES_S and len(runner.orders) == 1


def test_a_runtime_folder_that_somebody_emptied_is_made_again(folder: Path, runner: FakeRunner) -> None:
    shutil.rmtree(folder / FOLDER)
    assert wait_for((folder / FOLDER).is_dir)
    assert give_order(folder, order()).outcome is Outcome.DONE


def test_without_a_gate_or_without_an_answer_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(BarrierError, match="takes no orders here"):
        give_order(tmp_path, order())
    (tmp_path / FOLDER).mkdir()
    with pytest.raises(BarrierError, match="no answer"):
        give_order(tmp_path, order(), within_s=0.2)
    assert not list((tmp_path / FOLDER).iterdir()), "nobody shall find it later"


def test_a_folder_of_somebody_else_is_not_trusted(tmp_path: Path, runner: FakeRunner) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give folders away")
    (tmp_path / FOLDER).mkdir()
    os.chown(tmp_path / FOLDER, 65534, -1)
    desk = OrderDesk(tmp_path, {"gate": runner})  # type: ignore[dict-item]
    desk.start()
    lay(tmp_path, "one", json.dumps({"barrier": "gate", "kind": "open", "reason": "x"}))
    time.sleep(0.4)
    assert not runner.orders
    desk.stop()


def test_the_folder_is_for_the_gates_group(folder: Path) -> None:
    assert (folder / FOLDER).stat().st_mode & 0o7777 == 0o2770
