# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What parts of a segmenter start from besides `initial_weights`, where the settings say so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

from torch import Tensor

from psg_ros.labels import Vocabulary
from psg_ros.network.checkpoints.graft import NUM_PICTURES, graft, open_donor
from psg_ros.network.checkpoints.stem_weights import load_stem_weights
from psg_ros.network.segmenter import Segmenter
from psg_ros.network.segmenters.efficientnet_lite import EfficientNetStem
from psg_ros.network.segmenters.eomt import Eomt

Pictures = Callable[[int], Iterable[Tensor]]
"""Number of pictures -> batches uint8 [picture, 3, h, w], RGB, as the run will see them."""


def start_eomt(
    segmenter: Segmenter, settings: Any, vocabulary: Vocabulary, pictures: Pictures
) -> list[str]:
    """Give a pretrained stem its public weights, and the blocks and heads of another model."""
    eomt, told = cast(Eomt, segmenter), []
    if settings.stem_weights:
        stem = cast(EfficientNetStem, eomt.stem)  # `EomtConfig.check_training` has seen to it
        path = load_stem_weights(stem.network, settings.stem_weights)
        told.append(f"the stem starts from {path}")
    if name := settings.graft_from:
        donor = open_donor(name, eomt.config)
        explained = graft(eomt, donor, vocabulary, pictures(NUM_PICTURES))
        told.append(
            f"blocks and heads start from {name}; its tokens are explained to {explained:.0%}"
        )
    return told


STARTS: dict[str, Callable[[Segmenter, Any, Vocabulary, Pictures], list[str]]] = {
    "eomt": start_eomt
}
"""By the type of the segmenter; without an entry there is nothing to do."""


def start_parts(
    segmenter: Segmenter, settings: Any, vocabulary: Vocabulary, pictures: Pictures
) -> list[str]:
    """Give parts of a segmenter what they start from; return what has been done, in words.

    Args:
        settings: `psg_ros.training.config.SegmentationTraining`, checked.
        vocabulary: of the segmenter.
        pictures: read only where something has to be fitted to them.

    Raises:
        FileNotFoundError, ValueError: something named in the settings is missing or does not fit.
    """
    start = STARTS.get(segmenter.config.type)
    return [] if start is None else start(segmenter, settings, vocabulary, pictures)
