"""The site's configuration: strict, and every key explained in the example."""

from __future__ import annotations

import dataclasses
import re
import typing
from pathlib import Path
from typing import Any

import pytest

from edge_lpr.config import SiteConfig, example_text, load_config
from edge_lpr.errors import BackendUnavailable, ConfigError
from edge_lpr.service.site import access_options, load_site, ready_options, tracker_options
from edge_lpr.settings_file import to_toml, tomllib

SMALL = '[[camera]]\nname = "entry"\nuri = "/dev/video0"\n'


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(text)
    return path


def keys_of(record: Any, prefix: str = "") -> dict[str, Any]:
    """Every key of a configuration, such as 'camera.zone.name' -> its default, None where it has none."""
    found: dict[str, Any] = {}
    kinds = typing.get_type_hints(record)
    for field in dataclasses.fields(record):
        inner = next((one for one in (kinds[field.name], *typing.get_args(kinds[field.name]))
                      if dataclasses.is_dataclass(one)), None)
        if inner is None:
            found[prefix + field.name] = None if field.default is dataclasses.MISSING else field.default
        else:
            found |= keys_of(inner, f"{prefix}{field.name}.")
    return found


def example_keys() -> dict[str, str]:
    """Every key of the example -> its line, active or behind a '#'."""
    found: dict[str, str] = {}
    table = ""
    for line in example_text().splitlines():
        bare = line.removeprefix("# ")
        if header := re.match(r"\[+([\w.]+)\]+", bare):
            table = header[1] + "."
        elif re.match(r"\w+ = ", bare):
            assert table + bare.split(" = ")[0] not in found, line
            found[table + bare.split(" = ")[0]] = line
    return found


def test_the_example_has_every_key_and_no_other() -> None:
    assert set(example_keys()) == set(keys_of(SiteConfig))


def test_every_key_of_the_example_is_explained() -> None:
    """By a comment in its own line; `width` explains `height`, too."""
    for key, line in example_keys().items():
        value, _, comment = line.removeprefix("# ").partition("  # ")
        assert len(comment.strip()) > 5, key
        assert tomllib.loads(value)


def test_the_example_shows_what_holds() -> None:
    """A value behind a '#' is the default, unless it, or its table, is said to be an example."""
    defaults = keys_of(SiteConfig)
    checked = 0
    for key, line in example_keys().items():
        default = defaults[key]
        if default is None or not line.startswith("# ") or "example" in line or key in ("access.group.schedule",):
            continue
        (shown,) = tomllib.loads(line.removeprefix("# ")).values()
        plain = [list(one) if isinstance(one, tuple) else getattr(one, "value", one) for one in default] \
            if isinstance(default, tuple) else default
        assert shown == (str(plain) if isinstance(plain, Path) else plain), key
        checked += 1
    assert checked > 50


def test_the_example_loads(tmp_path: Path) -> None:
    config = load_site(write(tmp_path, example_text()))
    assert config.camera[0].name == "entry"
    assert config.access.list[0].path == tmp_path / "lists/residents.csv"
    assert config == load_site(write(tmp_path, example_text())), "the same text gives the same"


