"""The line itself: pulled and replugged, locked, disturbed, echoed, and over the network."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

serial = pytest.importorskip("serial", reason="pyserial opens the ports")

from edge_lpr.barrier import make_barrier  # noqa: E402
from edge_lpr.barrier.base import Barrier, Inputs, RelayState  # noqa: E402
from edge_lpr.barrier.link import SerialLink  # noqa: E402
from edge_lpr.barrier.opener import OpenerOptions  # noqa: E402
from edge_lpr.barrier.runner import BarrierRunner  # noqa: E402
from edge_lpr.barrier_tables import BarrierTable, InputsTable, ModbusTable  # noqa: E402
from edge_lpr.errors import BarrierError  # noqa: E402
from edge_lpr.records import Outcome  # noqa: E402
from tests.barrier.opener_cases import MemoryLog  # noqa: E402
from tests.barrier.peers import HERE, Peer, pty_peer  # noqa: E402

PATIENT_S = 2.0


def table(port: str, driver: str = "waveshare", **more: Any) -> BarrierTable:
    return BarrierTable(driver=driver, port=port, reply_timeout_s=PATIENT_S, pulse_s=0.1, **more)


@pytest.fixture
def peers() -> Iterator[list[Peer]]:
    """Those in the list are stopped at the end."""
    started: list[Peer] = []
    yield started
    for peer in started:
        peer.stop()


@pytest.fixture
def modbus(tmp_path: Path, peers: list[Peer]) -> Path:
    """pymodbus's server behind a pair of pseudo-terminals; the end for us. Inputs 1 and 3 are on."""
    pytest.importorskip("pymodbus", reason="pymodbus is the device")
    if shutil.which("socat") is None:
        pytest.skip("socat is not installed: it makes the line")
    ends = tmp_path / "ours", tmp_path / "theirs"
    peers.append(Peer("socat", "-d", "-d", "-lf", "/dev/stdout", *(f"pty,raw,echo=0,link={end}" for end in ends)))
    until_s = time.monotonic() + 10
    while not all(end.exists() for end in ends) and time.monotonic() < until_s:
        time.sleep(0.02)
    peers.append(Peer(sys.executable, str(HERE / "modbus_peer.py"), str(ends[1]), "0", "2"))
    return ends[0]


def connected(barrier: Barrier, within_s: float = 10.0) -> Barrier:
    until_s = time.monotonic() + within_s
    while True:
        try:
            barrier.connect()
            return barrier
        except BarrierError:
            if time.monotonic() > until_s:
                raise
            time.sleep(0.05)


def test_pymodbus_understands_every_frame(modbus: Path, peers: list[Peer]) -> None:
    wired = InputsTable(loop=1, opened=2, closed=3, inverted=("opened",))
    barrier = connected(make_barrier(table(str(modbus), inputs=wired)))
    assert barrier.state() is RelayState.RELEASED
    assert barrier.inputs() == Inputs(loop=True, opened=True, closed=True)
    assert barrier.pulse(lambda: True).outcome is Outcome.DONE
    assert barrier.hold(lambda: True).outcome is Outcome.DONE
    assert barrier.state() is RelayState.PULSING
    barrier.close()
    frames = peers[-1].frames()
    assert "01 05 02 00 00 01 0d b2" in frames and "01 05 00 00 ff 00 8c 3a" in frames
    assert frames[-1] == "01 05 00 00 00 00 cd ca"


