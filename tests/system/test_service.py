"""The installed service under a real systemd, from the wheel to the uninstallation, through every fault that it should
survive without a person. The tests go in order, on one machine, each leaving a gate that works.

`make test-system`; the figures are printed with `-s`.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.system.machine import Machine, wait_for

PATIENCE_S = 120.0
"""For what takes a few seconds on a machine that is not busy with other things."""
INSTALL = (
    "python3 -m venv {venv}",
    "{venv}/bin/pip install -q --no-index --find-links /seen/wheels 'edge_lpr[cpu]'",
    "{venv}/bin/edge-lpr install --camera {camera}",
)
"""What a person types, from nothing to the first read."""
SITE = """\
name = "test gate"
[[camera]]
name = "entry"
uri = "rtsp://127.0.0.1:8554/"
stall_s = 2.0
[[camera.zone]]
name = "lane"
polygon = {zone}
[[barrier]]
driver = "dry-run"
[access]
evidence_max_age_s = 20.0
expires_after_s = 20.0
[[access.list]]
name = "residents"
path = "lists/residents.csv"
"""
HANG = """\
import signal, time
def hang(*_):
    from edge_lpr.service.pipeline import Pipeline
    Pipeline.step = lambda *_: time.sleep(1e6)
signal.signal(signal.SIGUSR1, hang)
"""
"""Lets the camera's loop hang with its next frame, while all other threads go on."""
ASK = """\
import ctypes
from edge_lpr.capture.clock import _Timex
libc = ctypes.CDLL(None, use_errno=True)
print("asked:", libc.adjtimex(ctypes.byref(_Timex())), ctypes.get_errno())
"""
MAY_CHANGE = (
    "/etc/edge-lpr", "/usr/local/lib/edge-lpr", "/usr/local/bin/edge-lpr", "/var/lib/edge-lpr", "/var/cache/edge-lpr",
    "/opt/", "/root/.cache", "/run/", "/tmp", "/var/tmp", "/seen/",
    "/etc/systemd/system/edge-lpr", "/etc/systemd/system/multi-user.target.wants", "/etc/sysusers.d/edge-lpr.conf",
    "/etc/tmpfiles.d/edge-lpr.conf", "/etc/udev/rules.d/60-edge-lpr.rules",
    # Written by the system itself: the new user, journals, timers.
    "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/.pwd.lock", "/var/log/", "/var/lib/systemd",
    "/etc/machine-id", "/var/cache/ldconfig", "/etc/.updated", "/var/.updated", "/etc/udev/hwdb.bin",
)


class Gate:
    """The gate on a machine, as its administrator sees it."""

    def __init__(self, machine: Machine, clip: Path) -> None:
        self.machine, self.sh = machine, machine.sh
        truth = json.loads((clip / "plate.json").read_text())
        self.plate, self.zone = truth["plate"], truth["zone"]

    def show(self, what: str) -> str:
        return self.sh(f"systemctl show -P {what} edge-lpr").strip()

    @property
    def pid(self) -> int:
        return int(self.show("MainPID") or 0)

    @property
    def reads(self) -> int:
        """Decisions about the plate in the log."""
        said = self.sh(f"edge-lpr log export --format jsonl --plate {self.plate}", check=False)
        return sum(line.startswith("{") for line in said.splitlines())

    @property
    def restarts(self) -> int:
        return int(self.show("NRestarts") or 0)

    def status(self) -> str:
        return self.sh("edge-lpr status", check=False)

    def waits_for_read(self, since: int | None = None) -> None:
        count = self.reads if since is None else since
        wait_for(lambda: self.reads > count, PATIENCE_S, f"a read; status: {self.status()}")

    def is_sound(self) -> None:
        """Nothing is wrong with the log; pictures of decisions that were lost go within a minute or two."""
        wait_for(lambda: "0 problems" in self.sh("edge-lpr log verify", check=False), PATIENCE_S,
                 f"a log without problems: {self.sh('edge-lpr log verify', check=False)}")

    def camera(self, on: bool) -> None:
        self.sh("systemctl stop camera 2>/dev/null; systemctl reset-failed camera 2>/dev/null; true")
        if on:
            self.sh("systemd-run -q --unit=camera -E PYTHONPATH=/seen/capture "
                    "/opt/edge-lpr/bin/python /seen/tests/rtsp_camera.py /seen/clip/clip.mp4 8554")

    def relay(self, on: bool) -> None:
        """A relay board on a pseudo-terminal, owned as udev's rules have it."""
        self.sh("systemctl stop relay 2>/dev/null; systemctl reset-failed relay 2>/dev/null; rm -f /dev/relay")
        if on:
            self.sh("systemd-run -q --unit=relay /bin/sh -c 'sleep infinity | exec /opt/edge-lpr/bin/python -u"
                    " /seen/barrier/pty_peer.py waveshare --link /dev/relay'")
            wait_for(lambda: self.sh("test -e /dev/relay && echo yes || true"), PATIENCE_S, "the relay board")
            self.sh("chgrp dialout $(readlink /dev/relay); chmod 660 $(readlink /dev/relay)")

    @property
    def opened(self) -> int:
        """Openings that were done."""
        said = self.sh(f"journalctl -u edge-lpr PLATE={self.plate} OUTCOME=done -o json", check=False)
        return sum(line.startswith("{") for line in said.splitlines())

    def write(self, path: str, text: str) -> None:
        """Write a file of the machine."""
        target = self.machine.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def site(self, text: str = "") -> None:
        """Write the site's file as an editor would."""
        self.write("/etc/edge-lpr/site.toml", text or SITE.format(zone=json.dumps(self.zone)))

    def restart(self) -> float:
        """Seconds until it was ready."""
        began_s = time.monotonic()
        self.sh("systemctl restart edge-lpr", PATIENCE_S)
        return time.monotonic() - began_s

    def is_well(self) -> bool:
        return "test gate: ok" in self.status()

    def gets_well(self) -> None:
        wait_for(self.is_well, PATIENCE_S, "the gate to be well")
        self.waits_for_read()
        self.is_sound()

    def waits_for_status(self, words: str) -> None:
        wait_for(lambda: words in self.status(), PATIENCE_S, f"{words!r} in the status")


