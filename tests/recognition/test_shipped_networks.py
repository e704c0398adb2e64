"""The networks in engines/ find and read plates of real photographs."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from edge_lpr import PlateRecogniser, load_picture
from edge_lpr.networks.card import load_card

ENGINES = Path(__file__).parents[2] / "engines"
DATA = Path(__file__).parents[3] / "shared" / "data"

pytestmark = [
    pytest.mark.skipif(not (ENGINES / "lpdnet" / "card.json").exists(), reason="no trained detector in engines/"),
    pytest.mark.skipif(not (ENGINES / "lprnet" / "card.json").exists(), reason="no trained reader in engines/"),
]


def test_cards_describe_their_files():
    for folder, task in (("lpdnet", "detect"), ("lprnet", "read")):
        card = load_card(ENGINES / folder)
        assert card.task == task and card.sha256
    recogniser = PlateRecogniser(ENGINES, threads=1)
    assert recogniser.detector.network.flexible
    assert recogniser.reader.network.card.parameters["temperature"] > 0


@pytest.mark.skipif(not (DATA / "labels.csv").exists(), reason="the photographs of ../shared/data are absent")
def test_polish_close_ups_are_read():
    with (DATA / "labels.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if "scene_pl_" in row["image"] and row["text"]][:10]
    recogniser = PlateRecogniser(ENGINES, regions=["pl"], threads=1)
    right = 0
    for row in rows:
        texts = [plate.text for plate in recogniser.plates(load_picture(DATA / row["image"]))]
        right += row["text"] in texts
    assert len(rows) == 10 and right >= 8
