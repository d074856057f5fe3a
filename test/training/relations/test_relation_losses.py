# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The losses of stage 2, in every variant."""

from dataclasses import replace

import pytest
import torch
from tiny_relations import NUM_PREDICATES, TRIPLETS, made_up, made_up_batch
from torch.nn import functional

from psg_ros.network.config import ModelConfig
from psg_ros.network.dsflash import RelationStage
from psg_ros.setting_files import config_from_dict
from psg_ros.training.attention_kernel import fast_attention
from psg_ros.training.config import RelationTraining
from psg_ros.training.relations.features import unpack
from psg_ros.training.relations.relation_losses import (
    RelationLosses,
    learns_directed_pairs,
    weighted_sum,
)

SETTINGS = RelationTraining(negatives_per_positive=1.0, precision="float32")
STEPS = 240
WEIGHTS = torch.tensor([2.0, 3.0, 0.5])
SWITCHES = [
    {},
    {"swap_training": False},
    {"consistency_target": "hidden"},
    {"reverse_unlabelled": "ignore"},
    {"split": "none"},
    {"split": "none", "both_orders": True},
    {"split": "two_linear"},
    {"prune": True},
]


def stage_of(tiny_network, **relations) -> RelationStage:
    changed = {**tiny_network, "relations": {**tiny_network["relations"], **relations}}
    torch.manual_seed(0)
    return RelationStage(config_from_dict(ModelConfig, changed, "test"), NUM_PREDICATES)


def variant(tiny_network, switch: dict) -> tuple[RelationStage, RelationTraining]:
    network = {key: switch[key] for key in switch if key in ("split", "prune")}
    training = {key: switch[key] for key in switch if key not in network}
    return stage_of(tiny_network, **network), replace(SETTINGS, **training)


def turned(batch):
    """The same pairs, given the other way round."""
    return replace(
        batch,
        overlap=batch.overlap.flip(1),
        boxes=batch.boxes.flip(1),
        targets=batch.targets.flip(1),
        learned=batch.learned.flip(1),
        totals=(batch.totals[1], batch.totals[0], batch.totals[2]),
    )


def batch_of(stage, settings, seed: int = 0):
    """A step's pairs as they are drawn for a network."""
    return made_up_batch(settings, seed, directed=learns_directed_pairs(stage, settings))


@pytest.mark.parametrize("switch", SWITCHES, ids=str)
def test_steps_teach_every_direction_of_every_pair(tiny_network, switch):
    stage, settings = variant(tiny_network, switch)
    losses = RelationLosses(stage, settings, torch.ones(3))
    optimizer = torch.optim.AdamW(stage.parameters(), lr=1e-2)
    first = 0.0
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = 1e-2 * min(1, 2 * (1 - step / STEPS))
        terms = losses(batch_of(stage, settings, seed=step))
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        first = terms["bce"].item() if step == 0 else first
    assert terms["bce"] < 0.2 * first
    if not switch.get("swap_training", True):
        return  # half as many lessons: not all is learned yet
    pairs = torch.tensor([[0, 1], [1, 2], [0, 3], [0, 2]])
    forward, backward = answers(stage, pairs)
    assert forward == [1, 1, 2, 0]
    if switch.get("reverse_unlabelled") != "ignore":
        assert backward == [0, 0, 0, 0]
    swapped_forward, swapped_backward = answers(stage, pairs.flip(1))
    assert (swapped_backward, swapped_forward) == (forward, backward)


def feature_maps(stage, packed: torch.Tensor) -> list[torch.Tensor]:
    return unpack(packed, stage.tap_embedding.shapes, "float32")


@torch.no_grad()
def answers(stage, pairs) -> list[list[int]]:
    sample = made_up(1)[1][0]
    cells = stage.tap_embedding(feature_maps(stage, sample.features[None]))
    overlap, boxes = sample.overlap[pairs], sample.boxes[pairs].flatten(1)
    return [
        logits.argmax(dim=1).tolist()
        for logits in stage(cells, overlap[:, 0], overlap[:, 1], boxes)
    ]