def test_the_example_loads_with_every_key_active(tmp_path: Path) -> None:
    text = "\n".join(re.sub(r"^# (?=\[|\w+ = )", "", line) for line in example_text().splitlines())
    text = text.replace('pace = "real"', 'pace = "fast"').replace('uri = "/dev/video0"', 'uri = "clip.mp4"')
    config = load_site(write(tmp_path, text))
    assert config.camera[0].uri == str(tmp_path / "clip.mp4")
    assert config.camera[0].zone[0].name == "lane"
    assert access_options(config).schedules[0].windows


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["key 'camera' is missing"]),
        ("camera = []", ["camera", "1 or more"]),
        ("[[camera]]\nname = 'a'", ["camera 1", "key 'uri' is missing"]),
        (SMALL + "paces = 'real'", ["camera 1", "unknown key 'paces'", "did you mean 'pace'", "known: name"]),
        (SMALL + "pace = 'slow'", ["camera 1: pace", "'slow'", "allowed: real, fast"]),
        (SMALL + "width = '1920'", ["camera 1: width", "must be a whole number"]),
        (SMALL + "width = true", ["camera 1: width", "must be a whole number"]),
        (SMALL + "fps = nan", ["camera 1: fps", "finite"]),
        (SMALL + "stall_s = 0.1", ["camera 1: stall_s", "0.1", "allowed: 0.5 to 120"]),
        (SMALL + "loop = 1", ["camera 1: loop", "true or false"]),
        (SMALL + "way = [1.0]", ["camera 1: way", "a list of 2"]),
        (SMALL + "open_directions = ['up']", ["open_directions", "'up'", "allowed: approaching, leaving"]),
        (SMALL + "starts_at = 2026-01-31T20:00:00", ["starts_at", "time zone"]),
        (SMALL + "roi = [[0.1, 0.2]]", ["camera 'entry'", "region of interest"]),
        (SMALL + "roi = [[0, 0], [0, 0]]", ["camera 'entry': roi is [[0.0, 0.0], [0.0, 0.0]]", "no area"]),
        (SMALL + "roi = [[0, 0], [0.5, 0.5], [1, 1]]", ["camera 'entry': roi", "no area"]),
        (SMALL + "width = 640", ["camera 1: width is 640 and height 0", "both"]),
        (SMALL + "pace = 'fast'", ["camera 'entry': pace 'fast'", "files only"]),
        (SMALL.replace("/dev/video0", "rtsp://h/x") + "loop = true", ["camera 'entry'", "loop", "files only"]),
        (SMALL.replace("/dev/video0", " "), ["camera 1: uri", "a device, an address"]),
        (SMALL + "backend = 'gstreamer'", ["camera 'entry'", "gstreamer", "pyav"]),
        (SMALL + "barrier = 'north'", ["camera 'entry'", "'north'", "allowed: gate, none"]),
        (SMALL + SMALL, ["camera 'entry' is there twice"]),
        (SMALL.replace("entry", "no spaces"), ["camera 1: name", "letters, digits"]),
        (SMALL + "[[camera.zone]]\nname = 'z'\npolygon = [[0, 0], [1, 0], [2, 2]]", ["zone 1: polygon", "0 to 1"]),
        (SMALL + "[[camera.zone]]\nname = 'z'\npolygon = [[0, 0], [1, 0]]", ["zone 1: polygon", "3 or more"]),
        (SMALL + "[[barrier]]\ndriver = 'mudbus'", ["barrier 'gate'", "'mudbus'", "dry-run", "waveshare"]),
        (SMALL + "[[barrier]]\ndriver = 'waveshare'", ["barrier 'gate'", "port is ''", "/dev/serial/by-id"]),
        (SMALL + "[[barrier]]\ndriver = 'lcus'\nport = '/dev/x'\nchannel = 9", ["channel is 9", "lcus: 1 to 8"]),
        (SMALL + "[[barrier]]\ndriver = 'lcus'\nport = '/dev/x'\n[barrier.inputs]\nloop = 1", ["lcus has no inputs"]),
        (SMALL + "[[barrier]]\npulse_s = 9.0", ["barrier 1: pulse_s", "0.1 to 5"]),
        (SMALL + "[[barrier]]\n[barrier.inputs]\ninverted = ['lop']", ["inverted", "'lop'", "loop, opened, closed"]),
        (SMALL + "[[barrier]]\n[barrier.inputs]\nloop = 1\nclosed = 1", ["inputs: loop and closed are both 1"]),
        (SMALL + "barrier = 'a'\n[[barrier]]\nname = 'a'\ndriver = 'lcus'\nport = '/dev/x'\n"
         "[[barrier]]\nname = 'b'\ndriver = 'r421a'\nport = '/dev/../dev/x'", ["'a' and 'b' have the same port"]),
        (SMALL.replace("/dev/video0", "a.mp4") + "pace = 'fast'\n[[barrier]]\ndriver = 'lcus'\nport = '/dev/x'",
         ["pace 'fast'", "dry-run, simulated", "'lcus'"]),
        (SMALL + "[[barrier]]\nname = 'a'\n[[barrier]]\nname = 'b'", ["camera 'entry'", "allowed: a, b, none"]),
        (SMALL + "[recognition]\nregions = ['zz']", ["region 'ZZ'"]),
        (SMALL + "[recognition]\nbackend = 'tensorflow'", ["tensorflow", "onnx"]),
        (SMALL + "[access]\ntime_zone = 'Europe/Prag'", ["'Europe/Prag' is not known"]),
        (SMALL + "[access]\nevidence_max_age_s = 3.0", ["evidence_max_age_s <= expires_after_s"]),
        (SMALL + "[[access.list]]\nname = 'a'\npath = 'a.csv'\ncameras = ['exit']", ["'exit'", "allowed: entry"]),
        (SMALL + "[[access.list]]\nname = 'a'\npath = 'a.csv'\nkind = 'deny'\ntolerance = 1", ["list 'a'", "0 to 0"]),
        (SMALL + "[[access.group]]\nname = 'g'\nschedule = 's'", ["no schedule 's'"]),
        (SMALL + "[[access.schedule]]\nname = 's'\nwindows = ['mon 6-8']", ["'mon 6-8'"]),
        (SMALL + "[log]\nfolder = 'here'\n[service]\nruntime_folder = 'x/../here'", ["runtime_folder", "of the log"]),
        (SMALL + "[log]\nfolder = ''", ["log: folder", "path"]),
        (SMALL + "[log\n", ["site.toml"]),
        (SMALL + "[log]\nkeep_frames = 'yes'", ["log: keep_frames", "true or false", "'yes'"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, messages: list[str]) -> None:
    with pytest.raises((ConfigError, BackendUnavailable)) as caught:
        load_site(write(tmp_path, text))
    for message in ["site.toml", *messages]:
        assert message in str(caught.value)


def test_a_byte_order_mark_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert load_site(path).camera[0].name == "entry"


def test_an_address_may_serve_several_barriers(tmp_path: Path) -> None:
    more = "".join(f"[[barrier]]\nname = '{name}'\ndriver = 'lcus'\nport = 'socket://h:1'\n" for name in "ab")
    assert len(load_site(write(tmp_path, SMALL + "barrier = 'a'\n" + more)).barrier) == 2


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing.toml"):
        load_config(tmp_path / "nothing.toml")


def test_paths_are_taken_from_the_files_folder(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, SMALL.replace("/dev/video0", "clips/a.mp4") + "[log]\nfolder = 'log'"))
    assert config.camera[0].uri == str(tmp_path / "clips/a.mp4")
    assert config.log.folder == tmp_path / "log"
    assert load_config(write(tmp_path, SMALL.replace("/dev/video0", "rtsp://u:p@h/x"))).camera[0].uri == "rtsp://u:p@h/x"


