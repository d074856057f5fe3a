# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Class and predicate names of a data set against those of a vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psg_ros.data.annotation_file import AnnotationFile, unknown_names
from psg_ros.data.checking.finding import Finding
from psg_ros.labels import Vocabulary


@dataclass(frozen=True)
class NameComparison:
    """How one list of names relates to the vocabulary's.

    Attributes:
        kind: "labels" or "predicates".
        names: those of the file, in order.
        verdict: one line for people.
        unknown: names that the vocabulary does not have; they make the data set unusable.
        absent: names of the vocabulary that the file does not have.
        findings: what is wrong, with the nearest known names.
    """

    kind: str
    names: tuple[str, ...]
    verdict: str
    unknown: tuple[str, ...]
    absent: tuple[str, ...]
    findings: tuple[Finding, ...]


def compare_names(kind: str, names: Sequence[str], known: Sequence[str]) -> NameComparison:
    """Compare the names of a file with the vocabulary's; both in their order."""
    unknown = tuple(name for name in names if name not in known)
    absent = tuple(name for name in known if name not in names)
    twice = sorted({name for name in names if names.count(name) > 1})
    findings = [Finding(unknown_names(kind, names, known))] if unknown else []
    if twice:
        text = f"{kind} {twice} appear twice in the file's list"
        findings.append(Finding(text, is_problem=False))
    return NameComparison(
        kind,
        tuple(names),
        _verdict(names, known, unknown, absent),
        unknown,
        absent,
        tuple(findings),
    )


def thing_warnings(annotations: AnnotationFile, vocabulary: Vocabulary) -> list[Finding]:
    """Return a warning for labels that are things on one side and stuff on the other."""
    is_thing = {label.name: label.is_thing for label in vocabulary.labels}
    swapped = [name for name in annotations.things if is_thing.get(name) is False]
    swapped += [name for name in annotations.stuff if is_thing.get(name) is True]
    if not swapped:
        return []
    text = f"labels {swapped} are things on one side, stuff on the other; the vocabulary decides"
    return [Finding(text, is_problem=False)]


def _verdict(
    names: Sequence[str], known: Sequence[str], unknown: Sequence[str], absent: Sequence[str]
) -> str:
    if unknown:
        return f"{len(unknown)} of {len(names)} unknown"
    whole = f"all {len(known)} names" if not absent else f"{len(set(names))} of {len(known)} names"
    in_order = [name for name in known if name in names]
    differences = [(a, b) for a, b in zip(dict.fromkeys(names), in_order, strict=True) if a != b]
    if not differences:
        return f"{whole}, in the same order"
    first, expected = differences[0]
    differs = f"{first!r} comes before {expected!r}, in the vocabulary after it"
    return f"{whole}, in another order, joined by name: {differs}"
