# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training without novel predicates: their relations are gone, their columns learn nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from psg_ros.labels import ObjectLabel, Predicate, Vocabulary  # noqa: E402
from psg_ros.network.config import ModelConfig, RelationConfig  # noqa: E402
from psg_ros.network.dsflash import RelationStage  # noqa: E402
from psg_ros.network.segmenters.eomt_config import EomtConfig  # noqa: E402
from psg_ros.open_set import novel_indices  # noqa: E402
from psg_ros.training.config import RelationTraining  # noqa: E402
from psg_ros.training.relations.held_out import (  # noqa: E402
    held_out_predicates,
    without_relations,
)
from psg_ros.training.relations.relation_losses import RelationLosses  # noqa: E402
from psg_ros.training.relations.relation_pairs import PairBatch  # noqa: E402
from psg_ros.training.relations.relation_samples import RelationTruth  # noqa: E402
from psg_ros.training.relations.relation_sources import KeptSamples  # noqa: E402

NAMES = ("on", "in", "over", "beside", "holding", "riding", "touching", "under", "near", "at")
VOCABULARY = Vocabulary(
    (ObjectLabel("cup", True, (1, 2, 3)),), tuple(Predicate(name) for name in NAMES)
)
HELD_OUT = novel_indices(NAMES)


def truth(predicates):
    triplets = np.array([(0, 1, predicate) for predicate in predicates]).reshape(-1, 3)
    return RelationTruth("a", np.zeros(2, np.int64), np.arange(2), triplets)


def test_they_are_the_novel_ones_and_none_by_default():
    assert held_out_predicates(RelationTraining(), VOCABULARY) == ()
    settings = RelationTraining(held_out_predicates="novel")
    assert held_out_predicates(settings, VOCABULARY) == HELD_OUT and len(HELD_OUT) == 3


def test_no_relation_of_theirs_is_left_and_images_without_others_go():
    base = next(index for index in range(len(NAMES)) if index not in HELD_OUT)
    truths = [truth([*HELD_OUT, base]), truth(HELD_OUT), truth([base])]
    source = KeptSamples([without_relations(one, HELD_OUT) for one in truths], [])
    assert [one.triplets[:, 2].tolist() for one in source.truths] == [[base], [base]]


def test_their_columns_get_no_gradient_and_the_others_the_whole_loss():
    torch.manual_seed(0)
    sizes = EomtConfig(
        input_hw=(32, 48), dim=16, depth=2, num_heads=2, num_query_blocks=1, taps=(1,)
    )
    relations = RelationConfig(dim=16, depth=1, num_heads=2, head_hidden=8, cell_patches=1)
    stage = RelationStage(ModelConfig("tiny", segmenter=sizes, relations=relations), len(NAMES))
    settings = RelationTraining(swap_training=False, precision="float32")
    weights = torch.ones(1 + len(NAMES))
    pairs, cells = 3, 6
    targets = torch.zeros(pairs, 2, 1 + len(NAMES))
    targets[..., 1 + HELD_OUT[0]] = 1
    batch = PairBatch(
        torch.zeros(1, cells * 16), torch.zeros(pairs, dtype=torch.int64),
        torch.rand(pairs, 2, cells), torch.rand(pairs, 2, 4), targets,
        torch.ones(pairs, 2, dtype=torch.bool), torch.zeros(pairs, 2, dtype=torch.int64),
        (pairs, pairs, pairs),
    )  # fmt: skip
    last = stage.head.mlp[-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.zero_()
    loss = RelationLosses(stage, settings, weights, held_out=HELD_OUT)(batch)["bce"]
    assert loss.item() == pytest.approx(2 * np.log(2)), "a mean over what is learned"
    loss.backward()
    silent = [1 + predicate for predicate in HELD_OUT]
    assert (last.bias.grad[silent] == 0).all()
    others = [column for column in range(1 + len(NAMES)) if column not in silent]
    assert (last.bias.grad[others] != 0).all()
    other = dataclasses.replace(batch, targets=torch.zeros_like(targets))
    same = RelationLosses(stage, settings, weights, held_out=HELD_OUT)(other)["bce"]
    assert same.item() == pytest.approx(loss.item()), "what a held-out target says does not matter"
