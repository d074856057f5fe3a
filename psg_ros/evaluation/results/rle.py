# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Run-length masks of COCO's JSON files -> pixels.

A mask is {"size": [height, width], "counts": ...}: lengths of alternating runs of 0 and 1, zeros
first, column by column. `counts` is a list of numbers, or text with six bits a character, five of
them data, lowest first, the fourth number and later ones as differences to the last but one
(the COCO API's compressed form).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np

from psg_ros.pictures.encoded_picture import DEFAULT_LIMIT
from psg_ros.pictures.image_error import check_megapixels

_ZERO = 48  # "0": the first of the 64 characters
_MORE, _SIGN, _DATA = 0x20, 0x10, 0x1F


def decode_rle(rle: Mapping[str, Any]) -> np.ndarray:
    """Return a mask, bool [height, width].

    Raises:
        ValueError: keys, types or lengths that do not form such a mask, or one that is larger than
            any picture that is read: a few bytes may claim to be gigabytes.
    """
    try:
        height, width = (int(length) for length in rle["size"])
        counts = rle["counts"]
        runs = _numbers(counts) if isinstance(counts, str) else [int(n) for n in counts]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError(f"not a run-length mask (size, counts): {error!r}") from error
    if min(height, width) < 1 or min(runs, default=0) < 0 or sum(runs) != height * width:
        raise ValueError(f"runs of {sum(runs)} px do not fill a mask of {height} x {width} px")
    check_megapixels(width, height, DEFAULT_LIMIT)
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(width, height).T


def _numbers(text: str) -> list[int]:
    runs: list[int] = []
    characters = iter(text)
    for first in characters:
        number = _number(chain([first], characters))
        runs.append(number + (runs[-2] if len(runs) > 2 else 0))
    return runs


def _number(characters: chain[str]) -> int:
    """Read one number with its sign; the last group says that it is the last."""
    value, shift = 0, 0
    for character in characters:
        group = ord(character) - _ZERO
        if not 0 <= group < 64:
            raise ValueError(f"character {character!r} in compressed counts")
        value |= (group & _DATA) << shift
        shift += 5
        if not group & _MORE:
            return value - (1 << shift) if group & _SIGN else value
    raise ValueError("compressed counts end within a number")
