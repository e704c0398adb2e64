"""The grammar accepts what the formats can be and little else, one character at a time."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_lpr.errors import ConfigError
from edge_lpr.recognition.pattern import READ_CHARACTERS
from edge_lpr.recognition.plate_format import compile_grammar, countries, load_formats, sample_rows, text_of

READ = [fmt for fmt in load_formats() if fmt.read]


@settings(max_examples=200, deadline=None)
@given(index=st.integers(0, len(READ) - 1), seed=st.integers(0, 2**32 - 1))
def test_a_country_accepts_its_own_plates(index: int, seed: int) -> None:
    fmt = READ[index]
    text = text_of(sample_rows(fmt, np.random.default_rng(seed)))
    grammar = compile_grammar([fmt.country])
    assert grammar.countries(text) == (fmt.country,), (fmt.id, text)
    assert fmt.country in compile_grammar(countries()).countries(text)


def test_every_series_is_accepted() -> None:
    rng = np.random.default_rng(5)
    for fmt in READ:
        grammar = compile_grammar([fmt.country])
        for _ in range(3):
            text = text_of(sample_rows(fmt, rng))
            assert grammar.accepts(grammar.walk(text)), (fmt.id, text)


@pytest.mark.parametrize("code", ["DE", "CZ", "SK", "FR", "ES", "BR", "AR", "IT", "NL", "PL", "RO", "HU"])
def test_random_texts_are_mostly_not_accepted(code: str) -> None:
    rng = np.random.default_rng(6)
    grammar = compile_grammar([code])
    texts = ["".join(rng.choice(list(READ_CHARACTERS), 7)) for _ in range(300)]
    assert sum(grammar.accepts(grammar.walk(text)) for text in texts) < 45


@pytest.mark.parametrize(
    ("code", "yes", "no"),
    [
        ("SK", "BA123CD BAA1234", "BA12BCD B1123CD BA123C"),
        ("CZ", "1A23456 5T67890 ABC1234", "OA23456 1G23456 1A234"),
        ("BR", "ABC1234 ABC1D23", "ABC12D3 AB11234"),
        ("AR", "ABC123 AB123CD A123BCD 123ABC", "AB1234C"),
        ("GB", "AB12CDE A123BCD ABC123D", "AB92CDE AI12CDE"),
        ("IE", "131D12345 06C1 99WX321", "133D123 06Q12"),
        ("US", "7ABC123 ABC1234 123ABC", "ABCDEFG A1B2C3D4"),
        ("CH", "ZH123456 GE1", "ZZ1234 ZH0123"),
        ("TR", "34ABC123 06A1234", "82ABC12 00ABC12 34WA123"),
    ],
)
def test_known_plates_and_near_misses(code: str, yes: str, no: str) -> None:
    grammar = compile_grammar([code])
    assert [text for text in yes.split() if not grammar.countries(text)] == []
    assert [text for text in no.split() if grammar.countries(text)] == []


def test_a_step_narrows_and_an_impossible_state_is_false() -> None:
    grammar = compile_grammar(["SK"])
    state = grammar.start()
    assert not grammar.accepts(state)
    for char in "BA12":
        state = grammar.step(state, char)
        assert state
        assert not grammar.accepts(state)
    assert not grammar.step(state, "-")
    assert not grammar.step(grammar.step(state, "Q"), "A")
    assert {grammar.walk("BA123CD"), grammar.walk("BA456EF")} == {grammar.walk("BA123CD")}


def test_the_countries_of_a_text_and_of_a_state_agree() -> None:
    grammar = compile_grammar(["hu", "se", "UK"])
    assert grammar.countries("ABC123") == grammar.countries(grammar.walk("ABC123"))
    assert "HU" in grammar.countries("ABC123") and "SE" in grammar.countries("ABC123")
    assert grammar.countries("AB12CDE") == ("GB",)
    assert grammar.countries("") == ()


def test_free_series_do_not_constrain_and_unknown_countries_are_named() -> None:
    assert not compile_grammar(["US"]).countries("VANITY")
    with pytest.raises(ConfigError, match="ZZ"):
        compile_grammar(["DE", "ZZ"])


def test_a_remembered_step_costs_microseconds() -> None:
    grammar = compile_grammar(["CZ", "SK", "DE", "AT", "PL"])
    rng = np.random.default_rng(3)
    texts = [text_of(sample_rows(fmt, rng)) for fmt in READ if fmt.country in {"CZ", "SK", "DE", "AT", "PL"}]
    for text in texts:
        grammar.walk(text)
    start = time.perf_counter()
    for text in texts:
        grammar.walk(text)
    each = (time.perf_counter() - start) / sum(map(len, texts))
    assert each < 20e-6
