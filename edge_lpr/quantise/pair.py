"""The INT8 network on disk: made in a staging folder beside copies of the float ones, fitted and measured there, and
set beside its float network only when it is no worse than what is there."""

from __future__ import annotations

import json
import os
import platform
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from edge_lpr.errors import NetworkError
from edge_lpr.networks import open_network
from edge_lpr.networks.base import Network
from edge_lpr.networks.card import ModelCard, load_card, sha256_of, write_card
from edge_lpr.networks.tensorrt_spelling import tensorrt_spelling
from edge_lpr.networks.variants import FLOAT_CARD, INT8_CARD
from edge_lpr.quantise.calibrate import Calibrated
from edge_lpr.quantise.proof import Proof, Score
from edge_lpr.quantise.rules import violations
from edge_lpr.quantise.speed import SpeedRatio

REPORT = "calibration.json"
BETTER_BY_POINTS = 0.1
"""A pair that loses so much less than another is better; less is chance."""


def int8_file(card: ModelCard) -> str:
    """The INT8 network's file name: lpdnet.onnx becomes lpdnet.int8.onnx."""
    return f"{Path(card.file).stem}.int8.onnx"


def stage(engines: Path, staging: Path) -> None:
    """Copy every network's cards and files, so that fits may write there."""
    for card in sorted(engines.glob("*/card*.json")):
        target = staging / card.parent.name
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy2(card, target / card.name)
        file = card.parent / load_card(card).file
        if file.is_file():
            shutil.copy2(file, target / file.name)


def write_pair(result: Calibrated, card: ModelCard, folder: Path, about: dict[str, Any]) -> ModelCard:
    """Write network and card into `folder`, whole or not at all; the card's numbers are the float card's until fitted.

    Raises NetworkError when the spelling for TensorRT breaks one of its rules.
    """
    import onnx

    content: bytes = result.model.SerializeToString()
    broken = violations(onnx.load_from_string(tensorrt_spelling(content)), "8.6")
    if broken:
        raise NetworkError(f"not a graph that TensorRT 8.6 takes: {broken[0]}")
    path = folder / int8_file(card)
    _write(path, content)
    made = replace(card, file=path.name, sha256=sha256_of(path), precision="int8", metrics={},
                   training={"see": FLOAT_CARD}, quantisation={**record(result, card), **about})
    write_card(made, folder / INT8_CARD)
    return made


def record(result: Calibrated, card: ModelCard) -> dict[str, Any]:
    """What a card says of how INT8 was made and what it costs."""
    return {
        "float_sha256": card.sha256,
        "scales_sha256": result.scales_sha256,
        "method": result.method,
        "repair": result.repair,
        "frames": result.frames,
        "kept_float": list(result.kept_float),
        "integer_share": round(result.integer_share, 4),
        "noise": round(result.noise, 5),
        "loss_points": round(result.loss_points, 3),
        "proof": {"float32": plain(result.float_score), "int8": plain(result.int8_score)},
    }


def plain(score: Score) -> dict[str, float]:
    """A score without what does not apply."""
    return {name: round(value, 5) for name, value in asdict(score).items() if value == value}


def measured_speed(card: ModelCard, ratio: SpeedRatio) -> ModelCard:
    """The card with the speed-up on this machine's kind of processor."""
    speeds = {**card.quantisation.get("speed_up", {}), platform.machine(): round(ratio.ratio, 3)}
    return replace(card, quantisation={**card.quantisation, "speed_up": speeds})


def existing(folder: Path, card: ModelCard) -> Network | None:
    """The INT8 network that stands in the folder, when it is whole and of these float weights."""
    path = folder / INT8_CARD
    if not path.is_file() or load_card(path).quantisation.get("float_sha256") != card.sha256:
        return None
    try:
        return open_network(path, threads=1)
    except NetworkError:
        return None


def check_not_worse(folder: Path, card: ModelCard, proof: Proof, result: Calibrated) -> str:
    """Measure the pair that is there on the same proof. Raises NetworkError when it is better than the new one; gives
    a line about the comparison, '' when there is nothing to compare with."""
    old = existing(folder, card)
    if old is None:
        return ""
    loss = result.float_score.loss_points(proof.score(old))
    text = f"the INT8 network that was there loses {loss:+.2f} points on the same proof, the new one"
    text += f" {result.loss_points:+.2f}"
    if loss < result.loss_points - BETTER_BY_POINTS:
        raise NetworkError(f"{folder}: {text}: kept what is there; --replace takes the new one all the same")
    return text


def last_study(folder: Path) -> tuple[list[dict[str, Any]], str]:
    """The table of methods and numbers of frames that the folder's report has, and the weights it was made on."""
    try:
        report = json.loads((folder / REPORT).read_text())
        return list(report["study"]), str(report["study_float_sha256"])
    except (OSError, ValueError, KeyError):
        return [], ""


def install(staged: Path, folder: Path, card: ModelCard, report: dict[str, Any]) -> None:
    """Set the staged pair and its report into the network's folder; the card last, since it makes the pair count."""
    name = int8_file(card)
    (folder / INT8_CARD).unlink(missing_ok=True)
    _write(folder / name, (staged / name).read_bytes())
    _write(folder / REPORT, (json.dumps(report, indent=1) + "\n").encode())
    _write(folder / INT8_CARD, (staged / INT8_CARD).read_bytes())


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(path.name + ".draft")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise NetworkError(f"{path}: cannot be written: {error}") from error
