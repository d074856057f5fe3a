# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""File names that Linux allows, and that libraries take for something else."""

from __future__ import annotations

import os

HOSTILE_NAMES = [
    os.fsdecode(b"\xff\xfe bytes.mp4"),  # not UTF-8
    os.fsdecode(b"caf\xe9.mp4"),  # Latin-1, from an old disk
    "2026-01-02T10:20:30.mp4",  # a protocol?
    "http:x.mp4",
    "concat:a|b.mp4",
    "-x.mp4",  # an option?
    "a%03d.mp4",  # a pattern of numbered pictures?
    "|sh.mp4",
    "@list.mp4",
    "*.mp4",
    "~nobody.mp4",
    "a\nb.mp4",
    "\x1b[2J.mp4",  # a command to the terminal
    "\N{CAT FACE}.mp4",
    251 * "x" + ".mp4",
    "x." + 253 * "y",
]
"""Valid in any folder; all but the last end in .mp4."""