def test_the_made_up_truth_is_what_the_test_above_expects():
    assert TRIPLETS == [[0, 1, 0], [1, 2, 0], [2, 3, 0], [0, 3, 1]]


@pytest.mark.parametrize(
    "switch",
    [s for s in SWITCHES if s not in ({"swap_training": False}, {"split": "none"})],
    ids=str,
)
def test_losses_are_the_same_for_pairs_given_the_other_way_round(tiny_network, switch):
    stage, settings = variant(tiny_network, switch)
    losses, batch = RelationLosses(stage, settings, WEIGHTS), made_up_batch(settings)
    expected = losses(batch)
    assert all(value > 0 for value in expected.values())
    for name, value in losses(turned(batch)).items():
        torch.testing.assert_close(value, expected[name])
    mistaken = replace(turned(batch), targets=batch.targets)
    assert losses(mistaken)["bce"] != expected["bce"]


def test_without_swap_training_the_order_matters_and_nothing_is_compared(tiny_network):
    stage, settings = variant(tiny_network, {"swap_training": False})
    losses, batch = RelationLosses(stage, settings, WEIGHTS), made_up_batch(settings)
    terms = losses(batch)
    assert set(terms) == {"bce"}
    assert not torch.isclose(losses(turned(batch))["bce"], terms["bce"])


def test_directed_pairs_are_learned_in_their_direction_alone(tiny_network):
    """DSFormer: the other direction of a pair has no say unless it is drawn itself."""
    stage, settings = variant(tiny_network, {"split": "none"})
    losses, batch = RelationLosses(stage, settings, WEIGHTS), batch_of(stage, settings)
    cells = stage.tap_embedding(feature_maps(stage, batch.features))
    subject, other = batch.overlap.unbind(1)
    vectors = stage.pair_vectors(cells[batch.image], subject, other, batch.boxes.flatten(1))
    expected = functional.binary_cross_entropy_with_logits(
        stage.head.mlp(vectors), batch.targets[:, 0], pos_weight=WEIGHTS
    )
    terms = losses(batch)
    assert set(terms) == {"bce"}
    torch.testing.assert_close(terms["bce"], expected)
    reversed_truth = torch.stack((batch.targets[:, 0], 1 - batch.targets[:, 1]), dim=1)
    assert losses(replace(batch, targets=reversed_truth))["bce"] == terms["bce"]


def test_classification_is_the_sum_of_the_mean_of_both_directions(tiny_network):
    stage, settings = variant(tiny_network, {"swap_training": False})
    batch = made_up_batch(settings)
    cells = stage.tap_embedding(feature_maps(stage, batch.features))
    subject, other = batch.overlap.unbind(1)
    logits = stage(cells[batch.image], subject, other, batch.boxes.flatten(1))
    expected = sum(
        functional.binary_cross_entropy_with_logits(
            logits[way], batch.targets[:, way], pos_weight=WEIGHTS
        )
        for way in (0, 1)
    )
    found = RelationLosses(stage, settings, WEIGHTS)(batch)["bce"]
    torch.testing.assert_close(found, expected)


def test_ignored_directions_add_nothing(tiny_network):
    stage, settings = variant(tiny_network, {"reverse_unlabelled": "ignore"})
    losses, batch = RelationLosses(stage, settings, WEIGHTS), made_up_batch(settings)
    assert not batch.learned.all()
    other = batch.targets.clone()
    other[~batch.learned] = 1 - other[~batch.learned]
    before = losses(batch)["bce"]
    assert losses(replace(batch, targets=other))["bce"] == before
    learned = torch.ones_like(batch.learned)
    assert losses(replace(batch, targets=other, learned=learned))["bce"] != before