@pytest.fixture(scope="module")
def gate(machine: Machine, clip: Path) -> Gate:
    return Gate(machine, clip)


@pytest.fixture(scope="module", autouse=True)
def before(machine: Machine) -> dict[str, str]:
    """Every file of the machine before, with its time and size."""
    return listing(machine)


def listing(machine: Machine) -> dict[str, str]:
    said = machine.sh(r"find / -xdev -type f -printf '%p\t%T@ %s\n'")
    return dict(line.split("\t", 1) for line in said.splitlines() if "\t" in line)


def test_three_commands_from_the_wheel_to_the_first_read(gate: Gate) -> None:
    began_s = time.monotonic()
    for command in INSTALL:
        print(gate.sh(command.format(venv="/opt/edge-lpr", camera="/seen/clip/clip.mp4"), 600))
    installed_s = time.monotonic() - began_s
    wait_for(lambda: gate.reads, PATIENCE_S, f"the first read: {gate.sh('journalctl -u edge-lpr', check=False)}")
    print(f"{len(INSTALL)} commands, installed in {installed_s:.1f} s, read {time.monotonic() - began_s:.1f} s")
    gate.is_sound()


def test_a_second_installation_does_nothing(gate: Gate) -> None:
    gate.sh("systemctl stop edge-lpr")
    gate.sh(f"echo '{gate.plate};A resident;;;;' >> /etc/edge-lpr/lists/residents.csv")
    gate.site()
    gate.camera(on=True)
    gate.sh("edge-lpr install --no-start")
    times = "stat -c '%Y %n' /etc/edge-lpr/site.toml /etc/edge-lpr/lists/* /etc/systemd/system/edge-lpr.service"
    before = gate.sh(times)
    assert "all of it is installed already" in gate.sh("edge-lpr install --no-start")
    assert "would" not in gate.sh("edge-lpr install --dry-run --no-start")
    assert before == gate.sh(times)


def test_ready_when_the_first_frame_came(gate: Gate) -> None:
    gate.restart()
    times = [gate.restart() for _ in range(3)]
    print("from `systemctl restart` to READY:", ", ".join(f"{one:.1f} s" for one in times))
    assert gate.show("ActiveState") == "active"
    gate.gets_well()
    assert "entry" in gate.show("StatusText") and "fps" in gate.show("StatusText")
    wait_for(lambda: gate.plate in gate.show("StatusText"), PATIENCE_S, "the read in the status line")


