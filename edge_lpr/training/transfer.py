"""A trained network, taught a new country from few labelled pictures: what both networks' transfers share."""

from __future__ import annotations

import dataclasses
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_lpr.errors import ConfigError
from edge_lpr.networks.card import ModelCard, load_card, write_card
from edge_lpr.recognition.plate_format import formats_of, load_formats
from edge_lpr.training.own_pictures import OwnPictures


@dataclass(frozen=True)
class TransferOptions:
    """What `edge-lpr transfer` was asked for."""

    source: Path
    """Folder of the network that is taught."""
    out: Path
    """Folder for the taught network."""
    work: Path
    """Folder for checkpoints and metrics."""
    labels: Path | None = None
    """labels.csv of the site; None: drawn plates of `countries` alone."""
    images: Path | None = None
    countries: tuple[str, ...] = ()
    """The new countries; () for those that the labels name."""
    formats: tuple[Path, ...] = ()
    """Formats beside the built-in ones."""
    method: str = "all"
    detector: Path | None = None
    """Detector that sets the photographs' plates upright, as the gate does (reader)."""
    samples: int = 0
    """Training budget; 0 for the task's own."""
    seed: int = 1
    threads: int = 2
    resume: bool = False


@dataclass(frozen=True)
class Line:
    """One line of the result: a share, or a rate with `percent` False, before and after."""

    name: str
    before: float
    after: float
    percent: bool = True

    def text(self) -> str:
        """The line as it is printed."""
        if self.percent:
            change = 100 * (self.after - self.before)
            return f"{self.name:<52}{self.before:>8.1%}{self.after:>8.1%}{change:>+8.1f}"
        return f"{self.name:<52}{self.before:>8.3f}{self.after:>8.3f}{self.after - self.before:>+8.3f}"


@dataclass(frozen=True)
class TransferResult:
    """The exported file, the figures before and after, notes, and whether the training ended (False: stopped)."""

    done: bool
    file: Path | None = None
    lines: tuple[Line, ...] = ()
    notes: tuple[str, ...] = ()

    def table(self) -> str:
        """The figures for people, one a line."""
        head = f"{'':<52}{'before':>8}{'after':>8}{'change':>8}"
        return "\n".join([head, *(line.text() for line in self.lines)])


def target_countries(options: TransferOptions, own: OwnPictures | None) -> tuple[str, ...]:
    """The countries that are learnt: as asked for, else those of the labels that have formats. ConfigError for one
    that is asked for and has none, and where neither labels nor options name one."""
    if options.countries:
        return tuple(sorted({fmt.country for fmt in formats_of(options.countries, options.formats)}))
    if own is None:
        raise ConfigError("neither labels nor countries: name the countries to learn (--countries)")
    known = {fmt.country for fmt in load_formats(options.formats)}
    return tuple(code for code in own.countries if code in known)


def shape_record(card: ModelCard, key: str, folder: Path) -> dict[str, Any]:
    """The table `key` of the config that a card's network was trained with; ConfigError where the card has none."""
    config = card.training.get("config", {})
    if not isinstance(config, dict) or not isinstance(config.get(key), dict):
        raise ConfigError(f"{folder / 'card.json'}: training.config.{key} is missing: its net cannot be rebuilt")
    return dict(config[key])


def check_folders(options: TransferOptions, task: str) -> ModelCard:
    """The source's card; ConfigError where folders or tasks do not fit."""
    card = load_card(options.source)
    if card.task != task:
        raise ConfigError(f"{options.source}: is a network to {card.task!r}; --task asks for one to {task!r}")
    if options.out.resolve() == options.source.resolve():
        raise ConfigError(f"{options.out}: is the network that is taught; give another --out")
    if not options.resume and (options.work / "last.pt").exists():
        raise ConfigError(f"{options.work} holds a training already: go on with --resume, or give another --work")
    return card


def finish_card(out: Path, source: Path, lines: tuple[Line, ...], command: list[str]) -> None:
    """Write into the exported card where the network came from, and the figures before and after."""
    card = load_card(out)
    record = {
        **card.training,
        "taught_from": {"folder": source.name, "sha256": load_card(source).sha256},
        "repeat": [shlex.join(command)],
    }
    figures = {line.name: {"before": round(line.before, 5), "after": round(line.after, 5)} for line in lines}
    metrics = {**card.metrics, "transfer": figures}
    write_card(dataclasses.replace(card, training=record, metrics=metrics), out / "card.json")


def write_report(result: TransferResult, out: Path, command: list[str]) -> None:
    """`report.md` beside the network."""
    rows = [f"| {one.name} | {one.before:.4f} | {one.after:.4f} |" for one in result.lines]
    notes = [f"- {note}" for note in result.notes]
    head = ["# Transfer", "", f"    {shlex.join(command)}", "", "| | before | after |", "|---|---|---|"]
    (out / "report.md").write_text("\n".join([*head, *rows, "", *notes]) + "\n", encoding="utf-8")
