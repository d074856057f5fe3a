# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of SPADE beside the real-time graph, not those of its network. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psg_ros.setting_fields import check_ranges, described
from psg_ros.setting_files import config_from_dict, read_mapping
from psg_ros.word_rules import check_words

SPADE_SETTINGS = "spade.yaml"
"""In a folder of a trained SPADE: its settings and the words of its training."""
SPADE_MODULE = "psg_ros.network.spade.process"
"""Run by Python, and never imported by the node: it needs torch."""
EXTERNAL = "external"
"""Value of mask_source in its settings where it is given the segments."""


def check_predicates(words: tuple[str, ...]) -> None:
    """Raise ValueError for what cannot be names, see `psg_ros.word_rules`; none at all is fine."""
    if words:
        check_words(words, "spade_predicates", MAX_WORDS)


MAX_WORDS = 1000
"""More than any list of relations has; each takes three sentences to embed (our choice)."""


@dataclass(frozen=True)
class TrainedWords:
    """Words of a training, as its settings keep them: their scores are weighed by `alpha_seen`."""

    objects: tuple[str, ...] = ()
    predicates: tuple[str, ...] = ()


@dataclass(frozen=True)
class SpadeRunConfig:
    """When SPADE looks at a frame, and what of its answer counts.

    Raises:
        ValueError: a value outside its range.
    """

    spade_model: str = described(
        "",
        "folder of a trained SPADE, an open-vocabulary relation stage that looks at some frames "
        "in its own process (needs torch); empty: none",
        fixed=True,
    )
    spade_every: int = described(
        30,
        "SPADE looks at one frame in this many, unless it is still busy; 0: only when "
        "~/run_spade is called",
        minimum=0,
        maximum=1_000_000,
    )
    spade_predicates: tuple[str, ...] = described(
        (),
        "words that SPADE may use for relations; any words work, and those that the model lacks "
        "are appended to the vocabulary, whose version increases; empty: those of its training",
        check=check_predicates,
    )
    spade_threshold: float = described(
        0.1, "drop SPADE's relations with a lower score", minimum=0.0, maximum=1.0
    )
    spade_lasts_s: float = described(
        10.0,
        "seconds over which SPADE's relations fade, unless their nodes move relative to each "
        "other or disappear earlier",
        minimum=0.1,
        maximum=3600.0,
    )
    spade_timeout_s: float = described(
        300.0,
        "seconds within which SPADE must have loaded, and from then on answer each frame; a "
        "process that takes longer is ended and started again after a rest",
        minimum=1.0,
        maximum=86_400.0,
    )

    def __post_init__(self) -> None:
        check_ranges(self)


def trained_predicates(folder: Path) -> tuple[str, ...]:
    """Return the words for relations that a SPADE for use beside a node was trained with.

    Raises:
        FileNotFoundError: the folder holds no trained SPADE.
        ValueError: its settings are damaged, or it was trained to find segments of its own.
    """
    path = Path(folder).expanduser() / SPADE_SETTINGS
    if not path.is_file():
        raise FileNotFoundError(f"spade_model {folder} holds no trained SPADE: no {path}")
    settings = read_mapping(path)
    trained, network = (_part(settings, name, path) for name in ("trained", "spade"))
    words = config_from_dict(TrainedWords, trained, f"{path}: trained").predicates
    mask_source = network.get("mask_source")
    if mask_source != EXTERNAL:
        raise ValueError(
            f"{path}: beside a node SPADE gets the node's segments; train one with mask_source "
            f"{EXTERNAL}, not {mask_source}"
        )
    try:
        check_words(words, "trained predicates", MAX_WORDS)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return words


def _part(settings: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    """Return a mapping in the settings of a trained SPADE, which lie at a path."""
    part = settings.get(name)
    if not isinstance(part, dict):
        raise ValueError(f"{path}: {name} must be a mapping, as psg spade train writes it, not "
                         f"{part!r}")  # fmt: skip
    return part
