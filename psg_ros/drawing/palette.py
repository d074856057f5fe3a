# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Colours and names as they are shown to people."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np

from psg_ros.labels import Vocabulary

Color = tuple[int, int, int]

SHADES = (0.0, 0.28, -0.22, 0.48, -0.38)
"""Our choice: how far the 1st, 2nd, ... node of a class moves towards white or black."""

_SUFFIXES = ("-merged", "-other", "-stuff")


def node_colors(labels: Sequence[int], vocabulary: Vocabulary) -> np.ndarray:
    """Return the colour of every node: its class colour, nodes of one class a shade apart.

    Args:
        labels: label indices of the vocabulary.

    Returns:
        uint8 [node, 3], RGB.
    """
    seen: Counter[int] = Counter()
    colors = np.zeros((len(labels), 3), np.uint8)
    for node, label in enumerate(labels):
        shift = SHADES[seen[label] % len(SHADES)]
        colors[node] = shade(vocabulary.labels[label].color_rgb, shift)
        seen[label] += 1
    return colors


def shade(color: Sequence[int], shift: float) -> Color:
    """Mix a colour with white (shift > 0) or black (shift < 0); |shift| in [0, 1] is the share."""
    target = 255 if shift > 0 else 0
    red, green, blue = (round(int(c) + (target - int(c)) * abs(shift)) for c in color)
    return red, green, blue


def text_color(background: Sequence[int]) -> Color:
    """Return near-black or white, whichever reads better on the background (luma of BT.601)."""
    red, green, blue = (int(c) for c in background)
    return (22, 24, 29) if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else (255, 255, 255)


def display_name(class_name: str) -> str:
    """Drop what data sets append for themselves: "sky-other-merged" is shown as "sky"."""
    name = class_name
    while name.endswith(_SUFFIXES):
        name = name[: name.rindex("-")]
    return name


def numbered_names(class_names: Sequence[str]) -> list[str]:
    """Return display names; those that several segments share are numbered: "person 1"."""
    names = [display_name(name) for name in class_names]
    total, seen = Counter(names), Counter[str]()
    for index, name in enumerate(names):
        if total[name] > 1:
            seen[name] += 1
            names[index] = f"{name} {seen[name]}"
    return names


def with_track_ids(texts: Sequence[str], track_ids: Sequence[int] | None) -> list[str]:
    """Put the track id before the text of each node: "#7 person"; None leaves the texts alone.

    Raises:
        ValueError: not one id per text.
    """
    if track_ids is None:
        return list(texts)
    if len(track_ids) != len(texts):
        raise ValueError(f"{len(track_ids)} track ids for {len(texts)} nodes; expected one each")
    return [f"#{number} {text}" for number, text in zip(track_ids, texts, strict=True)]


def ascii_text(text: str) -> str:
    """Return the text in the letters that OpenCV's fonts have; unknown ones become "?"."""
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    return plain.encode("ascii", "replace").decode("ascii")
