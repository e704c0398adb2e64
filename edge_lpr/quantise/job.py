"""One calibration from start to end: frames, proof, network, fits, gate, comparison, installation."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import onnx

from edge_lpr.errors import ConfigError, NetworkError
from edge_lpr.networks import open_network
from edge_lpr.networks.base import Network
from edge_lpr.networks.card import ModelCard, load_card, write_card
from edge_lpr.networks.tensorrt_spelling import tensorrt_spelling
from edge_lpr.networks.variants import INT8_CARD, choose_card
from edge_lpr.quantise import pair
from edge_lpr.quantise.calibrate import Calibrated, Calibration, Options, check_options
from edge_lpr.quantise.frames import FrameRequest, batches, check_source
from edge_lpr.quantise.network_graph import layers, load_float, quantised_tensors
from edge_lpr.quantise.nvidia_cache import HEADER, CalibrationCache, read_cache, write_cache
from edge_lpr.quantise.proof import (
    DRAWN_PLATES,
    DRAWN_SCENES,
    Proof,
    Score,
    as_network,
    detector_proof,
    reader_proof,
)
from edge_lpr.quantise.qdq import ranges_from_scales
from edge_lpr.quantise.speed import SpeedRatio, speed_ratio
from edge_lpr.recognition.detect import DetectorOptions, PlateDetector
from edge_lpr.recognition.read import PlateReader
from edge_lpr.recognition.recognise import DETECTOR_FOLDER, READER_FOLDER
from edge_lpr.records import Floats
from edge_lpr.training.labels import load_labels

FOLDERS = {"detector": DETECTOR_FOLDER, "reader": READER_FOLDER}
FINDING_THRESHOLD = 0.3
SPEED_BATCHES = 4
WORSE_BY_POINTS = 0.1
"""A fit that costs more than this on the proof is not kept."""


@dataclass(frozen=True)
class Job:
    """What is asked for. `photographs` a labels.csv whose held-out use=train rows join the proof and fit the card's
    numbers; `proof_count` drawn pictures of the proof, 0 the usual number; `force` installs above the bound, `replace`
    over a better pair; `scales_from` and `write_scales` NVIDIA calibration caches."""

    task: str
    engines: Path
    frames: FrameRequest
    options: Options = Options()
    photographs: Path | None = None
    proof_count: int = 0
    force: bool = False
    replace: bool = False
    scales_from: Path | None = None
    write_scales: Path | None = None

    @property
    def folder(self) -> Path:
        """The network's folder."""
        return self.engines / FOLDERS[self.task]


@dataclass(frozen=True)
class Outcome:
    """What was installed: the card, the calibration's figures and the speed against float."""

    card: ModelCard
    result: Calibrated
    final: Score
    speed: SpeedRatio
    notes: tuple[str, ...]