def test_what_is_compared_can_be_the_hidden_layer(tiny_network):
    values = []
    for target in ("gated", "hidden"):
        stage, settings = variant(tiny_network, {"consistency_target": target})
        losses, batch = RelationLosses(stage, settings, WEIGHTS), made_up_batch(settings)
        stage.zero_grad()
        terms = losses(batch)
        terms["consistency"].backward()
        trained = [stage.head.mlp[0].weight.grad is not None, stage.head.mlp[2].weight.grad is None]
        assert trained == [target == "hidden", True]
        values.append(terms["consistency"].item())
    assert values[0] != values[1]


def test_stopped_gradient_of_consistency_teaches_one_order_only(tiny_network):
    gradients = []
    for stop in (False, True):
        stage, settings = variant(tiny_network, {"consistency_stop_gradient": stop})
        losses, batch = RelationLosses(stage, settings, WEIGHTS), made_up_batch(settings)
        value = losses(batch)["consistency"]
        value.backward()
        other = losses(turned(batch))["consistency"]
        torch.testing.assert_close(other, value)
        one = [p.grad.clone() for p in stage.head.gate.parameters()]
        other.backward()
        gradients.append((one, [p.grad for p in stage.head.gate.parameters()]))
    (both, both_twice), (first, first_then_second) = gradients
    for whole, twice, half, halves in zip(both, both_twice, first, first_then_second, strict=True):
        torch.testing.assert_close(twice, 2 * whole)
        torch.testing.assert_close(halves, whole)
        assert not torch.allclose(half, whole, rtol=1e-3)


def labelled_batch(settings, seed: int = 0):
    """A batch in which every segment of an image has a label of its own."""
    batch = made_up_batch(settings, seed)
    return replace(batch, labels=batch.overlap.argmax(dim=2))


@pytest.mark.parametrize("switch", [{}, {"swap_training": False}, {"split": "none"}], ids=str)
def test_second_task_names_subject_and_object_of_every_order(tiny_network, switch):
    stage, settings = variant(tiny_network, switch)
    settings = replace(settings, node_weight=0.18)
    losses, batch = RelationLosses(stage, settings, WEIGHTS, num_labels=4), labelled_batch(settings)
    orders = 1 if switch else 2
    cells, expected = stage.tap_embedding(feature_maps(stage, batch.features)), 0.0
    for way in range(orders):
        overlap, boxes, labels = (
            facts.flip(1) if way else facts for facts in (batch.overlap, batch.boxes, batch.labels)
        )
        subject, other = overlap.unbind(1)
        vectors = stage.pair_vectors(cells[batch.image], subject, other, boxes.flatten(1))
        subject, other = losses.node_head(vectors).chunk(2, dim=1)
        expected += functional.cross_entropy(subject, labels[:, 0])
        expected += functional.cross_entropy(other, labels[:, 1])
    terms = losses(batch)
    torch.testing.assert_close(terms["nodes"], expected)
    plain = RelationLosses(stage, replace(settings, node_weight=0.0), WEIGHTS)
    assert plain.node_head is None
    relations = plain(batch)
    assert "nodes" not in relations
    for name, value in relations.items():
        torch.testing.assert_close(value, terms[name])


def test_second_task_is_learned_along_with_the_first(tiny_network):
    stage, settings = variant(tiny_network, {"node_weight": 0.18})
    losses = RelationLosses(stage, settings, torch.ones(3), num_labels=4)
    optimizer = torch.optim.AdamW(losses.parameters(), lr=5e-3)
    rows = []
    for step in range(120):
        terms = losses(labelled_batch(settings, seed=step))
        optimizer.zero_grad()
        weighted_sum(terms, settings).backward()
        optimizer.step()
        rows.append({name: value.item() for name, value in terms.items()})
    assert rows[-1]["nodes"] < 0.3 * rows[0]["nodes"]
    assert rows[-1]["bce"] < 0.5 * rows[0]["bce"]


