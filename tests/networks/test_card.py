"""Model cards: what is missing or wrong in one is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_lpr.errors import NetworkError
from edge_lpr.networks.card import load_card

CARD = {"task": "read", "name": "n", "file": "f.onnx", "input": {"name": "image", "shape": [3, 48, 144]},
        "outputs": {}, "decoder": "ctc"}  # fmt: skip


def test_a_whole_card(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text(json.dumps(CARD))
    assert load_card(tmp_path).input.shape == (3, 48, 144)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "it must be a JSON object"),
        ("{}", "task, name, file, input, outputs, decoder missing"),
        ("{", "not JSON"),
        (json.dumps({**CARD, "input": 3}), "input must be a JSON object"),
        (json.dumps({**CARD, "input": {"name": "image"}}), "input.shape missing"),
        (json.dumps({**CARD, "input": {"name": "image", "shape": "3x4"}}), "input.shape must be three whole numbers"),
        (json.dumps({**CARD, "colour": 1}), "colour not known"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(NetworkError, match=rf"card\.json: not a model card: .*{said}"):
        load_card(tmp_path)


def test_no_card(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="not a model card: No such file"):
        load_card(tmp_path)
