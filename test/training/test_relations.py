# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 2 as a whole: weights, schedule, and that it learns what is there to be learned."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from psg_ros.config import load_config
from psg_ros.data.psg import load_psg
from psg_ros.training import relations, train
from psg_ros.training.checkpoint import load_weights
from psg_ros.training.config import RelationTraining, TrainConfig
from psg_ros.training.history import History
from psg_ros.training.relation_samples import RelationSample, pair_batch
from psg_ros.training.relations import (
    learning_rate,
    positive_weights,
    relation_losses,
    train_step,
)

NUM_PREDICATES = 2
SETTINGS = RelationTraining(
    epochs=10, learning_rate=1e-2, warmup_epochs=2.0, negatives_per_positive=1.0
)


@pytest.fixture
def model(write_config):
    torch.manual_seed(0)
    config = load_config(TrainConfig, write_config())
    return train.build_model(config, train.vocabulary_of(config))


def made_up_samples(count: int = 2) -> list[RelationSample]:
    """Four boxes in a row; each is «beside» (0) its right neighbour, the first is «on» the last."""
    generator = torch.Generator().manual_seed(0)
    boxes = torch.tensor([[-1, 0, -0.6, 1], [-0.5, 0, -0.1, 1], [0, 0, 0.4, 1], [0.5, 0, 0.9, 1]])
    overlap = torch.zeros(4, 6)
    overlap[range(4), range(4)] = 1
    triplets = torch.tensor([[0, 1, 0], [1, 2, 0], [2, 3, 0], [0, 3, 1]])
    return [
        RelationSample(
            torch.randn(2, 6, 16, generator=generator).bfloat16(), overlap, boxes, triplets
        )
        for _ in range(count)
    ]


def test_rare_predicates_weigh_more_up_to_the_limit():
    triplets = [[[0, 1, 0], [1, 2, 0]], [[0, 1, 0], [0, 1, 2]], [[0, 2, 0]], [[1, 0, 2]]]
    samples = [RelationSample(None, None, None, torch.tensor(of_image)) for of_image in triplets]
    settings = RelationTraining(negatives_per_positive=0.2, positive_weight_limit=3.5)
    # 0 is in three images of four, 1 in none, 2 in two; column 0 weighs 1 / 0.2.
    weights = positive_weights(samples, 3, settings)
    assert weights.tolist() == pytest.approx([5, 1 / 3, 3.5, 1])
    everywhere = positive_weights(samples[:3], 3, settings)
    assert everywhere[1] == pytest.approx(1 / 3.5), "present everywhere: 0, clamped"


def test_learning_rate_warms_up_then_falls_to_zero():
    peak = SETTINGS.learning_rate
    assert 0 < learning_rate(SETTINGS, 0.0) < 0.01 * peak
    expected = 0.5 * 0.5 * (1 + math.cos(0.1 * math.pi))
    assert learning_rate(SETTINGS, 1.0) == pytest.approx(peak * expected, rel=1e-2)
    assert learning_rate(SETTINGS, 5.0) == pytest.approx(peak / 2)
    assert learning_rate(SETTINGS, 10.0) == pytest.approx(0, abs=1e-12)
    rates = [learning_rate(SETTINGS, epoch / 4) for epoch in range(41)]
    assert rates.index(max(rates)) == 8
    assert rates[8:] == sorted(rates[8:], reverse=True)
    without = replace(SETTINGS, warmup_epochs=0.0)
    assert learning_rate(without, 0.0) == peak


def steps(model, count: int) -> list[dict[str, float]]:
    samples, rng = made_up_samples(), np.random.default_rng(0)
    stage = model.relations.train()
    optimizer = torch.optim.AdamW(stage.parameters(), lr=1.0)
    weights = torch.ones(1 + NUM_PREDICATES)
    return [
        train_step(
            stage, optimizer, pair_batch(samples, NUM_PREDICATES, SETTINGS, rng), weights,
            SETTINGS.learning_rate, SETTINGS,
        )
        for _ in range(count)
    ]  # fmt: skip


def test_steps_teach_both_directions_and_both_orders(model):
    losses = steps(model, 160)
    assert losses[-1]["bce"] < 0.1 * losses[0]["bce"]
    sample = made_up_samples(1)[0]
    pairs = torch.tensor([[0, 1], [1, 2], [0, 3], [0, 2]])
    stage = model.relations.eval()
    with torch.no_grad():
        cells = stage.tap_embedding([tap.float()[None] for tap in sample.taps])
        answers = []
        for ordered in (pairs, pairs.flip(1)):
            overlap, boxes = sample.overlap[ordered], sample.boxes[ordered].flatten(1)
            answers += stage(cells, overlap[:, 0], overlap[:, 1], boxes)
    annotated, nothing = [1, 1, 2, 0], [0, 0, 0, 0]
    columns = [logits.argmax(dim=1).tolist() for logits in answers]
    assert columns == [annotated, nothing, nothing, annotated]


def test_losses_are_the_same_for_pairs_given_the_other_way_round(model):
    rng, weights = np.random.default_rng(0), torch.tensor([2.0, 3.0, 0.5])
    batch = pair_batch(made_up_samples(), NUM_PREDICATES, SETTINGS, rng)
    turned = replace(
        batch,
        overlap=batch.overlap.flip(1),
        boxes=batch.boxes.flip(1),
        forward_targets=batch.backward_targets,
        backward_targets=batch.forward_targets,
    )
    stage = model.relations
    cells = stage.tap_embedding([tap.float() for tap in batch.taps])[batch.image_index]
    losses = relation_losses(stage, cells, batch, weights)
    assert losses["bce"] > 0 and losses["consistency"] > 0
    for name, value in relation_losses(stage, cells, turned, weights).items():
        torch.testing.assert_close(value, losses[name])
    mistaken = replace(turned, forward_targets=batch.forward_targets)
    assert relation_losses(stage, cells, mistaken, weights)["bce"] != losses["bce"]


def test_a_loss_that_is_not_finite_stops_the_run(model):
    with torch.no_grad():
        model.relations.neck.class_embedding[0] = float("nan")
    with pytest.raises(FloatingPointError, match="relation loss is nan"):
        steps(model, 1)


def train_relations(model, config_path: Path) -> Path:
    config = load_config(TrainConfig, config_path)
    dataset = load_psg(Path(config.data), train.vocabulary_of(config), "train")
    relations.train_relations(model, dataset, config, device="cpu")
    return Path(config.out)


def test_a_run_leaves_weights_and_curves_and_the_segmenter_as_it_was(model, write_config):
    before = {name: value.clone() for name, value in model.segmenter.state_dict().items()}
    config = write_config(relations={"learning_rate": 1e-3})
    folder = train_relations(model, config)
    for name, value in model.segmenter.state_dict().items():
        assert value.equal(before[name]), name
    weights = load_weights(folder / relations.WEIGHTS)
    for name, value in model.relations.state_dict().items():
        assert value.equal(weights[name]), name
    assert (folder / "relations.png").is_file()
    train_relations(model, config)
    rows = History(folder / "relations.jsonl").rows()
    assert [row["epoch"] for row in rows] == [1, 2], "another run starts another record"
    assert all(math.isfinite(row["bce"]) for row in rows)


def test_a_set_without_relations_is_refused(model, write_config, monkeypatch):
    monkeypatch.setattr(relations, "collect_samples", lambda *args: [])
    with pytest.raises(ValueError, match="no image of .* has a relation between two segments"):
        train_relations(model, write_config())