class Runner:
    """Carries out one job. Raises ConfigError, CameraError or NetworkError; nothing is installed then."""

    def __init__(self, job: Job, say: Callable[[str], None] = print) -> None:
        self.job, self.say = job, say
        self.card = load_card(choose_card(job.folder, "float32"))
        self._seen: list[Floats] = []
        self._notes: list[str] = []

    def run(self) -> Outcome:
        """Calibrate, prove, and install what is within the bound and no worse than what is there."""
        given = self._checked()
        with tempfile.TemporaryDirectory(prefix="edge-lpr-calibrate-") as scratch:
            work, staging = Path(scratch) / "work", Path(scratch) / "engines"
            self.say("drawing the proof")
            proof = self._proof
            options = replace(self.job.options, given=given)
            calibration = Calibration(self.card, self.job.folder / self.card.file, proof, options, work, self.say)
            result = calibration.run(self._frames())
            pair.stage(self.job.engines, staging)
            return self._finish(result, proof, staging)

    def _finish(self, result: Calibrated, proof: Proof, staging: Path) -> Outcome:
        folder = staging / FOLDERS[self.job.task]
        pair.write_pair(result, self.card, folder, {"source": self.job.frames.about})
        final = self._fit(result, proof, staging, folder)
        loss = result.float_score.loss_points(final)
        within = loss <= self.job.options.bound_points
        if not within and not self.job.force:
            raise NetworkError(_gate_text(self.job, result, loss))
        if not self.job.replace:
            note = pair.check_not_worse(self.job.folder, self.card, proof, result)
            self._notes += [note] if note else []
        card, speed = self._completed(folder, result, proof, final, within)
        pair.install(folder, self.job.folder, self.card, self._report(card, result, speed))
        if self.job.write_scales is not None:
            write_cache(CalibrationCache(HEADER, result.scales), self.job.write_scales)
        return Outcome(card, result, final, speed, tuple(self._notes))

    def _completed(self, folder: Path, result: Calibrated, proof: Proof, final: Score, within: bool
                   ) -> tuple[ModelCard, SpeedRatio]:
        """The staged card with its last figures: loss after the fits, the TensorRT spelling, speed, verdict."""
        self.say("measuring the TensorRT spelling and the speed")
        card = load_card(folder / INT8_CARD)
        spelled = onnx.load_from_string(tensorrt_spelling((folder / card.file).read_bytes()))
        tensorrt = proof.part(2).score(as_network(spelled, card, folder / "tensorrt"))
        as_is = proof.part(2).score(open_network(folder / INT8_CARD, threads=1))
        first, second = (open_network(folder, threads=1, precision=one) for one in ("float32", "int8"))
        speed = speed_ratio(first, second, self._seen)
        loss = result.float_score.loss_points(final)
        figures = {
            "loss_points": round(loss, 3),
            "bound_points": self.job.options.bound_points,
            "within_bound": within,
            "forced": not within,
            "tensorrt_against_int8_points": round(as_is.loss_points(tensorrt), 3),
            "proof": {"float32": pair.plain(result.float_score), "int8": pair.plain(final)},
            "bytes": (folder / card.file).stat().st_size,
            "notes": self._notes,
        }
        card = pair.measured_speed(replace(card, quantisation={**card.quantisation, **figures}), speed)
        write_card(card, folder / INT8_CARD)
        return card, speed

    def _fit(self, result: Calibrated, proof: Proof, staging: Path, folder: Path) -> Score:
        """Fit the card's numbers on held-out photographs; kept only when they do not cost on the proof."""
        path = folder / INT8_CARD
        before = load_card(path)
        plain = result.int8_score
        if self.job.photographs is None:
            self._notes.append("confidence and verifier: the float network's numbers, no photographs to fit on")
            return plain
        self.say("fitting the card's numbers to INT8")
        said = self._fit_reader(path, staging) if self.job.task == "reader" else self._fit_detector(staging)
        fitted = proof.score(open_network(path, threads=1))
        worse = result.float_score.loss_points(fitted) - result.float_score.loss_points(plain)
        if worse > WORSE_BY_POINTS:
            write_card(before, path)
            self._notes.append(f"{said}: costs {worse:.2f} points on the proof; the float network's numbers are kept")
            return plain
        self._notes.append(said)
        return fitted

    def _fit_reader(self, path: Path, staging: Path) -> str:
        from edge_lpr.training.confidence import fit_confidence

        assert self.job.photographs is not None
        fit = fit_confidence(path, self.job.photographs, self._detector_folder(staging))
        return (f"confidence fitted on {fit.crops} held-out crops: temperature {fit.temperature:.3f}, slope"
                f" {fit.slope:.3f}, shift {fit.shift:.3f}; calibration error {fit.error_after:.3f}")

    def _fit_detector(self, staging: Path) -> str:
        assert self.job.photographs is not None
        if not (staging / READER_FOLDER / INT8_CARD).is_file():
            raise ConfigError("calibrate the reader first: the detector's verifier is fitted with the INT8 reader")
        if importlib.util.find_spec("torch") is None:
            return "verifier: the float network's numbers; fitting it needs the `train` extra"
        from edge_lpr.training.verification import fit_verification

        fit = fit_verification(staging, self.job.photographs, "int8")
        return (f"verifier fitted on {fit.plates} held-out plates and {fit.others} other detections: threshold"
                f" {fit.threshold:.2f}")

    @cached_property
    def _proof(self) -> Proof:
        """What float and INT8 are measured on."""
        job = self.job
        if job.task == "reader":
            detector = self._detector_folder(job.engines) if job.photographs else None
            return reader_proof(job.photographs, detector, job.proof_count or DRAWN_PLATES)
        reader = PlateReader(open_network(job.engines / READER_FOLDER, threads=1))
        return detector_proof(reader, job.photographs, job.proof_count or DRAWN_SCENES, job.frames.cache)

    def _detector_folder(self, engines: Path) -> Path | None:
        folder = engines / DETECTOR_FOLDER
        return folder if (folder / "card.json").is_file() else None

    def _frames(self) -> Any:
        network: Network = open_network(self.job.folder, threads=1)
        for batch in batches(self.job.frames, network, self._finder, self.say):
            if len(self._seen) < SPEED_BATCHES:
                self._seen.append(batch[:1])
            yield batch

    def _finder(self) -> PlateDetector:
        """The float detector that finds the reader's plates in whole pictures."""
        network = open_network(self.job.engines / DETECTOR_FOLDER, threads=1)
        return PlateDetector(network, DetectorOptions(threshold=FINDING_THRESHOLD))

    def _checked(self) -> dict[str, float]:
        """Look at all that is given before anything is drawn, which takes minutes; the ranges that are given."""
        model = load_float(self.job.folder / self.card.file)
        found = layers(model, self.card.input.shape)
        check_options(self.job.options, found)
        check_source(self.job.frames, self.card.task)
        if self.job.photographs is not None:
            load_labels(self.job.photographs, use="train")
        return self._given(quantised_tensors(model, found))

    def _given(self, wanted: tuple[str, ...]) -> dict[str, float]:
        """The ranges of a calibration cache, for the wanted tensors that it names."""
        if self.job.scales_from is None:
            return {}
        cache = read_cache(self.job.scales_from)
        scales = {name: scale for name, scale in cache.matching(wanted).items() if scale > 0}
        if not scales:
            raise ConfigError(f"{self.job.scales_from}: names none of the network's tensors, such as {wanted[0]!r}")
        self._notes.append(f"{len(scales)} of {len(wanted)} ranges are from {self.job.scales_from.name}"
                           f" ({cache.header})")
        return ranges_from_scales(scales)

    def _report(self, card: ModelCard, result: Calibrated, speed: SpeedRatio) -> dict[str, Any]:
        """All figures, for `edge-lpr calibrate report`; without a study of its own, the last one's table."""
        study, weights = [_rounded(asdict(one)) for one in result.studies], self.card.sha256
        if not study:
            study, weights = pair.last_study(self.job.folder)
        return {
            "network": card.name,
            "task": card.task,
            "quantisation": card.quantisation,
            "speed_ms": {name: round(value, 3) for name, value in asdict(speed).items()},
            "tries": [_rounded(asdict(one)) for one in result.tries],
            "study": study,
            "study_float_sha256": weights,
            "layers": [_rounded(asdict(one)) for one in result.layer_noise],
            "scales": {name: float(f"{scale:.6g}") for name, scale in result.scales.items()},
        }


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 5) if isinstance(value, float) else value for name, value in row.items()}


def _gate_text(job: Job, result: Calibrated, loss: float) -> str:
    worst = ", ".join(layer.layer for layer in result.layer_noise[:3])
    return (
        f"{job.folder}: INT8 loses {loss:.2f} points on the proof, more than the bound of"
        f" {job.options.bound_points:g}, with {len(result.kept_float)} layers in float; nothing was installed. The"
        f" layers that cost most: {worst}. Give more frames (--count), another --method, or frames like those the"
        " network will see; --force installs it all the same"
    )
