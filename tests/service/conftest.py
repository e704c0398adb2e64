"""A site whose networks find red spots and read 5A23456 everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge_lpr.config import SiteConfig
from edge_lpr.service.site import load_site
from tests.service.gate_cases import PLATE

SLOW_MACHINE = "evidence_max_age_s = 30.0\nexpires_after_s = 30.0"
"""So that a busy machine makes no evidence stale where that is not what is tested."""


@pytest.fixture
def make_site(tmp_path: Path, red_engines: Path) -> Callable[..., SiteConfig]:
    """`make_site(camera='...', access='...')` writes a site and reads it; PLATE is on its allow list."""

    def make(camera: str = 'uri = "cam"', more: str = "", access: str = "", plates: str = PLATE,
             ages: str = SLOW_MACHINE) -> SiteConfig:
        (tmp_path / "list.csv").write_text(f"plate\n{plates}\n")
        text = f"""
            [[camera]]
            name = "entry"
            {camera}
            [recognition]
            engines = "{red_engines}"
            threads = 1
            [access]
            {ages}
            {access}
            [[access.list]]
            name = "residents"
            path = "list.csv"
            [log]
            folder = "log"
            [service]
            runtime_folder = "run"
            health_every_s = 0.2
            {more}
        """
        path = tmp_path / "site.toml"
        path.write_text(text)
        return load_site(path)

    return make
