"""The command line as a whole: its commands, and how errors are told."""

from __future__ import annotations

import argparse
import subprocess
import sys

import pytest

from edge_lpr import cli
from edge_lpr.errors import ConfigError


def commands() -> set[str]:
    (group,) = (one for one in cli.build_parser()._actions if isinstance(one, argparse._SubParsersAction))
    return set(group.choices)


def test_commands_are_there() -> None:
    assert {"read", "evaluate", "synth", "train", "demo"} <= commands()


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main([command, "--help"])
    assert left.value.code == 0 and f"edge-lpr {command}" in capsys.readouterr().out


def fake_parser(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def run(args: argparse.Namespace) -> int:
        raise error

    parser = argparse.ArgumentParser()
    parser.set_defaults(run=run)
    monkeypatch.setattr(cli, "build_parser", lambda: parser)


def test_own_errors_are_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    fake_parser(monkeypatch, ConfigError("plates.toml: key 'x' is not known"))
    assert cli.main([]) == 1
    assert capsys.readouterr().err == "edge-lpr: plates.toml: key 'x' is not known\n"


def test_interrupt_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_parser(monkeypatch, KeyboardInterrupt())
    assert cli.main([]) == 130


@pytest.mark.parametrize("words", [1, 100_000])
def test_a_full_disk_behind_the_output_is_one_line(words: int) -> None:
    program = f"import sys; from edge_lpr import cli; cli._run = lambda args: print('x' * {words}) or 0;" \
              " sys.exit(cli.main(['config', 'show']))"
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", program], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "edge-lpr: cannot write the output: No space left on device\n")


def test_defects_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (ZeroDivisionError(), FileNotFoundError()):
        fake_parser(monkeypatch, error)
        with pytest.raises(type(error)):
            cli.main([])


def test_no_command_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main([])
    assert left.value.code == 2 and "COMMAND" in capsys.readouterr().err
