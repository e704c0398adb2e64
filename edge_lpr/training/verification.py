"""Fits the detector card's verifier: how the detector's score, the reading and the size make P(plate).

Plates: the held-out `use=train` photographs, as they are and from afar. Others: the held-out negatives with signs drawn
into them, signs that fill the picture or are cut out of one, and random enlarged parts of the negatives, half of them
grey.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import default_rng

from edge_lpr.errors import ConfigError
from edge_lpr.networks.card import load_card, write_card
from edge_lpr.networks.variants import choose_card
from edge_lpr.recognition.boxes import iou
from edge_lpr.recognition.recognise import DETECTOR_FOLDER, PlateRecogniser
from edge_lpr.recognition.verify import LIMIT, evidence
from edge_lpr.training.detector_data import cutout
from edge_lpr.training.detector_metrics import Exam, drawn_negative, far_exam, sign_exam
from edge_lpr.training.distractors import distractor_bank, sample_distractor
from edge_lpr.training.logistic import fit_logistic, logit
from edge_lpr.training.photographs import INPUT_HEIGHT, INPUT_WIDTH, enlarged_part, held_out, list_photos, load_photo

PROPOSAL_SCORE = 0.15
MATCH_IOU = 0.4
DRAWN_EXAMS, SIGN_EXAMS, ZOOMED_EXAMS = 8, 8, 24
FALSE_RATE = 0.01
"""False positives a negative picture that the threshold is chosen for, on the held-out negatives."""
PULL = 0.2
FAR_SIDES_PX = (320.0, 220.0)
SEED = 7


@dataclass(frozen=True)
class VerifierFit:
    """What was fitted: weights, threshold, and on how many detections and pictures."""

    score_weight: float
    text_weight: float
    form_weight: float
    small_weight: float
    bias: float
    threshold: float
    plates: int
    others: int
    negatives: int
    kept: float
    """Share of the detected held-out plates that pass."""


def fit_verification(engines: Path, labels: Path, precision: str = "float32") -> VerifierFit:
    """Fit on the held-out photographs of `labels` and write weights and threshold into the detector's card.

    `precision` 'float32' or 'int8': of both networks, and of the card that is written.
    ConfigError when there are no held-out negatives.
    """
    path = choose_card(engines / DETECTOR_FOLDER, precision)
    card = load_card(path)
    bare = {name: value for name, value in card.parameters.items() if not name.startswith("verify_")}
    write_card(dataclasses.replace(card, parameters=bare), path)
    recogniser = PlateRecogniser(engines=engines, threshold=PROPOSAL_SCORE, second_look=False, precision=precision)
    found: list[tuple[float, ...]] = []
    negatives = 0
    for exam in _exams(labels):
        negatives += len(exam.boxes) == 0
        found += _judged(recogniser, exam)
    if not negatives or not found:
        raise ConfigError(f"{labels}: no held-out negatives (rows with an empty box) to fit on")
    table = np.array(found)
    right = table[:, -1] > 0
    design = np.column_stack([logit(table[:, 0], LIMIT), table[:, 1:-1], np.ones(len(table))])
    weights = fit_logistic(design, right.astype(np.float64), np.zeros(design.shape[1]), PULL)
    probability = 1 / (1 + np.exp(-design @ weights))
    false = np.sort(probability[~right])[::-1]
    threshold = float(np.clip(false[min(len(false) - 1, int(FALSE_RATE * negatives))], 0.05, 0.95))
    fit = VerifierFit(*(float(w) for w in weights), math.ceil(threshold * 100) / 100, int(right.sum()),
                      int((~right).sum()), negatives, float((probability[right] >= threshold).mean()))
    fitted = {"threshold": fit.threshold, "verify_score": round(fit.score_weight, 3),
              "verify_text": round(fit.text_weight, 3), "verify_form": round(fit.form_weight, 3),
              "verify_small": round(fit.small_weight, 3), "verify_bias": round(fit.bias, 3)}
    write_card(dataclasses.replace(card, parameters={**bare, **fitted}), path)
    return fit


def _exams(labels: Path) -> Iterator[Exam]:
    rng = default_rng(SEED)
    for row in list_photos(labels):
        if not held_out(row):
            continue
        photo = load_photo(row)
        if len(row.boxes):
            yield Exam(photo.levels[0], photo.boxes, "near")
            for side in FAR_SIDES_PX:
                yield far_exam(photo, side)
            continue
        yield Exam(photo.levels[0], photo.boxes, "neg")
        for _ in range(DRAWN_EXAMS):
            yield drawn_negative(rng, photo, distractor_bank(rng, 8))
        for _ in range(SIGN_EXAMS):
            yield sign_exam(rng, photo, sample_distractor(rng))
            yield Exam(cutout(rng, photo, sample_distractor(rng), 1.0), np.zeros((0, 4), np.float32), "cutout_neg")
        for _ in range(ZOOMED_EXAMS):
            part = enlarged_part(rng, photo, (INPUT_WIDTH, INPUT_HEIGHT))
            yield Exam(part, np.zeros((0, 4), np.float32), "enlarged_neg")


def _judged(recogniser: PlateRecogniser, exam: Exam) -> list[tuple[float, ...]]:
    """(score, what else the verifier weighs, 1 for a plate or 0) of each detection. Left out are unmatched ones beside
    plates, since not every plate of a photograph is labelled, and a negative's own ones where signs are set into it, or
    one mistake would count many times."""
    answers = []
    for sighting in recogniser.recognise(exam.pixels):
        detection = sighting.crop.detection
        best = max((iou(detection.box, (b[0], b[1], b[2] - b[0], b[3] - b[1])) for b in exam.boxes), default=0.0)
        x, y, w, h = detection.box
        if best >= MATCH_IOU or (len(exam.boxes) == 0 and exam.is_judged(np.array((x, y, x + w, y + h)))):
            answers.append((detection.score, *evidence(detection, sighting.reading), float(best >= MATCH_IOU)))
    return answers
