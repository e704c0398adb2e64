"""Reading crops: layouts, calibration, and countries that guide the search without a rewrite."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge_lpr.errors import ConfigError, NetworkError
from edge_lpr.networks.card import ALPHABET_36, InputSpec, ModelCard
from edge_lpr.recognition.read import PlateReader, ReaderOptions

CLASSES = 37


class StubReader:
    """Answers crop after crop with given log-probabilities (T, C)."""

    flexible = False

    def __init__(self, *answers, **parameters):
        self.answers = list(answers)
        self.seen = []
        self.card = ModelCard(
            "read",
            "stub",
            "x.onnx",
            InputSpec("image", (3, 48, 144)),
            {"log_probs": "y"},
            "ctc",
            ALPHABET_36,
            parameters,
        )

    def run(self, batch):
        self.seen.append(batch)
        taken, self.answers = self.answers[: len(batch)], self.answers[len(batch) :]
        return {"log_probs": np.stack(taken)}


def mixed(text, at=0, **shares):
    """Steps that read `text`, but for the character number `at`, of which `shares` are the probabilities."""
    rest = (1 - 0.9995) / (CLASSES - 1)
    probs = np.full((36, CLASSES), rest)
    best = [CLASSES - 1] * 36
    for number, char in enumerate(text):
        best[2 * number + 1] = ALPHABET_36.index(char)
    probs[np.arange(36), best] = 0.9995
    if shares:
        probs[2 * at + 1] = rest
        for char, share in shares.items():
            probs[2 * at + 1, ALPHABET_36.index(char.strip("_"))] = share
        probs[2 * at + 1] /= probs[2 * at + 1].sum()
    return np.log(probs).astype(np.float32)


def crop(width=260, height=60):
    return np.zeros((height, width, 3), np.uint8)


def read(*answers, regions=(), size=(260, 60), **parameters):
    return PlateReader(StubReader(*answers, **parameters), regions).read([crop(*size)])[0]


def test_a_clear_plate():
    reading = read(mixed("5A23456"))
    assert reading.text == "5A23456" and reading.rows == 1 and reading.region == ""
    assert 0.95 < reading.confidence < 1.0
    assert reading.char_probs == pytest.approx([0.9995] * 7, abs=1e-4)
    assert reading.log_probs.shape == (36, 37)


def test_nothing_readable_is_no_text():
    reading = read(mixed(""))
    assert (reading.text, reading.confidence, reading.char_probs) == ("", 0.0, ())


def test_confidence_is_the_probability_of_the_text():
    reading = read(mixed("AB123", at=2, _1=0.6, _7=0.4))
    assert reading.text == "AB123"
    assert reading.confidence == pytest.approx(0.6, abs=0.02)


def test_temperature_and_platt_calibrate():
    steps = mixed("AB123", at=2, _1=0.9, _7=0.1)
    plain = read(steps).confidence
    assert read(steps, temperature=2.0).confidence < plain
    shifted = read(steps, confidence_a=0.5, confidence_b=-1.0).confidence
    logit = math.log(plain / (1 - plain))
    assert shifted == pytest.approx(1 / (1 + math.exp(-(0.5 * logit - 1.0))))


def test_the_layout_that_reads_wins():
    one, two = mixed("AB"), mixed("AB1234", at=1, B=0.8, _8=0.2)
    reading = read(one, two, size=(100, 50))  # one row, then two
    assert (reading.text, reading.rows) == ("AB", 1)
    reading = read(mixed(""), two, size=(100, 50))
    assert (reading.text, reading.rows) == ("AB1234", 2)
    reading = read(two, mixed(""), size=(100, 90))  # two rows first
    assert (reading.text, reading.rows) == ("AB1234", 2)


def test_all_crops_and_layouts_run_in_one_batch():
    network = StubReader(*[mixed(text) for text in ("AA1", "BB2", "CC3", "DD4")])
    readings = PlateReader(network).read([crop(), crop(100, 50), crop()])
    assert [batch.shape for batch in network.seen] == [(4, 3, 48, 144)]
    assert [reading.text for reading in readings] == ["AA1", "BB2", "DD4"]
    assert PlateReader(network).read([]) == []


@pytest.mark.parametrize("region", ["cz", "CZ", "cz,sk", "eu"])
def test_countries_decide_letter_or_digit_by_position(region):
    """A Czech plate: a digit, a letter, five characters of which the last four are digits."""
    steps = mixed("5A2345O", at=6, O=0.7, _0=0.3)
    assert read(steps).text == "5A2345O"
    reading = read(steps, regions=[region])
    assert reading.text == "5A23450"
    assert 0.5 < reading.confidence <= 1.0


def test_a_named_country_is_reported():
    assert read(mixed("5A23456"), regions=["sk", "cz"]).region == "CZ"
    assert read(mixed("BA123AB"), regions=["sk", "cz"]).region == "SK"


def test_a_foreign_plate_is_read_as_it_is():
    reading = read(mixed("XYZXYZXY"), regions=["cz"])
    assert (reading.text, reading.region) == ("XYZXYZXY", "")
    assert reading.confidence > 0.9


def test_an_unlikely_fit_is_not_forced():
    """The last character is surely an O: no Czech plate, whatever its rest looks like."""
    reading = read(mixed("5A2345O"), regions=["cz"])
    sure = mixed("5A2345O", at=6, O=0.9999999, _0=1e-7)
    assert read(sure, regions=["cz"]).text == "5A2345O"
    assert reading.region == ""


def test_the_foreign_ratio_is_the_callers():
    steps = mixed("5A2345O", at=6, O=0.99, _0=0.01)
    strict = PlateReader(StubReader(steps), ["cz"], ReaderOptions(foreign_ratio=0.05)).read([crop()])[0]
    loose = PlateReader(StubReader(steps), ["cz"], ReaderOptions(foreign_ratio=1e-3)).read([crop()])[0]
    assert (strict.text, loose.text) == ("5A2345O", "5A23450")
    assert loose.confidence < 0.7


def test_an_unknown_region_names_the_known():
    with pytest.raises(ConfigError, match="CZ") as error:
        PlateReader(StubReader(), ["xq"])
    assert "XQ" in str(error.value)


def test_a_wrong_alphabet_is_a_network_error():
    with pytest.raises(NetworkError, match="log_probs is"):
        read(np.zeros((36, 30), np.float32))


class StubNvidia:
    """LPRNet's contract: best path and its probabilities at 24 steps, 35 characters without O."""

    flexible = False
    card = ModelCard(
        "read",
        "LPRNet",
        "x.onnx",
        InputSpec("image_input", (3, 48, 96)),
        {"indices": "tf_op_layer_ArgMax", "probs": "tf_op_layer_Max"},
        "ctc_path",
        "0123456789ABCDEFGHIJKLMNPQRSTUVWXYZ",
    )

    def run(self, batch):
        assert batch.shape[1:] == (3, 48, 96)
        indices = np.full((len(batch), 24), 35, np.int32)
        probs = np.ones((len(batch), 24), np.float32)
        indices[:, 2:4], indices[:, 6], indices[:, 8] = 10, 23, 24  # A, N, P
        probs[:, 2], probs[:, 3], probs[:, 6] = 0.8, 0.99, 0.5
        return {"indices": indices, "probs": probs}


def test_nvidia_path_contract():
    reading = PlateReader(StubNvidia()).read([crop()])[0]
    assert reading.text == "ANP" and reading.log_probs is None
    assert reading.char_probs == pytest.approx((0.8, 0.5, 0.98)), "none is surer than an uncalibrated one can be"
    assert reading.confidence == pytest.approx(0.392)
