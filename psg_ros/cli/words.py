# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Give a model other classes or predicates, without training and without another network.

This works for models trained with text_encoder (docs/open_vocabulary.md). Words are turned into
vectors once and stored in the model folder, so no text model runs beside the camera. A running node
starts to use them when its service ~/reload_words is called.

Without new words, this lists those that the model knows.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from psg_ros.labels import Vocabulary
from psg_ros.robot.forms import load_model
from psg_ros.text.bake import Wanted, bake
from psg_ros.word_rules import read_words

FOUND = "found"
"""Stands for the gain that the training has found."""
USAGE = "MODEL [--classes WORD ...] [--predicates WORD ...] [options]"
EXAMPLES = """\
examples:
  psg words models/mine
  psg words models/mine --predicates on "resting on" holding
  psg words models/mine --classes pallet forklift floor --stuff floor
  psg words models/mine --add --classes "charging dock"
  psg words models/mine --add --predicates "stacked on" --gain 1.5
  psg words models/mine --classes warehouse.txt --out models/warehouse
  ros2 service call /scene_graph_node/reload_words std_srvs/srv/Trigger

Words are given one by one, or in one file: .txt with one a line, or .yaml with a list.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg words`."""
    parser.add_argument("model", metavar="MODEL", help="name or folder of the model")
    parser.add_argument(
        "--classes", nargs="+", metavar="WORD", help="classes of segments (default: unchanged)"
    )
    parser.add_argument(
        "--predicates",
        nargs="+",
        metavar="WORD",
        help="predicates between them (default: unchanged)",
    )
    parser.add_argument(
        "--stuff",
        nargs="+",
        default=[],
        metavar="WORD",
        help="the classes that are stuff, such as floor, not countable things (default: known "
        "names stay what they are, new ones are things)",
    )
    parser.add_argument(
        "--add", action="store_true", help="add to the current words (default: replace them)"
    )
    parser.add_argument(
        "--gain",
        type=number_or_found,
        nargs="?",
        const=FOUND,
        metavar="X",
        help="how much louder predicates are that training has not seen: the more, the more often "
        "they win beside trained ones, and the fewer of those are found; without a number as the "
        "training has found it (default: as it is; 1 in a new model)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="write a copy of the model (default: change the model itself)",
    )


def number_or_found(text: str) -> float | str:
    """Return `FOUND`, or the number that a text is."""
    if text == FOUND:
        return text
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be a number, not {text!r}") from error


def run(args: argparse.Namespace) -> int:
    """Bake the words, or list them."""
    folder = load_model(args.model)
    if args.classes is None and args.predicates is None and (args.gain is None or args.add):
        if args.out or args.stuff or args.add:
            raise ValueError("no words are given: add --classes or --predicates")
        show(folder.vocabulary)
        return 0
    started_s = time.perf_counter()
    known = folder.vocabulary
    wanted = Wanted(
        _words(args.classes, known.label_names, keep=args.add),
        _words(args.predicates, known.predicate_names, keep=args.add),
        args.stuff,
        folder.words.found_gain if args.gain == FOUND and folder.words else args.gain,
    )
    vocabulary = bake(folder, wanted, args.out)
    print(
        f"{args.out or folder.path}: {vocabulary.num_labels} classes and "
        f"{vocabulary.num_predicates} predicates, in {time.perf_counter() - started_s:.2f} s"
    )
    return 0


def show(vocabulary: Vocabulary) -> None:
    """Print the words of a model."""
    print(f"{vocabulary.num_labels} classes: {', '.join(vocabulary.label_names)}")
    print(f"{vocabulary.num_predicates} predicates: {', '.join(vocabulary.predicate_names)}")


def _words(given: Sequence[str] | None, present: Sequence[str], *, keep: bool) -> list[str] | None:
    if given is None:
        return None
    words = read_words(given)
    return [*present, *words] if keep else words