def test_terms_are_weighed_by_their_settings():
    terms = {name: torch.tensor(x) for name, x in [("bce", 2.0), ("consistency", 3.0)]}
    assert weighted_sum(terms, replace(SETTINGS, consistency_weight=0.5)) == 3.5
    settings = replace(SETTINGS, node_weight=0.25)
    assert weighted_sum({**terms, "nodes": torch.tensor(4.0)}, settings) == 1.5 + 3 + 1


@pytest.mark.parametrize("weight", [-0.1, 1.0])
def test_impossible_shares_of_the_second_task_are_refused(weight):
    with pytest.raises(ValueError, match="node_weight must lie in"):
        replace(SETTINGS, node_weight=weight)


def test_pruned_training_equals_the_dense_neck_with_masked_cells(tiny_network):
    stage = stage_of(tiny_network, prune=True)
    losses, batch = RelationLosses(stage, SETTINGS, WEIGHTS), made_up_batch(SETTINGS)
    found = losses(batch)
    sum(found.values()).backward()
    gradients = [p.grad.clone() for p in stage.parameters()]
    stage.zero_grad()
    cells = stage.tap_embedding(feature_maps(stage, batch.features))
    dense = []
    for overlap, boxes in (
        (batch.overlap, batch.boxes),
        (batch.overlap.flip(1), batch.boxes.flip(1)),
    ):
        dense.append(
            stage.pair_vectors(cells[batch.image], overlap[:, 0], overlap[:, 1], boxes.flatten(1))
        )
    parts = (*stage.head.split(dense[0]), *stage.head.split(dense[1]))
    _, bce = losses.classification(parts, (0, 1, 1, 0), batch)
    torch.testing.assert_close(found["bce"], bce, atol=1e-5, rtol=1e-5)
    squares = (parts[0] - parts[3]) ** 2, (parts[1] - parts[2]) ** 2
    consistency = squares[0].mean() + squares[1].mean()
    torch.testing.assert_close(found["consistency"], consistency, atol=1e-5, rtol=1e-5)
    (bce + consistency).backward()
    for gradient, parameter in zip(gradients, stage.parameters(), strict=True):
        torch.testing.assert_close(gradient, parameter.grad, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("prune", [False, True])
def test_a_process_without_pairs_has_losses_and_gradients_of_zero(tiny_network, prune):
    stage = stage_of(tiny_network, prune=prune)
    batch, none = made_up_batch(SETTINGS), slice(0, 0)
    empty = replace(
        batch,
        **{
            name: getattr(batch, name)[none]
            for name in ("image", "overlap", "boxes", "targets", "learned", "labels")
        },
    )
    losses = RelationLosses(stage, replace(SETTINGS, node_weight=0.18), WEIGHTS, num_labels=4)
    terms = losses(empty)
    assert {name: value.item() for name, value in terms.items()} == {
        "bce": 0, "consistency": 0, "nodes": 0,
    }  # fmt: skip
    sum(terms.values()).backward()
    for name, parameter in losses.named_parameters():
        assert parameter.grad is not None and not parameter.grad.any(), name


def test_the_fast_attention_of_cpus_gives_the_same_losses_and_gradients(tiny_network):
    results = []
    for precision in ("float32", "bfloat16"):  # the kernel for either, on the same arithmetic
        stage = stage_of(tiny_network)
        with fast_attention("cpu", precision), torch.autocast("cpu", torch.bfloat16):
            terms = RelationLosses(stage, replace(SETTINGS, precision="bfloat16"), WEIGHTS)(
                made_up_batch(SETTINGS)
            )
            sum(terms.values()).backward()
        gradient = torch.cat([p.grad.flatten() for p in stage.parameters()])
        results.append((terms["bce"], gradient))
    (bce, gradient), (fast_bce, fast_gradient) = results
    torch.testing.assert_close(bce, fast_bce, rtol=5e-3, atol=0)
    assert functional.cosine_similarity(gradient, fast_gradient, dim=0) > 0.999
    assert not torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed(), "put back"