def test_pymodbus_with_registers_and_its_exceptions(modbus: Path, peers: list[Peer]) -> None:
    registers = ModbusTable(switch="register", state="registers", on_value=1, off_value=0, first=4)
    barrier = connected(make_barrier(table(str(modbus), "modbus", modbus=registers)))
    assert barrier.pulse(lambda: True).outcome is Outcome.DONE and barrier.state() is RelayState.RELEASED
    barrier.close()
    strange = make_barrier(table(str(modbus), channel=30))
    with pytest.raises(BarrierError, match="it has no such address"):
        strange.connect()
    no_address = ModbusTable(pulse="coil", pulse_first=100)
    refusing = connected(make_barrier(table(str(modbus), "modbus", modbus=no_address)))
    reply = refusing.pulse(lambda: True)
    assert reply.outcome is Outcome.REFUSED and "exception 2" in reply.detail
    refusing.close()
    stranger = make_barrier(table(str(modbus), address=7))
    with pytest.raises(BarrierError):
        stranger.connect()


def test_pulled_and_replugged_under_another_name(tmp_path: Path, peers: list[Peer]) -> None:
    """The steady name leads to another terminal afterwards, as udev's does."""
    link = tmp_path / "by-id"
    peers.append(pty_peer("waveshare", link=link))
    runner = BarrierRunner("gate", make_barrier(table(str(link))), MemoryLog(), OpenerOptions())
    runner.start()
    try:
        assert wait_for(lambda: runner.health().connected)
        link.unlink()
        peers[0].stop()
        assert wait_for(lambda: not runner.health().connected and "no such device" in runner.health().fault)
        peers.append(pty_peer("waveshare", link=link))
        assert wait_for(lambda: runner.health().connected and runner.health().fault == "")
        assert peers[1].frames()[0] == "01 05 00 00 00 00 cd ca", "released before all else"
    finally:
        runner.stop(5.0)


def test_one_process_has_the_line(tmp_path: Path, peers: list[Peer]) -> None:
    peers.append(pty_peer("waveshare"))
    port = peers[0].first
    barrier = make_barrier(table(port))
    barrier.connect()
    other = make_barrier(table(port))
    with pytest.raises(BarrierError, match="another program uses it"):
        other.connect()
    stranger = ("import os, sys\nos.setuid(65534)\ntry:\n    os.open(sys.argv[1], os.O_RDWR)\n"
                "except OSError as error:\n    print(error.errno)")
    if os.geteuid() == 0:
        os.chmod(port, 0o666)
        said = subprocess.run([sys.executable, "-c", stranger, port], capture_output=True, text=True, timeout=60)
        assert said.stdout.strip() == "16", "EBUSY, also for a program that takes no lock"
    barrier.close()
    other.connect()
    other.close()


def test_garbage_before_a_command_is_read_away(peers: list[Peer], tmp_path: Path) -> None:
    master, slave = os.openpty()
    link = SerialLink(table(os.ttyname(slave)), 9600)
    link.open()
    link.settle(0.0)
    os.write(master, b"garbage")
    assert wait_for(lambda: link._port.in_waiting == 7)
    link.settle(0.0)
    link.write(b"ask")
    assert os.read(master, 10) == b"ask"
    os.write(master, b"ok")
    assert link.read(lambda received: 2, PATIENT_S) == b"ok"
    link.close()
    os.close(master)
    os.close(slave)


def test_a_line_that_babbles_gets_no_command() -> None:
    master, slave = os.openpty()
    link = SerialLink(table(os.ttyname(slave)), 9600)
    link.open()
    stop = threading.Event()

    def babble() -> None:
        while not stop.wait(0.005):
            os.write(master, b"x")

    thread = threading.Thread(target=babble)
    thread.start()
    try:
        link.note_bad()
        with pytest.raises(BarrierError, match="does not fall silent"):
            link.settle(0.0)
    finally:
        stop.set()
        thread.join()
        link.close()
        os.close(master)
        os.close(slave)


def test_an_adapter_that_echoes_confirms_nothing() -> None:
    """Each frame comes back: the echo of an opening is what a good reply looks like, that of a question is not."""
    barrier = make_barrier(table("loop://"))
    with pytest.raises(BarrierError, match="the adapter echoes"):
        barrier.connect()


