"""`edge-lpr formats`: the list and the samples."""

from __future__ import annotations

import pytest

from edge_lpr.cli import main


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