def test_reads_in_the_journal_by_their_fields(gate: Gate) -> None:
    gate.waits_for_read()
    said = gate.sh(f"journalctl -u edge-lpr PLATE={gate.plate} -o json -n 50")
    entries = [json.loads(line) for line in said.splitlines()]
    opened = [one for one in entries if one.get("DECISION") == "open"]
    assert opened and opened[-1]["REASON"] == "allowed" and opened[-1]["CAMERA"] == "entry" and opened[-1]["ARRIVAL"]
    assert opened[-1]["SYSLOG_IDENTIFIER"] == "edge-lpr" and opened[-1]["PRIORITY"] == "6"
    assert any(one.get("OUTCOME") == "dry_run" for one in entries)


def test_the_clock_is_asked_from_inside_the_hardened_service(gate: Gate) -> None:
    """The filter of system calls must let it ask: EPERM would keep schedules closed for ever."""
    gate.write("/opt/ask.py", ASK)
    gate.write("/etc/systemd/system/edge-lpr.service.d/ask.conf",
               "[Service]\nExecStartPre=/opt/edge-lpr/bin/python /opt/ask.py\n")
    gate.sh("systemctl daemon-reload")
    gate.restart()
    gate.sh("rm -r /etc/systemd/system/edge-lpr.service.d; systemctl daemon-reload")
    said = gate.sh("journalctl -u edge-lpr -o cat -n 200")
    answers = [line for line in said.splitlines() if line.startswith("asked:")]
    assert answers and "-1" not in answers[-1], said


def test_reload(gate: Gate) -> None:
    pid = gate.pid
    gate.site(SITE.format(zone=json.dumps(gate.zone)) + "\nnonsense = 1\n")
    gate.sh("systemctl reload edge-lpr")
    gate.waits_for_status("nonsense")
    assert "degraded" in gate.show("StatusText") or gate.waits_for_read() is None
    gate.site()
    gate.sh("systemctl reload edge-lpr")
    gate.gets_well()
    assert gate.pid == pid


def test_kill_9(gate: Gate) -> None:
    gate.waits_for_read()
    pid, count, began_s = gate.pid, gate.reads, time.monotonic()
    gate.sh(f"kill -9 {pid}")
    wait_for(lambda: gate.pid not in (0, pid) and gate.show("ActiveState") == "active", PATIENCE_S, "another process")
    print(f"in service again {time.monotonic() - began_s:.1f} s after kill -9")
    assert gate.reads >= count
    gate.gets_well()


def test_a_hung_loop_is_caught_by_the_watchdog(gate: Gate) -> None:
    gate.write("/opt/hang/sitecustomize.py", HANG)
    gate.write("/etc/systemd/system/edge-lpr.service.d/hang.conf",
               "[Service]\nEnvironment=PYTHONPATH=/usr/local/lib/edge-lpr/current:/opt/hang\n")
    gate.sh("systemctl daemon-reload")
    gate.restart()
    gate.waits_for_read()
    pid, restarts, began_s = gate.pid, gate.restarts, time.monotonic()
    gate.sh(f"kill -USR1 {pid}")
    wait_for(lambda: gate.restarts > restarts and gate.pid not in (0, pid)
             and gate.show("ActiveState") == "active", PATIENCE_S, "the watchdog to restart it")
    print(f"hung loop: in service again after {time.monotonic() - began_s:.1f} s")
    said = gate.sh("journalctl -u edge-lpr -o cat -n 400")
    assert "Watchdog timeout" in said and "the watchdog is not fed" in said
    assert "Fatal Python error: Aborted" in said and "in <lambda>" in said, "where it hung is told"
    gate.sh("rm -r /etc/systemd/system/edge-lpr.service.d; systemctl daemon-reload")
    gate.restart()
    gate.gets_well()


def test_a_camera_away_and_back_restarts_nothing(gate: Gate) -> None:
    pid, restarts = gate.pid, gate.restarts
    gate.camera(on=False)
    gate.waits_for_status("camera entry: no frames")
    time.sleep(45)  # longer than the watchdog allows, twice
    assert (gate.pid, gate.restarts) == (pid, restarts)
    gate.restart()  # a start without a camera is a start
    assert gate.show("ActiveState") == "active"
    gate.waits_for_status("camera entry: no frames")
    gate.camera(on=True)
    gate.gets_well()


