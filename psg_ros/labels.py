# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Vocabulary: which labels and predicates a model or a data set knows, and their order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from psg_ros.resources import share_path
from psg_ros.setting_files import parse_yaml

ANYTHING = "anything"
"""Stands for every label where pairs of them are asked for."""


@dataclass(frozen=True)
class ObjectLabel:
    """One class of segments; `color_rgb` are three bytes."""

    name: str
    is_thing: bool
    color_rgb: tuple[int, int, int]


@dataclass(frozen=True)
class Predicate:
    """One relation word; `inverse` is a phrase ("under" for "over"), empty when there is none."""

    name: str
    inverse: str = ""
    symmetric: bool = False


@dataclass(frozen=True)
class Vocabulary:
    """Contiguous label index <-> name; things come first, then stuff, as in PSG.

    Raises:
        ValueError: a name twice, or a thing after stuff.
    """

    labels: tuple[ObjectLabel, ...]
    predicates: tuple[Predicate, ...]

    def __post_init__(self) -> None:
        for kind, names in (("label", self.label_names), ("predicate", self.predicate_names)):
            odd = [n for n in names if not isinstance(n, str)]
            if odd:
                raise ValueError(f'{kind} names must be text, not {odd} (YAML: quote "on")')
            twice = {n for n in names if names.count(n) > 1}
            if twice:
                raise ValueError(f"{kind} names must be unique, these are not: {sorted(twice)}")
        flags = [label.is_thing for label in self.labels]
        if flags != sorted(flags, reverse=True):
            raise ValueError("things must come before stuff")

    @property
    def num_labels(self) -> int:
        return len(self.labels)

    @property
    def num_predicates(self) -> int:
        return len(self.predicates)

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        return tuple(label.name for label in self.labels)

    @cached_property
    def predicate_names(self) -> tuple[str, ...]:
        return tuple(predicate.name for predicate in self.predicates)

    def label_index(self, names: Sequence[str]) -> list[int]:
        """Return the label index of each name; raises KeyError listing the unknown ones."""
        return _index(self.label_names, names, "labels")

    def predicate_index(self, names: Sequence[str]) -> list[int]:
        """Return the predicate index of each name; raises KeyError listing the unknown ones."""
        return _index(self.predicate_names, names, "predicates")


def bare_name(name: str) -> str:
    """Return the name of a label or predicate as data sets that spell it differently agree on it.

    Lower case, joined by hyphens, without the -other, -merged and -stuff of COCO panoptic.
    """
    words = re.sub(r"[\s_]+", "-", name.strip().lower())
    return re.sub(r"-(other|merged|stuff)\b", "", words)


def phrase(name: str) -> str:
    """Return the name of a label or predicate as people say it, which is what text encoders get.

    Like `bare_name`, with spaces: "table" for table-merged.
    """
    return bare_name(name).replace("-", " ")


def split_pair(text: str) -> tuple[str, str]:
    """Return both ends of "person - cup"; labels may have hyphens, without spaces around them.

    Raises:
        ValueError: not two ends.
    """
    ends = [end.strip() for end in re.split(r"\s+-\s+", text.strip())]
    if len(ends) != 2 or not all(ends):
        raise ValueError(
            f'pairs must be texts of two labels, as in "person - cup" or "person - {ANYTHING}", '
            f"not {text!r}"
        )
    return ends[0], ends[1]


def check_pairs(texts: Sequence[str]) -> None:
    """Raise ValueError unless every text names two ends."""
    for text in texts:
        split_pair(text)


def label_folder() -> Path:
    """Return the folder of the vocabularies that ship."""
    return share_path() / "config" / "labels"


def shipped_vocabularies() -> list[Path]:
    """Return the files of `label_folder`, in the order of their names."""
    return sorted(label_folder().glob("*.yaml"))


def load_vocabulary(path: Path) -> Vocabulary:
    """Read a vocabulary from YAML (`things`, `stuff`, `predicates`; see config/labels/psg.yaml).

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a vocabulary; the message names the file and the entry.
    """
    try:
        content = parse_yaml(Path(path).read_bytes())
        things = [_object_label(entry, True) for entry in _entries(content, "things")]
        stuff = [_object_label(entry, False) for entry in _entries(content, "stuff")]
        predicates = [Predicate(**entry) for entry in _entries(content, "predicates")]
        return Vocabulary((*things, *stuff), tuple(predicates))
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        what = "a vocabulary (things, stuff, predicates)"
        raise ValueError(f"{path} is not {what}: {error}") from error


def find_vocabulary(name: str, folder: Path | None = None) -> Vocabulary:
    """Read a vocabulary given as a file of config/labels, without its ending, or as a .yaml file.

    Args:
        folder: what the path of a .yaml file is relative to; None: the working directory.

    Raises:
        FileNotFoundError: there is none; the message lists those of config/labels.
        ValueError: not a vocabulary.
    """
    shelf = label_folder()
    path = (folder or Path()) / name if name.endswith(".yaml") else shelf / f"{name}.yaml"
    if not path.is_file():
        there = ", ".join(file.stem for file in shipped_vocabularies())
        raise FileNotFoundError(
            f"no vocabulary {name!r}: {path} does not exist; give one of {there}, or a .yaml file"
        )
    return load_vocabulary(path)


def _entries(content: dict, kind: str) -> list[dict]:
    """Return the mappings of a list; a text would be a list of letters."""
    entries = content[kind]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"{kind} must be a list of mappings such as 'name: cup', not {entries!r}")
    return entries


def _object_label(entry: dict, is_thing: bool) -> ObjectLabel:
    color = entry["color"]
    if len(color) != 7 or color[0] != "#":
        raise ValueError(f"color of {entry['name']!r} must look like '#12ab34', not {color!r}")
    red, green, blue = bytes.fromhex(color[1:])
    return ObjectLabel(entry["name"], is_thing, (red, green, blue))


def _index(known: Sequence[str], names: Iterable[str], kind: str) -> list[int]:
    table = {name: index for index, name in enumerate(known)}
    unknown = sorted({name for name in names if name not in table})
    if unknown:
        raise KeyError(f"unknown {kind} {unknown}; known are {list(known)}")
    return [table[name] for name in names]
