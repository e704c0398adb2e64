"""Which plates are drawn: shares of countries, disjoint faces."""

from __future__ import annotations

import numpy as np
import pytest

from edge_lpr.errors import ConfigError
from edge_lpr.recognition.plate_format import load_formats
from edge_lpr.training.face_sides import faces_of, side_of
from edge_lpr.training.mix import MixConfig, mix_of


def share_of(mix, country: str, draws: int = 2000) -> float:
    rng = np.random.default_rng(1)
    return sum(mix.pick(rng).country == country for _ in range(draws)) / draws


def test_favoured_countries_get_their_share() -> None:
    assert share_of(mix_of(MixConfig(favoured=("pk",), favoured_share=0.6)), "PK") == pytest.approx(0.6, abs=0.05)
    assert share_of(mix_of(MixConfig()), "PK") < 0.1


def test_countries_are_kept_or_left_out() -> None:
    assert {f.country for f in mix_of(MixConfig(countries=("uk", "fr"))).formats} == {"GB", "FR"}
    everyone = {f.country for f in load_formats()}
    assert {f.country for f in mix_of(MixConfig(without=("US",))).formats} == everyone - {"US"}


@pytest.mark.parametrize("config", [MixConfig(countries=("QQ",)), MixConfig(faces="both"),
                                    MixConfig(countries=("US",), without=("US",))])
def test_wrong_words_are_errors(config: MixConfig) -> None:
    with pytest.raises(ConfigError, match="QQ|both|no plate format is left"):
        mix_of(config)


def test_the_two_sides_share_no_face() -> None:
    rng = np.random.default_rng(2)
    looks = [fmt.look for fmt in load_formats() if fmt.country in ("US", "DE", "FR", "GB", "AR")]
    used = {}
    for side in ("source", "target"):
        choose = faces_of(side)
        assert choose is not None
        picked = [choose(looks[int(rng.integers(len(looks)))], rng) for _ in range(300)]
        assert {side_of(face) for face in picked} == {side}
        used[side] = {face.name for face in picked}
    assert used["source"] and used["target"] and not used["source"] & used["target"]
    with pytest.raises(ValueError, match="both"):
        faces_of("both")