def test_a_serial_peer_away_and_back_restarts_nothing(gate: Gate) -> None:
    gate.relay(on=True)
    site = SITE.format(zone=json.dumps(gate.zone))
    gate.site(site.replace('driver = "dry-run"', 'driver = "waveshare"\nport = "/dev/relay"'))
    gate.restart()
    wait_for(lambda: gate.opened, PATIENCE_S, f"an opening; {gate.sh('journalctl -u edge-lpr -n 30', check=False)}")
    assert "relay on" in gate.sh("journalctl -u relay -o cat")
    # The board's own process has the terminal open, too: to the doctor that is a stranger on the line.
    assert "barrier gate: /dev/relay: is also opened by python" in gate.sh("edge-lpr doctor", check=False)
    assert gate.sh("edge-lpr barrier open --yes --reason 'a visitor'").startswith(("done", "sent"))
    assert "a visitor" in gate.sh("edge-lpr log events")
    pid, restarts, opened = gate.pid, gate.restarts, gate.opened
    gate.relay(on=False)
    gate.waits_for_status("barrier gate: ")
    gate.waits_for_read()
    assert gate.opened == opened and "barrier gate" in gate.status()
    gate.relay(on=True)
    wait_for(lambda: gate.opened > opened, PATIENCE_S, f"an opening; {gate.status()}")
    assert (gate.pid, gate.restarts) == (pid, restarts)
    gate.gets_well()
    gate.site()
    gate.restart()
    gate.relay(on=False)
    gate.gets_well()


def test_a_full_disk_opens_nothing_and_mends_itself(gate: Gate) -> None:
    gate.sh("systemctl stop edge-lpr; mkdir /tmp/state; cp -a /var/lib/edge-lpr/. /tmp/state/;"
            " mount -t tmpfs -o size=160m,mode=0750 tmpfs /var/lib/edge-lpr; chown edge-lpr:edge-lpr /var/lib/edge-lpr;"
            " cp -a /tmp/state/. /var/lib/edge-lpr/")
    gate.restart()
    gate.waits_for_read()
    pid, count = gate.pid, gate.reads
    gate.sh("dd if=/dev/zero of=/var/lib/edge-lpr/fill bs=4096 2>/dev/null || true")
    gate.waits_for_status("log: ")
    assert gate.pid == pid
    gate.sh("rm /var/lib/edge-lpr/fill")
    gate.waits_for_read(count)
    gate.gets_well()
    assert gate.pid == pid
    gate.sh("systemctl stop edge-lpr; rm -rf /tmp/state; cp -a /var/lib/edge-lpr /tmp/state; umount /var/lib/edge-lpr;"
            " rm -rf /var/lib/edge-lpr/*; cp -a /tmp/state/. /var/lib/edge-lpr/; rm -rf /tmp/state")
    gate.restart()
    gate.gets_well()


def test_a_damaged_site_starts_with_the_last_good_one(gate: Gate) -> None:
    gate.site('[[camera]\nname = "entry')
    gate.restart()
    gate.waits_for_status("the last good one")
    gate.waits_for_read()
    gate.site()
    gate.sh("systemctl reload edge-lpr")
    gate.gets_well()


def test_without_any_site_it_waits_and_says_so(gate: Gate) -> None:
    gate.sh("rm -r /var/lib/edge-lpr/kept")
    gate.site("[[camera]")
    gate.restart()
    assert "cannot start" in gate.show("StatusText") and gate.show("ActiveState") == "active"
    gate.waits_for_status("cannot start")
    gate.site()
    gate.gets_well()


def test_a_damaged_network_is_stood_in_for(gate: Gate) -> None:
    networks = "/usr/local/lib/edge-lpr/current/edge_lpr/_engines/lpdnet"
    gate.sh(f"cp -a {networks} /tmp/good; truncate -s 1000 {networks}/*.onnx")
    gate.restart()
    gate.waits_for_status("stand in")
    gate.waits_for_read()
    gate.sh(f"cp -a /tmp/good/*.onnx {networks}; rm -r /tmp/good")
    gate.restart()
    gate.gets_well()


def test_a_damaged_list_keeps_its_last_good_state(gate: Gate) -> None:
    gate.sh("cd /etc/edge-lpr/lists; cp -a residents.csv /tmp/; head -c 3000 /dev/urandom > residents.csv")
    gate.restart()
    gate.waits_for_status("lists: ")
    gate.waits_for_read()
    assert "open" in gate.sh("edge-lpr log list -n 1")
    gate.sh("cp -a /tmp/residents.csv /etc/edge-lpr/lists/")
    gate.gets_well()


