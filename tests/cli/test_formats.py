"""`edge-lpr formats`: the list and the samples."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_lpr.cli import main
from edge_lpr.recognition.format_new import look_like
from edge_lpr.recognition.plate_format import formats_of


def test_list_has_a_line_a_country(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["formats", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 50
    assert any(line.startswith("DE    Germany") and line.endswith("%") for line in lines)


def test_list_of_some_countries(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["formats", "list", "uk", "fr"]) == 0
    assert [line[:2] for line in capsys.readouterr().out.splitlines()[1:]] == ["FR", "GB"]


def test_show_prints_patterns_and_repeats_samples(capsys: pytest.CaptureFixture[str]) -> None:
    shown = []
    for _ in range(2):
        assert main(["formats", "show", "br", "--samples", "2"]) == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]
    assert "br-mercosur: Mercosur (400 x 130 mm, car, 2018-)" in shown[0]
    assert "LLLDLDD" in shown[0]


def test_an_unknown_country_is_one_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["formats", "show", "qq"]) == 1
    assert "no plate format for QQ; known are" in capsys.readouterr().err


ATLANTIS = ["formats", "add", "xq", "--name", "Atlantis", "--like", "nl", "--pattern", "LLL DDD",
            "--pattern", "LL@ / DDDD"]  # fmt: skip


def test_a_format_of_ones_own_is_known_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_LPR_FORMATS", str(tmp_path))
    assert main(ATLANTIS) == 0
    assert "LLL DDD" in capsys.readouterr().out and (tmp_path / "xq.toml").exists()
    assert main(["formats", "list", "xq"]) == 0
    assert "Atlantis" in capsys.readouterr().out
    one, two = formats_of(["XQ"])
    assert one.look.band_code == "XQ" and one.look.grounds == look_like("nl", "XQ").grounds
    assert (len(one.rows), len(two.rows)) == (1, 2)
    assert main(ATLANTIS) == 1 and "is there already" in capsys.readouterr().err
    assert main([*ATLANTIS, "--replace"]) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--pattern", "LLL("], "series 3 .*rows"),
        (["--pattern", ""], "series 3 .*rows: pattern '' has no character that is read"),
        (["--pattern", "L/@"], "pattern '@' has no character that is read"),
        (["--like", "QQ"], "no plate format for QQ"),
        (["--ink", "black"], "inks: a list of '#rrggbb'"),
        (["--letters", "äö"], "letters"),
    ],
)
def test_a_wrong_format_leaves_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: list[str], message: str
) -> None:
    path = tmp_path / "own" / "xq.toml"
    assert main([*ATLANTIS, *change, "--out", str(path)]) == 1
    error = capsys.readouterr().err
    assert re.search(message, error) and "draft" not in error
    assert not list(tmp_path.rglob("*.toml")) and not list(tmp_path.rglob("*.draft"))


def test_where_a_format_goes_must_be_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGE_LPR_FORMATS", raising=False)
    assert main(ATLANTIS) == 1
    assert "--out FILE" in capsys.readouterr().err


def test_preview_draws_a_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["formats", "preview", "de", "fr", "--count", "3", "--out", str(tmp_path / "p" / "sheet.png")]) == 0
    assert "12 pictures" in capsys.readouterr().out
    with Image.open(tmp_path / "p" / "sheet.png") as sheet:
        assert np.asarray(sheet).std() > 10
