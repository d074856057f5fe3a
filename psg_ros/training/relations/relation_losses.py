# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What stage 2 minimises: classification of both directions, in both orders, and swap consistency.

Source: DSFlash (CVPR 2026), its training of the bidirectional head; `split: none` is DSFormer's,
one direction of a pair on its own, and so is the task of telling the labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.network.dsflash import RelationStage
from psg_ros.network.packed_neck import packed_pair_vectors
from psg_ros.network.relation_head import RelationHead
from psg_ros.network.segmenter import Segmenter
from psg_ros.network.word_scores import word_scores
from psg_ros.training.config import RelationTraining
from psg_ros.training.losses import consistency_loss
from psg_ros.training.relations.features import unpack
from psg_ros.training.relations.relation_pairs import PairBatch

FORWARD, BACKWARD = 0, 1


class RelationLosses(nn.Module):
    """The trained modules with their losses behind: what DistributedDataParallel wraps.

    Args:
        weights: float32 [1 + predicate]; of positives, see `positive_weights`.
        segmenter: where it is trained along; then features are pictures.
        num_labels: for the second task, where the settings have it.
        held_out: predicates whose columns are not learned from.
        label_words: float32 [label, text_dim], see `psg_ros.training.words.label_words`; for the
            prior, where the settings have it and the head compares with words.

    Attributes:
        node_head: pair vector -> label logits of subject, then object; only training has it.
    """

    weights: Tensor
    columns: Tensor
    label_words: Tensor | None

    def __init__(
        self,
        stage: RelationStage,
        settings: RelationTraining,
        weights: Tensor,
        segmenter: Segmenter | None = None,
        num_labels: int = 0,
        held_out: Sequence[int] = (),
        label_words: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.stage, self.settings, self.segmenter = stage, settings, segmenter
        dim = stage.neck.config.dim
        self.node_head = nn.Linear(dim, 2 * num_labels) if settings.node_weight else None
        self.register_buffer("weights", weights, persistent=False)
        columns = torch.ones_like(weights)
        columns[[1 + predicate for predicate in held_out]] = 0
        self.register_buffer("columns", columns / columns.sum(), persistent=False)
        if (scores := word_scores(stage.head)) is not None:
            scores.taught = columns[1:] > 0
        self.register_buffer("label_words", label_words, persistent=False)

    def forward(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return "bce" and, where they are, "consistency", "nodes" and "prior", unweighted."""
        cells = self.stage.tap_embedding(self.feature_maps(batch.features))
        vectors = self.vectors(cells, batch, swapped=learns_both_orders(self.stage, self.settings))
        terms = self.relation_terms(vectors, batch) | self.node_terms(vectors, batch)
        return terms | self.prior_terms(vectors, batch)

    def relation_terms(self, vectors: Tensor, batch: PairBatch) -> dict[str, Tensor]:
        """Return the terms of the relations from what `vectors` gives."""
        head = self.stage.head
        if head.bidirectional and not self.settings.swap_training:
            halves = head.split(vectors)
            return {"bce": self.classification(halves, (FORWARD, BACKWARD), batch)[1]}
        orders = vectors.chunk(2) if learns_both_orders(self.stage, self.settings) else (vectors,)
        if not head.bidirectional:
            directions = (FORWARD, BACKWARD)[: len(orders)]
            return {"bce": self.classification(orders, directions, batch)[1]}
        parts = (*head.split(orders[0]), *head.split(orders[1]))
        directions = (FORWARD, BACKWARD, BACKWARD, FORWARD)
        hidden, bce = self.classification(parts, directions, batch)
        compared = hidden if self.settings.consistency_target == "hidden" else parts
        first, second = (compared[0], compared[1]), (compared[2], compared[3])
        if self.settings.consistency_stop_gradient:
            second = (second[0].detach(), second[1].detach())
        return {"bce": bce, "consistency": consistency_loss(first, second, batch.totals[2])}

    def node_terms(self, vectors: Tensor, batch: PairBatch) -> dict[str, Tensor]:
        """Return the cross entropy of subject's and object's label, a mean over pairs each.

        Orders of a pair add up, as they do for the relations.
        """
        if self.node_head is None:
            return {}
        labels = batch.labels
        if len(vectors) > len(labels):
            labels = torch.cat((labels, labels.flip(1)))
        logits = self.node_head(vectors).float().unflatten(1, (2, -1)).flatten(0, 1)
        loss = functional.cross_entropy(logits, labels.flatten(), reduction="sum")
        return {"nodes": loss / batch.totals[2]}

    def prior_terms(self, vectors: Tensor, batch: PairBatch) -> dict[str, Tensor]:
        """Return how far pairs lie from what the words of their labels suggest, a mean over pairs.

        "person" and "chair" lie nearer to "sitting on" than to "flying over". A head that has
        learned such nearness finds predicates that it has no example of. It is 1 - cosine.
        """
        head = self.stage.head
        if word_scores(head) is None or self.label_words is None:
            return {}
        vectors = vectors[: len(batch.labels)]  # the other order says the same
        suggested = self.label_words[batch.labels].sum(dim=1)
        return {"prior": prior_loss(head, vectors, suggested).sum() / batch.totals[2]}

    def feature_maps(self, features: Tensor) -> Sequence[Tensor]:
        """Return the feature maps [image, cell, width], of pictures where the segmenter learns."""
        if self.segmenter is None:
            return unpack(features, self.stage.tap_embedding.shapes, self.settings.precision)
        return self.segmenter.encode(features.float())

    def vectors(self, cells: Tensor, batch: PairBatch, *, swapped: bool = False) -> Tensor:
        """Return the vector of every pair, [pair, dim]; behind them those of the swapped pairs."""
        image, overlap, boxes = batch.image, batch.overlap, batch.boxes
        if swapped:
            image = image.repeat(2)
            overlap, boxes = (torch.cat((facts, facts.flip(1))) for facts in (overlap, boxes))
        return pair_vectors(self.stage, cells, image, overlap, boxes)

    def classification(
        self, parts: tuple[Tensor, ...], directions: tuple[int, ...], batch: PairBatch
    ) -> tuple[tuple[Tensor, ...], Tensor]:
        """Return the hidden layers [pair, hidden] of parts and the sum of their mean losses."""
        *layers, last = self.stage.head.mlp
        hidden = nn.Sequential(*layers)(torch.cat(parts))
        loss = functional.binary_cross_entropy_with_logits(
            last(hidden).float(),
            torch.cat([batch.targets[:, direction] for direction in directions]),
            pos_weight=self.weights,
            reduction="none",
        )
        # A direction that is not learned from counts neither here nor in the totals.
        shares = [batch.learned[:, way] / batch.totals[way] for way in directions]
        return hidden.chunk(len(parts)), (loss @ self.columns * torch.cat(shares)).sum()


def prior_loss(head: RelationHead, vectors: Tensor, suggested: Tensor) -> Tensor:
    """Return 1 - cosine [pair] of a pair's directions among the words with suggested ones.

    Args:
        head: one that compares with words.
        vectors: [pair, dim]; suggested: [pair, text_dim].
    """
    scores = word_scores(head)
    assert scores is not None
    parts = head.split(vectors) if head.bidirectional else (vectors,)
    directions = scores.direction(head.mlp[:-1](torch.cat(parts))).float()
    wanted = functional.normalize(suggested, dim=1).repeat(len(parts), 1)
    return 1 - (directions * wanted).sum(dim=1).unflatten(0, (len(parts), -1)).mean(dim=0)


def learns_both_orders(stage: RelationStage, settings: RelationTraining) -> bool:
    """Return whether every drawn pair is given in both orders."""
    return settings.swap_training if stage.head.bidirectional else settings.both_orders


def learns_directed_pairs(stage: RelationStage, settings: RelationTraining) -> bool:
    """Return whether a drawn pair teaches one direction only."""
    return not (stage.head.bidirectional or settings.both_orders)


def weighted_sum(terms: dict[str, Tensor], settings: RelationTraining) -> Tensor:
    """Return what is minimised, from all terms of `RelationLosses`."""
    weights = {
        "bce": 1 - settings.node_weight,
        "consistency": settings.consistency_weight,
        "nodes": settings.node_weight,
        "prior": settings.prior_weight,
    }
    return reduce(torch.add, [weights[name] * term for name, term in terms.items()])


def pair_vectors(
    stage: RelationStage, cells: Tensor, image: Tensor, overlap: Tensor, boxes: Tensor
) -> Tensor:
    """Return the class token [pair, dim] of pairs of several images.

    Args:
        cells: [image, cell, dim], from the tap embedding.
        image: int64 [pair]; which image each pair is of.
        overlap: float32 [pair, 2, cell]; boxes: float32 [pair, 2, 4].
    """
    subject, other = overlap.unbind(1)
    # Without pairs only the dense neck keeps its parameters in the graph, which ranks wait for.
    if stage.prune and len(image):
        return packed_pair_vectors(stage, cells, image, subject, other, boxes.flatten(1))
    return stage.pair_vectors(cells[image], subject, other, boxes.flatten(1))