def test_a_damaged_database_is_set_aside(gate: Gate) -> None:
    gate.sh("systemctl stop edge-lpr; cd /var/lib/edge-lpr/log/database; rm -f *-wal *-shm;"
            " dd if=/dev/urandom of=plates.db bs=1024 seek=2 count=4 conv=notrunc 2>/dev/null")
    gate.restart()
    gate.gets_well()
    assert "damage" in gate.sh("edge-lpr log events")


def test_a_database_of_a_newer_release_is_set_aside(gate: Gate) -> None:
    gate.sh("systemctl stop edge-lpr; /opt/edge-lpr/bin/python -c \"import sqlite3; "
            "c = sqlite3.connect('/var/lib/edge-lpr/log/database/plates.db'); c.execute('PRAGMA user_version = 99')\"")
    gate.restart()
    gate.waits_for_status("newer edge_lpr")
    gate.waits_for_read()
    gate.restart()
    gate.gets_well()


def test_an_upgrade_cut_off_halfway_leaves_the_gate_at_work(gate: Gate) -> None:
    """`pip` cut off: half of the package is gone, and the command with it. The service runs a copy of its own."""
    site = gate.sh("/opt/edge-lpr/bin/python -c 'import edge_lpr; print(edge_lpr.__path__[0])'").strip()
    gate.sh(f"mv {site}/service /tmp/service; rm {site}/errors.py")
    gate.restart()
    assert "No module named" in gate.status()
    wait_for(lambda: gate.plate in gate.show("StatusText") and gate.show("StatusText").startswith("ok"), PATIENCE_S,
             "a read in the status line")
    gate.sh("rm -r /tmp/service; " + INSTALL[1].format(venv="/opt/edge-lpr") + " --force-reinstall --no-deps", 300)
    gate.sh("edge-lpr install")
    gate.gets_well()


def test_a_damaged_release_waits_for_its_repair(gate: Gate) -> None:
    current = gate.sh("readlink -f /usr/local/lib/edge-lpr/current").strip()
    gate.sh(f"mv {current}/edge_lpr/gate /tmp/gate")
    gate.restart()
    assert gate.show("ActiveState") == "active" and "installation is damaged" in gate.show("StatusText")
    gate.sh(f"mv /tmp/gate {current}/edge_lpr/gate")
    gate.gets_well()


def test_boot_brings_it_back(gate: Gate) -> None:
    gate.waits_for_read()
    count = gate.reads
    gate.machine.cut()
    gate.machine.boot()
    wait_for(lambda: gate.show("ActiveState") == "active", PATIENCE_S, "the service after the power was cut")
    assert gate.reads >= count
    gate.camera(on=True)
    gate.gets_well()


def test_uninstall_leaves_site_and_log_and_install_takes_them_up(gate: Gate) -> None:
    gate.waits_for_read()
    count, site = gate.reads, gate.sh("cat /etc/edge-lpr/site.toml")
    print(gate.sh("edge-lpr uninstall"))
    assert "nothing of it is installed" in gate.sh("/opt/edge-lpr/bin/edge-lpr uninstall")
    assert gate.sh("systemctl cat edge-lpr 2>&1 || true").startswith("No files found")
    # Another Python, which sees the system's systemd-python.
    gate.sh("python3 -m venv --system-site-packages /opt/other; " + INSTALL[1].format(venv="/opt/other"), 600)
    print(gate.sh("/opt/other/bin/edge-lpr install --camera ignored"))
    assert gate.sh("cat /etc/edge-lpr/site.toml") == site and gate.reads >= count
    gate.gets_well()
    said = gate.sh(f"journalctl -u edge-lpr PLATE={gate.plate} -o json -n 1")
    assert json.loads(said)["_EXE"].startswith("/usr/bin/python3") and json.loads(said)["DECISION_ID"]


def test_nothing_is_written_outside_its_places(gate: Gate, before: dict[str, str]) -> None:
    gate.sh("/opt/other/bin/edge-lpr uninstall --purge; systemctl stop camera")
    after = listing(gate.machine)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert sorted(path for path in changed if not path.startswith(MAY_CHANGE)) == []
    left = gate.sh("find / -xdev -path /opt -prune -o -path /tmp -prune -o -name '*edge-lpr*' -print").split()
    assert [path for path in left if not path.startswith(("/root/.cache", "/var/log", "/proc"))] == []
    assert "edge-lpr" not in gate.sh("cat /etc/passwd")
