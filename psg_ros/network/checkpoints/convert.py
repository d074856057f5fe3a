# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A public checkpoint -> weights and sizes of one of our segmenters, whatever its layout."""

from __future__ import annotations

from psg_ros.network.checkpoints import eomt, mask2former, yoso
from psg_ros.network.checkpoints.converted import Converted
from psg_ros.network.checkpoints.reading import read_source


def convert(
    source: str, *, backbone: str | None = None, input_hw: tuple[int, int] | None = None
) -> Converted:
    """Read and convert a checkpoint; all of it fits, or it is refused.

    Args:
        source: weight file, folder in transformers' layout, or hub name (owner/name).
        backbone: likewise, of the DINOv3 backbone; needed for, and only for, an EoMT that is stored
            as differences to it.
        input_hw: px of the input, where the network leaves the choice; of EoMT a square.

    Raises:
        FileNotFoundError, ImportError: as `read_source`.
        ValueError: a key is unknown, missing or of another shape; differences without backbone.
    """
    found = read_source(source)
    layouts = ((mask2former.is_mask2former, mask2former.convert), (yoso.is_yoso, yoso.convert))
    for is_known, converts in layouts:
        if is_known(found.tensors):
            if backbone is not None:
                raise ValueError(f"{found.path} holds whole weights; leave --backbone out")
            return converts(found, input_hw=input_hw)
    return eomt.convert(found, backbone=backbone, input_hw=input_hw)