def test_modem_lines_are_never_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a line that has them: they stay as the opening of the port set them."""
    from serial.urlhandler import protocol_loop

    moved: list[str] = []
    for name in ("_update_dtr_state", "_update_rts_state", "_update_break_state"):
        monkeypatch.setattr(protocol_loop.Serial, name, lambda self, name=name: moved.append(name))
    barrier = make_barrier(table("loop://", "lcus"))
    barrier.connect()
    at_open = list(moved)
    assert barrier.pulse(lambda: True).outcome is Outcome.SENT
    barrier.hold(lambda: True)
    barrier.release()
    barrier.close()
    assert moved == at_open and "_update_break_state" not in moved


def test_closing_leaves_the_modem_lines() -> None:
    import termios

    master, slave = os.openpty()
    link = SerialLink(table(os.ttyname(slave)), 9600)
    link.open()
    assert not termios.tcgetattr(slave)[2] & termios.HUPCL
    link.close()
    os.close(master)
    os.close(slave)


def test_rs485_where_the_line_cannot_is_told() -> None:
    master, slave = os.openpty()
    barrier = make_barrier(table(os.ttyname(slave), rs485="rts"))
    with pytest.raises(BarrierError, match="RS485"):
        barrier.connect()
    os.close(master)
    os.close(slave)


def test_missing_and_forbidden_ports_are_told(tmp_path: Path) -> None:
    with pytest.raises(BarrierError, match="nothing: there is no such device"):
        make_barrier(table(str(tmp_path / "nothing"))).connect()
    (tmp_path / "file").touch()
    with pytest.raises(BarrierError, match="file"):
        make_barrier(table(str(tmp_path / "file"))).connect()
    with pytest.raises(BarrierError, match="127.0.0.1"):
        make_barrier(table("socket://127.0.0.1:9")).connect()


def test_over_the_network_by_rfc_2217(peers: list[Peer]) -> None:
    peers.append(Peer(sys.executable, str(HERE / "rfc2217_peer.py")))
    barrier = connected(make_barrier(table(f"rfc2217://127.0.0.1:{peers[0].first}")), 30.0)
    barrier.check()
    lines = [line for line in peers[0].heard() if line.startswith("line")]
    assert barrier.pulse(lambda: True).outcome is Outcome.DONE
    barrier.hold(lambda: True)
    barrier.release()
    barrier.close()
    assert peers[0].frames()[-1] == "01 05 00 00 00 00 cd ca"
    assert "01 05 02 00 00 01 0d b2" in peers[0].frames()
    after = [line for line in peers[0].heard() if line.startswith("line")]
    assert after == lines, "no modem line moves but when the port is opened"


def test_over_the_network_as_bytes(peers: list[Peer], tmp_path: Path) -> None:
    """ser2net, which is not our code, gives the device to the network."""
    if shutil.which("ser2net") is None:
        pytest.skip("ser2net is not installed: it is the terminal server")
    peers.append(pty_peer("waveshare"))
    port = free_port()
    config = tmp_path / "ser2net.yaml"
    config.write_text(f"connection: &relay\n  accepter: tcp,127.0.0.1,{port}\n"
                      f"  connector: serialdev,{peers[0].first},9600n81,local\n")
    server = subprocess.Popen(["ser2net", "-n", "-u", "-P", str(tmp_path / "pid"), "-c", str(config)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        barrier = connected(make_barrier(table(f"socket://127.0.0.1:{port}")), 20.0)
        barrier.check()
        assert barrier.pulse(lambda: True).outcome is Outcome.DONE
        server.kill()
        server.wait()
        with pytest.raises(BarrierError):
            for _ in range(100):
                barrier.check()
                time.sleep(0.02)
        barrier.close()
        assert peers[0].frames().count("01 05 02 00 00 01 0d b2") == 1
    finally:
        server.kill()
        server.wait()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(condition: Any, limit_s: float = 20.0) -> bool:
    until_s = time.monotonic() + limit_s
    while not condition() and time.monotonic() < until_s:
        time.sleep(0.01)
    return bool(condition())
