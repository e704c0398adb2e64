"""Country codes as people write them."""

from __future__ import annotations

import pytest

from edge_lpr.errors import ConfigError
from edge_lpr.recognition.regions import Regions, parse_regions


def test_codes_in_any_case_with_aliases():
    assert parse_regions(["cz,SK", " uk "]) == Regions(("CZ", "GB", "SK"), ("CZ", "SK", "GB"))
    assert parse_regions(["us-tx"]).enabled == ("US",)
    assert parse_regions([""]) == parse_regions([]) == Regions()


def test_europe_is_many_but_not_america():
    europe = parse_regions(["eu"])
    assert {"CZ", "DE", "FR", "GB", "SK"} <= set(europe.enabled)
    assert not {"US", "BR", "AR"} & set(europe.enabled)
    assert europe.named == ()


def test_unknown_code_lists_the_known():
    with pytest.raises(ConfigError, match=r"'XX'.*CZ.*UK"):
        parse_regions(["cz", "xx"])


def test_pick_reports_no_guess():
    regions = parse_regions(["eu,sk,cz"])
    assert regions.pick(("FR",)) == "FR"
    assert regions.pick(("FR", "IT")) == ""
    assert regions.pick(("CZ", "SK")) == "SK"
    assert regions.pick(()) == ""
