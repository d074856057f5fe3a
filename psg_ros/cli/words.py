# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Give a model other classes or predicates, without training and without another network.

This works for models trained with text_encoder (docs/open_vocabulary.md). Words are turned into
vectors once and stored in the model folder, so no text model runs beside the camera. A running node
starts to use them when its service ~/reload_words is called.

Words that training has seen work best. One that is known to mean the same as such a word takes its
vector and works exactly as well. Where several words of a list mean the same, each keeps the vector
of its own text, so that they can be told apart. So does a word that is new to the model. The
command prints what each word is taken for; without new words, it does so for those that the model
has.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from psg_ros.robot.forms import load_model
from psg_ros.robot.forms.words import LABEL_WORDS, PREDICATE_WORDS, room
from psg_ros.robot.manifest import ModelFolder
from psg_ros.text.bake import bake
from psg_ros.text.lexicon import read_lexicon
from psg_ros.text.wanted import Wanted
from psg_ros.word_rules import read_words
from psg_ros.word_senses import Sense, Senses
from psg_ros.word_table import WordTable

FOUND = "found"
"""Stands for the gain that the training has found."""
MOST_SHOWN = 5.0
"""Of the gains that training has tried: beyond it trained predicates are hardly ever named."""
USAGE = "MODEL [--classes WORD ...] [--predicates WORD ...] [options]"
EXAMPLES = """\
examples:
  psg words models/mine
  psg words models/mine --predicates on "resting on" holding
  psg words models/mine --classes pallet forklift floor --stuff floor
  psg words models/mine --add --classes "charging dock"
  psg words models/mine --classes tote floor --lexicon our_words.yaml
  psg words models/mine --add --predicates "stacked on" --gain 1.5
  psg words models/mine --classes warehouse.txt --out models/warehouse
  ros2 service call /scene_graph_node/reload_words std_srvs/srv/Trigger

Words are given one by one, or in one file: .txt with one a line, or .yaml with a list.
--lexicon takes a file like config/words/lexicon.yaml, with your own names for trained words.
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
        help="how much louder predicates are that are new to the model: the more, the more often "
        "they win beside trained ones, and the fewer of those are found; without a number as the "
        "training has found it (default: as it is; 1 in a new model)",
    )
    parser.add_argument(
        "--lexicon",
        type=Path,
        metavar="FILE",
        help="other names for trained words, besides those that ship; the model remembers them",
    )
    parser.add_argument(
        "--literal",
        action=argparse.BooleanOptionalAction,
        help="no word takes the vector of another one that means the same (default: as it is; off "
        "in a new model)",
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
    wanted = wanted_by(args, folder)
    has_words = args.classes is not None or args.predicates is not None
    if not has_words and (args.add or args.stuff or (args.out and wanted == Wanted())):
        raise ValueError("no words are given: add --classes or --predicates")
    if wanted == Wanted():
        show(folder)
        return 0
    started_s = time.perf_counter()
    bake(folder, wanted, args.out)
    path = args.out or folder.path
    print(f"{path}: new words in {time.perf_counter() - started_s:.2f} s")
    show(load_model(str(path)))
    return 0


def wanted_by(args: argparse.Namespace, folder: ModelFolder) -> Wanted:
    """Return what the arguments ask for; equal to `Wanted()` if that is nothing."""
    known = folder.vocabulary
    return Wanted(
        _words(args.classes, known.label_names, keep=args.add),
        _words(args.predicates, known.predicate_names, keep=args.add),
        tuple(args.stuff),
        folder.words.found_gain if args.gain == FOUND and folder.words else args.gain,
        args.lexicon and read_lexicon(args.lexicon),
        args.literal,
    )


def show(folder: ModelFolder) -> None:
    """Print the words of a model, and what it takes them for where its lists are open."""
    for kind, names, place in (
        ("classes", folder.vocabulary.label_names, LABEL_WORDS),
        ("predicates", folder.vocabulary.predicate_names, PREDICATE_WORDS),
    ):
        print(f"{len(names)} {kind}: {', '.join(names)}")
        if folder.words is not None and room(folder, place) is not None:
            senses = folder.words.labels if place == LABEL_WORDS else folder.words.predicates
            print(*told(senses, names), sep="\n")
    if folder.words is not None and room(folder, PREDICATE_WORDS) is not None:
        print(*gain_lines(folder.words), sep="\n")


def told(senses: Senses, names: Sequence[str]) -> list[str]:
    """Return a line for each sense that some names have, with what they mean."""
    found: dict[Sense, list[str]] = {sense: [] for sense in Sense}
    for name, sense in zip(names, senses.sort(names), strict=True):
        means = f" ({senses.meaning(name)})" if sense in (Sense.KNOWN, Sense.APART) else ""
        found[sense].append(f"{name}{means}")
    if len(found[Sense.TRAINED]) == len(names):
        return ["  trained: all of them"]
    return [f"  {sense.value}: {', '.join(said)}" for sense, said in found.items() if said]


def gain_lines(table: WordTable) -> list[str]:
    """Return the gain of new predicates, and what training has measured of the choice."""
    lines = [f"gain of new predicates: {table.gain:g} (training found {table.found_gain:g})"]
    if table.gain_costs:
        lines.append("  named right in training, trained predicates / predicates held out of it:")
        shown = (cost for cost in table.gain_costs if cost.gain <= MOST_SHOWN)
        told = (f"{c.gain:g}: {100 * c.trained:.0f} / {100 * c.new:.0f} %" for c in shown)
        lines.append(f"  {', '.join(told)}")
    return lines


def _words(given: Sequence[str] | None, present: Sequence[str], *, keep: bool) -> list[str] | None:
    if given is None:
        return None
    words = read_words(given)
    return [*present, *words] if keep else words