def test_what_is_shown_can_be_read_back(tmp_path: Path) -> None:
    text = SMALL + "roi = [[0.1, 0.2], [0.9, 1.0]]\n[[camera.zone]]\nname = 'z \"1\"'\npolygon = [[0,0],[1,0],[1,1]]\n"
    config = load_config(write(tmp_path, text))
    assert load_config(write(tmp_path, to_toml(config))) == config


def test_an_unknown_direction_is_waited_for_only_where_it_may_not_open(tmp_path: Path) -> None:
    text = SMALL + "open_directions = ['leaving']\n" + SMALL.replace("entry", "second")
    config = load_site(write(tmp_path, text))
    assert [ready_options(camera, config).needs_direction for camera in config.camera] == [True, False]


def test_a_camera_without_a_way_goes_by_growth_alone(tmp_path: Path) -> None:
    config = load_site(write(tmp_path, SMALL + "way = [0, 0]"))
    assert tracker_options(config.camera[0], config.arrivals).direction.way is None


def test_a_film_at_its_own_speed_opens_no_real_barrier(tmp_path: Path) -> None:
    text = SMALL.replace("/dev/video0", "clip.mp4") + "pace = 'fast'\n"
    assert load_site(write(tmp_path, text))
    camera = load_site(write(tmp_path, text + "barrier = 'none'"))
    assert camera.barrier_of(camera.camera[0]) is None
