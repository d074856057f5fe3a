# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Command-line options derived from configuration dataclasses, so that defaults have one source."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from psg_ros.backend_table import CPU, parse_device
from psg_ros.config import PictureConfig, PipelineConfig
from psg_ros.data.dataset import PanopticDataset
from psg_ros.data.opening import open_dataset
from psg_ros.labels import Vocabulary
from psg_ros.setting_fields import choices_of
from psg_ros.setting_files import Config, load_config

Number = TypeVar("Number", int, float)

TRAIN_EXTRA = "./run setup test, or pip install '.[train]' in the source folder"
"""How to get what training and converting need."""


def parse_texts(text: str) -> tuple[str, ...]:
    """Return the texts between commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def parse_numbers(text: str) -> tuple[float, ...]:
    """Return the numbers between commas.

    Raises:
        ArgumentTypeError: something else is among them.
    """
    try:
        return tuple(map(float, text.split(",")))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"must be numbers with commas between them, as in 0.25,0,0.5,1, not {text!r}"
        ) from error


def add_config_options(
    parser: argparse.ArgumentParser,
    kind: type,
    without: Collection[str] = (),
    title: str = "model and thresholds",
) -> None:
    """Add one `--option` a described field of a configuration dataclass.

    An option that is not given leaves no attribute, so that it cannot hide the value of a file.

    Args:
        without: fields that the command does not look at.
        title: what the help calls these options.
    """
    hints = get_type_hints(kind)
    group = parser.add_argument_group(title)
    for field in dataclasses.fields(kind):
        if field.name in without:
            continue
        choices = choices_of(field) or None
        parsing: dict[str, Any] = {"type": hints[field.name], "choices": choices}
        parsing["metavar"] = None if choices else field.name.rsplit("_")[-1].upper()
        if get_origin(hints[field.name]) is tuple:
            # One word with commas: of several, the last could be what the command is about.
            (item, _) = get_args(hints[field.name])
            parsing = {
                "type": parse_numbers if item is float else parse_texts,
                "metavar": "A,B,...",
            }
        if hints[field.name] is bool:
            parsing = {"action": argparse.BooleanOptionalAction}
        option = "--" + field.name.replace("_", "-")
        action = group.add_argument(option, default=argparse.SUPPRESS, **parsing)
        # Only now: with a bool, Python 3.10 would append a default that is none.
        action.help = _help(field).replace("%", "%%")


def add_pipeline_options(
    parser: argparse.ArgumentParser,
    without: Collection[str] = (),
    kind: type[PipelineConfig] = PipelineConfig,
) -> None:
    """Add the options of `kind`, which has the defaults, some left out, and a YAML file of them."""
    parser.add_argument(
        "--pipeline",
        type=Path,
        metavar="FILE",
        help="YAML file with the options below (model: ..., score_threshold: ...); flags win",
    )
    add_config_options(parser, kind, without)


def pipeline_config(
    args: argparse.Namespace, kind: type[PipelineConfig] = PipelineConfig
) -> PipelineConfig:
    """Return the configuration that file and flags ask for, the rest by the defaults of `kind`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a value out of range; an unknown key in the file.
    """
    base = load_config(kind, args.pipeline) if args.pipeline else kind()
    given = {name: value for name, value in vars(args).items() if name in vars(base)}
    return dataclasses.replace(base, **given)


def say_default_model(args: argparse.Namespace) -> None:
    """Say which model runs where nobody chose one: who shows it a photo would wonder."""
    if "model" not in args and args.pipeline is None:
        print(
            f"model {PipelineConfig.model}, which knows the simulated world only; "
            "for real rooms: --model photo",
            file=sys.stderr,
        )


def torch_device(device: str) -> str:
    """Return torch's name of a device of `PipelineConfig`; auto is cpu.

    Raises:
        ValueError: torch does not run there.
    """
    wanted = parse_device(device) or CPU
    if wanted.kind not in ("cpu", "cuda"):
        raise ValueError(f"torch runs on cpu or cuda, not on {wanted.kind}; set device to one")
    return str(wanted)


def picture_config(args: argparse.Namespace) -> PictureConfig:
    """Return what flags from `add_config_options(parser, PictureConfig)` ask for.

    Raises:
        ValueError: a value out of range.
    """
    return config_of(args, PictureConfig)


def config_of(args: argparse.Namespace, kind: type[Config]) -> Config:
    """Return what flags from `add_config_options(parser, kind)` ask for, the rest by its defaults.

    Raises:
        ValueError: a value out of range.
    """
    names = {field.name for field in dataclasses.fields(kind)}
    return kind(**{name: value for name, value in vars(args).items() if name in names})


def add_folder_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add where pictures and PNGs lie that are not in DATA's folder; returns their group."""
    group = parser.add_argument_group("data set")
    for name, what in (("image", "pictures"), ("panoptic", "panoptic PNGs")):
        group.add_argument(
            f"--{name}-folder",
            type=Path,
            metavar="FOLDER",
            help=f"folder of the {what} that entries name (default: searched near DATA)",
        )
    return group


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add what a data set needs that is not all in one folder, or not all in order."""
    group = add_folder_options(parser)
    group.add_argument(
        "--partial",
        action="store_true",
        help="accept a split of which DATA holds only a part; figures are not comparable then",
    )
    group.add_argument(
        "--skip-broken",
        action="store_true",
        help="leave out broken entries and files, and say how many; reads every file once",
    )


def open_data(args: argparse.Namespace, vocabulary: Vocabulary) -> PanopticDataset:
    """Return the split `args.split` of `args.data` as the options of `add_data_options` ask.

    Raises:
        FileNotFoundError, ValueError: see `psg_ros.data.opening.open_dataset`.
    """
    dataset = open_dataset(
        args.data,
        vocabulary,
        args.split,
        images=args.image_folder,
        panoptic=args.panoptic_folder,
        partial=args.partial,
        skip_broken=args.skip_broken,
    )
    if dataset.skipped:
        count, first = len(dataset.skipped), dataset.skipped[0]
        print(f"{count} broken images are left out, the first: {first}", file=sys.stderr)
    return dataset


def last_name(path: str | Path) -> str:
    """Return what a file or folder is called, the working directory (`.`) too."""
    return Path(path).name or Path(path).resolve().name


def positive_int(text: str) -> int:
    """Parse a count of at least 1."""
    number = _number(text, int, "a whole number")
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return number


def count(text: str) -> int:
    """Parse a count of at least 0."""
    number = _number(text, int, "a whole number")
    if number < 0:
        raise argparse.ArgumentTypeError(f"must be 0 or more, not {text}")
    return number


def positive_float(text: str) -> float:
    """Parse a finite number above 0."""
    number = _number(text, float, "a number")
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"must be above 0, not {text}")
    return number


def share(text: str) -> float:
    """Parse a number from 0 to 1."""
    number = _number(text, float, "a number")
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"must lie in 0 .. 1, not {text}")
    return number


def size_wh(text: str) -> tuple[int, int]:
    """Parse `640x480`: width and height in px, 16 to 8192 each."""
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and 16 <= int(part) <= 8192 for part in parts):
        raise argparse.ArgumentTypeError(f"must look like 640x480 (16 to 8192 px), not {text!r}")
    return int(parts[0]), int(parts[1])


def _number(text: str, kind: type[Number], what: str) -> Number:
    """Return the number in a text; argparse alone would name the function that parses it."""
    try:
        return kind(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be {what}, not {text!r}") from error


def _help(field: dataclasses.Field) -> str:
    low, high = field.metadata["minimum"], field.metadata["maximum"]
    span = f"; {low:g} to {high:g}" if low is not None else ""
    return f"{field.metadata['text']}{span} (default: {_shown(field.default)})"


def _shown(default: Any) -> str:
    """Return a default as a user would write it, or in a word."""
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, tuple):
        return ",".join(f"{item:g}" for item in default) or "empty"
    return str(default) if default != "" else "empty"
