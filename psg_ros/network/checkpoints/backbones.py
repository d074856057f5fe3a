# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Public backbones that a segmenter may start from, under our names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from psg_ros.network.checkpoints import dinov3_original, eomt_transformers, imagenet
from psg_ros.network.checkpoints.reading import Source
from psg_ros.network.checkpoints.renaming import Renamed, plain_names, some_of


def backbone_to_ours(found: Source) -> Renamed:
    """Rename a DINOv3 backbone in either of its layouts, transformers' or DINOv3's own.

    Raises:
        ValueError: parameters that are no weights, or a code of positions that we do not have.
    """
    tensors = plain_names(found.tensors)
    known = dinov3_original if dinov3_original.is_original(tensors) else eomt_transformers
    return known.backbone_to_ours(tensors)


def rename_dinov3(found: Source) -> Mapping[str, Tensor]:
    """Return the weights of an EoMT as they are, those of a DINOv3 backbone under our names.

    Raises:
        ValueError: neither of the two.
    """
    is_original = dinov3_original.is_original(found.tensors)
    if ("stem.weight" in found.tensors or "cls_token" in found.tensors) and not is_original:
        return found.tensors
    renamed = backbone_to_ours(found)
    if renamed.unknown:
        raise ValueError(
            f"{found.path} is neither from `psg convert` nor a DINOv3 backbone, of transformers or "
            f"DINOv3's own code; unknown: {some_of(renamed.unknown)}"
        )
    return renamed.tensors


def rename_imagenet(found: Source) -> Mapping[str, Tensor]:
    """Return weights under our names as they are, those of a bare backbone renamed.

    Raises:
        ValueError: neither of the two.
    """
    if any(name.startswith("backbone.") for name in found.tensors):
        return found.tensors
    renamed = imagenet.to_ours(plain_names(found.tensors))
    if renamed.unknown:
        raise ValueError(
            f"{found.path} is neither from `psg convert` nor a backbone of torchvision's ResNet or "
            f"of Swin's own code; unknown: {some_of(renamed.unknown)}"
        )
    return renamed.tensors


RENAMINGS: dict[str, Callable[[Source], Mapping[str, Tensor]]] = {
    "eomt": rename_dinov3,
    "mask2former": rename_imagenet,
    "pro_scale": rename_imagenet,
    "yoso": rename_imagenet,
}
"""By the type of the segmenter; without an entry only weights under our names will do."""


def initial_tensors(found: Source, segmenter: str) -> Mapping[str, Tensor]:
    """Return the weights of a file under the names of a type of segmenter.

    Raises:
        ValueError: a layout that nobody knows.
    """
    rename = RENAMINGS.get(segmenter)
    return found.tensors if rename is None else rename(found)
