# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SpadeNetwork: the trained part of stage 2, from the UNet's features to scores of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from psg_ros.network.spade.config import SpadeConfig
from psg_ros.network.spade.interaction import InteractionGenerator
from psg_ros.network.spade.mask_generator import ExternalMasks, InternalMasks
from psg_ros.network.spade.pair_selection import PairSelection
from psg_ros.network.spade.relation_graph import RelationGraphTransformer
from psg_ros.network.spade.spatial_graph import spatial_semantic_graph
from psg_ros.network.spade.word_scores import WordScores


@dataclass(frozen=True)
class Words:
    """Vectors of the words that are asked for, from CLIP's text tower.

    Rows of zeros are padding. No word of training, no threshold: the same network takes any.
    """

    objects: Float[Tensor, "object embed"]
    predicates: Float[Tensor, "predicate embed"]


@dataclass(frozen=True)
class Found:
    """What the network finds in an image before it looks at pairs.

    Attributes:
        maps: projected features [dim, h, w], coarsest first.
        nodes: what is known of each segment once they know of each other.
        masks: of the nodes, 0..1, over the whole image.
        mask_logits: the same before the sigmoid; None where the masks were given.
        object_logits: of each node; the last column stands for no word.
        affinity: of any two nodes, see `PairSelection.affinity`.
    """

    maps: Sequence[Tensor]
    nodes: Float[Tensor, "node dim"]
    masks: Float[Tensor, "node h w"]
    mask_logits: Float[Tensor, "node h w"] | None
    object_logits: Float[Tensor, "node object_column"]
    affinity: Float[Tensor, "node node"]


@dataclass(frozen=True)
class Related:
    """What it says of pairs.

    Attributes:
        pairs: (subject, object) nodes that were looked at.
        logits: of each; the last column stands for no word.
    """

    pairs: Int[Tensor, "pair 2"]
    logits: Float[Tensor, "pair predicate_column"]


class SpadeNetwork(nn.Module):
    """One image at a time: numbers of nodes and pairs differ from image to image.

    Args:
        feature_widths: of the UNet's maps, coarsest first.
        embedding_width: of CLIP.
    """

    def __init__(
        self, config: SpadeConfig, feature_widths: Sequence[int], embedding_width: int
    ) -> None:
        super().__init__()
        self.config = config
        self.projections = nn.ModuleList(nn.Conv2d(w, config.dim, 1) for w in feature_widths)
        self.internal: InternalMasks | None = None
        self.external: ExternalMasks | None = None
        if config.mask_source == "internal":
            self.internal = InternalMasks(config, len(feature_widths))
        else:
            self.external = ExternalMasks(config)
        self.graph_transformer = RelationGraphTransformer(config)
        self.selection = PairSelection(config)
        self.interaction = InteractionGenerator(config)
        self.object_scores = WordScores(config.dim, embedding_width)
        self.relation_scores = WordScores(config.dim, embedding_width)

    def forward(
        self,
        features: Sequence[Tensor],
        image_hw: tuple[int, int],
        words: Words,
        masks: Float[Tensor, "node h w"] | None = None,
    ) -> tuple[Found, Related]:
        """Return what the network says of one image; see `find` and `relate`."""
        found = self.find(features, image_hw, words, masks)
        return found, self.relate(found, words)

    def find(
        self,
        features: Sequence[Tensor],
        image_hw: tuple[int, int],
        words: Words,
        masks: Float[Tensor, "node h w"] | None = None,
    ) -> Found:
        """Return the segments of one image and what they are.

        Args:
            features: of `FrozenModels.features` [1, width, h, w], coarsest first.
            image_hw: of the image itself [px]: the UNet sees it in a square.
            masks: 0..1, where the config's mask_source is external.

        Raises:
            ValueError: masks where none are taken, or none where they are.
        """
        maps = [layer(one)[0] for layer, one in zip(self.projections, features, strict=True)]
        nodes, mask_logits, masks = self._nodes(maps, masks)
        objects, known = self.object_scores(nodes, words.objects), nodes
        if len(nodes) > 1:
            graph = spatial_semantic_graph(nodes, masks.detach(), image_hw, self.config)
            known = self.graph_transformer(nodes, graph)
        return Found(maps, known, masks, mask_logits, objects, self.selection.affinity(known))

    def relate(
        self, found: Found, words: Words, more_pairs: Int[Tensor, "pair 2"] | None = None
    ) -> Related:
        """Return the relations of the pairs that are chosen.

        Args:
            more_pairs: looked at besides, in training.
        """
        pairs = self.selection.choose(found.affinity.detach())
        if more_pairs is not None:
            pairs = torch.cat((pairs, more_pairs)).unique(dim=0)
        if not len(pairs):
            return Related(pairs, found.nodes.new_zeros(0, len(words.predicates) + 1))
        relations = self.interaction(self.selection(found.nodes, pairs), found.maps)
        return Related(pairs, self.relation_scores(relations, words.predicates))

    def _nodes(
        self, maps: Sequence[Tensor], masks: Tensor | None
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        if self.external is None:
            if masks is not None:
                raise ValueError("mask_source is internal: this network finds its own masks")
            assert self.internal is not None
            nodes, mask_logits = self.internal(maps)
            return nodes, mask_logits, mask_logits.sigmoid()
        if masks is None:
            raise ValueError("mask_source is external: give the masks of the segments")
        nodes = self.external(maps, masks) if len(masks) else maps[0].new_zeros(0, len(maps[0]))
        return nodes, None, masks
