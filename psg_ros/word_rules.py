# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which words a model takes, and how they are read from a command line or a file."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import yaml

from psg_ros.labels import phrase
from psg_ros.setting_files import parse_yaml

MAX_LETTERS = 60
"""Of one name: what is longer is a sentence, and would not fit into a picture either."""
FILE_ENDINGS = (".txt", ".yaml", ".yml")


def check_words(words: Sequence[str], kind: str, most: int) -> None:
    """Refuse what cannot be a list of names.

    Args:
        kind: "classes" or "predicates", for the messages.
        most: as many as the model has room for.

    Raises:
        ValueError: none at all, too many, empty or too long ones, one that is no word in Latin
            letters, or two that a text encoder cannot tell apart; says which.
    """
    if not words:
        raise ValueError(f"no {kind} are given; at least one is needed")
    if len(words) > most:
        raise ValueError(
            f"{len(words)} {kind} are more than this model has room for ({most}); give fewer"
        )
    for word in words:
        if complaint := refusal(word):
            raise ValueError(f"{kind}: {shortened(word)} {complaint}")
    seen: dict[str, str] = {}
    for word in words:
        if (said := phrase(word)) in seen:
            raise ValueError(
                f"{kind}: {seen[said]!r} and {word!r} are the same word; leave one out"
            )
        seen[said] = word


def refusal(word: object) -> str:
    """Return why a word is none, as the rest of a sentence; empty: it is one."""
    if not isinstance(word, str):
        return 'must be text (YAML: quote "on")'
    if not phrase(word):
        return "is empty"
    if len(word) > MAX_LETTERS:
        return f"has {len(word)} letters; at most {MAX_LETTERS} are allowed"
    if any(unicodedata.category(letter).startswith("C") for letter in word):
        return "holds control characters"
    if not any(map(str.isalpha, word)):
        return "has no letters"
    # The encoders read English; of other scripts they would make a vector that means nothing.
    foreign = [c for c in word if c.isalpha() and "LATIN" not in unicodedata.name(c, "")]
    if foreign:
        return f"has letters that are not Latin ({foreign[0]}); text encoders here read English"
    return ""


def shortened(word: object) -> str:
    """Return a word for a message."""
    text = repr(word)
    return text if len(text) <= MAX_LETTERS else f"{text[:MAX_LETTERS]}..."


def read_words(given: Sequence[str]) -> list[str]:
    """Return words given one by one, or in one file: a .txt with one a line, or a .yaml list.

    Lines that begin with # and empty lines of a .txt do not count.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file that holds no list of words, several files, or another kind of file;
            names it.
    """
    if len(given) != 1 or not given[0].endswith(FILE_ENDINGS):
        for word in given:
            if "/" in word or word.endswith(FILE_ENDINGS):
                endings = ", ".join(FILE_ENDINGS)
                raise ValueError(
                    f"{shortened(word)} is a path; give words, or one file alone ({endings})"
                )
        return list(given)
    path = Path(given[0])
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors of Windows begin with a mark
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text, one word a line was expected") from error
    if path.suffix == ".txt":
        lines = (line.strip() for line in text.splitlines())
        return [line for line in lines if line and not line.startswith("#")]
    try:
        words = parse_yaml(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {error}") from error
    if not isinstance(words, list):
        raise ValueError(f"{path} must hold a list of words, not {type(words).__name__}")
    return words
