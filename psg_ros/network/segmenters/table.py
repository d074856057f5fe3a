# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which segmenters there are. Needs no torch until a network is built."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING, NamedTuple

from psg_ros.network.segmenter_config import SegmenterConfig
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.network.segmenters.mask2former.config import Mask2FormerConfig, ProScaleConfig
from psg_ros.network.segmenters.yoso.config import YosoConfig

if TYPE_CHECKING:
    from psg_ros.network.segmenter import Segmenter


class SegmenterKind(NamedTuple):
    """One kind of segmenter.

    Attributes:
        config: the class that the key `segmenter` of a model config fills.
        network: `module:class` of the `Segmenter`, called with a config and a number of labels.
    """

    config: type[SegmenterConfig]
    network: str


MASK2FORMER = "psg_ros.network.segmenters.mask2former.network:Mask2Former"
SEGMENTERS = {
    "eomt": SegmenterKind(EomtConfig, "psg_ros.network.segmenters.eomt:Eomt"),
    "mask2former": SegmenterKind(Mask2FormerConfig, MASK2FORMER),
    "pro_scale": SegmenterKind(ProScaleConfig, MASK2FORMER),
    "yoso": SegmenterKind(YosoConfig, "psg_ros.network.segmenters.yoso.network:Yoso"),
}
"""By the key `type` of a segmenter's config."""
DEFAULT_SEGMENTER = EomtConfig()
"""What a model config has that names no segmenter."""


def config_class(name: str) -> type[SegmenterConfig]:
    """Return the config class of a type.

    Raises:
        ValueError: there is no such type; the message lists those there are.
    """
    return _kind(name).config


def build_segmenter(config: SegmenterConfig, num_labels: int) -> Segmenter:
    """Return the network that a config describes, with random weights.

    Args:
        num_labels: without "no object".

    Raises:
        ValueError: a `text_encoder` for a segmenter whose labels are a closed list.
    """
    network = resolve_name(_kind(config.type).network)(config, num_labels)
    if config.text_encoder and not network.compares_words:
        raise ValueError(
            f"labels of the segmenter {config.type} are a closed list; leave out text_encoder"
        )
    return network


def _kind(name: str) -> SegmenterKind:
    if name not in tuple(SEGMENTERS):  # a tuple: in YAML a name may be anything
        raise ValueError(f"segmenter type must be one of {', '.join(SEGMENTERS)}, not {name!r}")
    return SEGMENTERS[name]
