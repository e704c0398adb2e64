"""Where a service keeps the engines that it builds."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_lpr.config import RecognitionTable
from edge_lpr.service.site import engine_options


def test_engines_are_kept_where_the_service_may_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CACHE_DIRECTORY", raising=False)
    assert engine_options(RecognitionTable()).folder is None
    monkeypatch.setenv("CACHE_DIRECTORY", "/var/cache/edge-lpr")
    assert engine_options(RecognitionTable()).folder == Path("/var/cache/edge-lpr/engines")
    assert engine_options(RecognitionTable(engine_folder=Path("/data"))).folder == Path("/data")
