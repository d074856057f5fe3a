# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The text encoders by name. None of them is ever trained here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Protocol

import numpy as np

CLIP_PREFIX = "clip:"


class TextEncoder(Protocol):
    """Phrases -> vectors; equal phrases give equal vectors, up to rounding.

    Attributes:
        dim: numbers of a vector.
    """

    dim: int

    def encode(self, phrases: Sequence[str]) -> np.ndarray:
        """Return float32 [phrase, dim], each of length 1; [0, dim] of no phrases."""
        ...


def _minilm() -> TextEncoder:
    from psg_ros.text.minilm import open_minilm

    return open_minilm()


def _bag_of_words() -> TextEncoder:
    from psg_ros.text.bag_of_words import BagOfWords

    return BagOfWords()


ENCODERS: dict[str, Callable[[], TextEncoder]] = {
    "minilm": _minilm,
    "bag_of_words": _bag_of_words,
}
"""`minilm`: all-MiniLM-L6-v2, of the extra `words`. `bag_of_words`: equal words alone make phrases
alike; needs nothing, and is the baseline that a real encoder has to beat."""


@cache
def open_encoder(name: str) -> TextEncoder:
    """Return an encoder; a second call with the same name returns the same one.

    Args:
        name: a key of `ENCODERS`; or `clip:` and the folder of a CLIP model, as transformers has
            it.

    Raises:
        ValueError: no such name; the message lists them.
        ImportError: its packages are not installed; names the extra.
        FileNotFoundError: no such folder.
    """
    if name.startswith(CLIP_PREFIX):
        from psg_ros.text.clip import ClipText

        return ClipText(name.removeprefix(CLIP_PREFIX))
    if name not in ENCODERS:
        known = ", ".join(ENCODERS)
        raise ValueError(
            f"text encoder must be one of {known}, or {CLIP_PREFIX}FOLDER, not {name!r}"
        )
    return ENCODERS[name]()


def missing_package(name: str, error: ImportError, extra: str) -> ImportError:
    """Return the error for an encoder whose packages are not all there."""
    return ImportError(
        f"the text encoder {name} needs {error.name}: pip install '.[{extra}]' in the source folder"
    )
