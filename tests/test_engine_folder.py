"""Where the trained networks are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_lpr import engine_folder as module
from edge_lpr.errors import NetworkError


def with_card(folder: Path) -> Path:
    (folder / "lpdnet").mkdir(parents=True)
    (folder / "lpdnet" / "card.json").write_text("{}")
    return folder


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(module.ENVIRONMENT, raising=False)
    monkeypatch.setattr(module, "PACKAGE", tmp_path / "checkout" / "edge_lpr")
    return tmp_path / "checkout" / "edge_lpr"


def test_checkout_comes_before_the_wheel(package: Path) -> None:
    shipped = with_card(package / "_engines")
    assert module.engine_folder() == shipped
    (package.parent / "engines").mkdir()
    assert module.engine_folder() == shipped, "a folder without networks is passed over"
    checkout = with_card(package.parent / "engines" / "more").parent
    assert module.engine_folder() == shipped, "the networks lie one level down"
    with_card(checkout)
    assert module.engine_folder() == checkout


def test_environment_comes_first(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_card(package / "_engines")
    own = with_card(tmp_path / "own")
    monkeypatch.setenv(module.ENVIRONMENT, str(own))
    assert module.engine_folder() == own
    monkeypatch.setenv(module.ENVIRONMENT, str(tmp_path / "absent"))
    with pytest.raises(NetworkError, match="EDGE_LPR_ENGINES names .*absent"):
        module.engine_folder()


def test_nothing_there_is_told(package: Path) -> None:
    with pytest.raises(NetworkError, match="no trained networks in .*engines or .*_engines"):
        module.engine_folder()
