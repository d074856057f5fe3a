# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""State of stage 2: what the training alone needs is saved to go on, not to deploy."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from tiny_relations import NUM_PREDICATES, made_up_batch

from psg_ros.network.config import ModelConfig
from psg_ros.network.dsflash import build_dsflash
from psg_ros.setting_files import config_from_dict
from psg_ros.training.checkpoint import load_weights
from psg_ros.training.config import RelationTraining
from psg_ros.training.distributed import Ranks
from psg_ros.training.relations import relation_run
from psg_ros.training.relations.relation_run import WEIGHTS, RelationRun

SETTINGS = RelationTraining(negatives_per_positive=1.0, precision="float32", node_weight=0.18)


def make_run(tiny_network, settings: RelationTraining, seed: int = 0) -> RelationRun:
    torch.manual_seed(seed)
    config = config_from_dict(ModelConfig, tiny_network, "test")
    model = build_dsflash(config, num_labels=4, num_predicates=NUM_PREDICATES)
    return RelationRun(model, settings, torch.ones(3), Ranks(device="cpu"))


def step(run: RelationRun, seed: int) -> None:
    batch = made_up_batch(run.settings, seed)
    run.step(replace(batch, labels=batch.overlap.argmax(dim=2)), 1e-2, ["a", "b"])


@pytest.mark.parametrize("weight", [0.0, 0.18])
def test_a_run_goes_on_as_if_it_had_not_stopped(tiny_network, tmp_path, weight):
    settings = replace(SETTINGS, node_weight=weight)
    whole = make_run(tiny_network, settings)
    step(whole, seed=0)
    whole.save(tmp_path)
    resumed = make_run(tiny_network, settings, seed=9)
    resumed.load(tmp_path)
    for run in (whole, resumed):
        step(run, seed=1)
    pairs = zip(whole.losses.named_parameters(), resumed.losses.named_parameters(), strict=True)
    for (name, expected), (_, found) in pairs:
        assert found.equal(expected), name
    means = whole.means.take(digits=5)
    assert means == resumed.means.take(digits=5)
    assert ("nodes" in means) == bool(weight)


@pytest.mark.parametrize("frozen", [True, False])
def test_the_kernel_of_attention_is_chosen_by_the_sequences_of_the_segmenter_if_it_learns(
    tiny_network, monkeypatch, frozen
):
    run = make_run(tiny_network, replace(SETTINGS, node_weight=0.0, frozen=frozen))
    lengths, seen = [], []

    def spy(device, precision, num_tokens):
        seen.append((device, precision, num_tokens))
        return nullcontext()

    monkeypatch.setattr(relation_run, "fast_attention", spy)
    block = run.model.segmenter.blocks[-1]
    block.register_forward_pre_hook(lambda _, inputs: lengths.append(inputs[0].shape[1]))
    batch = made_up_batch(run.settings)
    if not frozen:
        batch = replace(batch, features=torch.zeros(2, 3, 32, 48, dtype=torch.uint8))
    run.step(batch, 1e-2, ["a", "b"])
    assert seen == [("cpu", "float32", 0 if frozen else lengths[0])]
    assert bool(lengths) != frozen


def test_a_gradient_that_is_not_finite_leaves_the_weights_as_they_were(tiny_network):
    run = make_run(tiny_network, SETTINGS)
    before = [parameter.detach().clone() for parameter in run.losses.parameters()]
    run.model.relations.head.mlp[2].bias.register_hook(lambda gradient: gradient * float("nan"))
    with pytest.raises(FloatingPointError, match=r"not finite \(gradient nan\) at images a, b"):
        step(run, seed=0)
    assert all(map(torch.equal, run.losses.parameters(), before))


def test_a_state_of_another_network_is_refused(tiny_network, tmp_path):
    make_run(tiny_network, SETTINGS).save(tmp_path)
    wider = {**tiny_network, "relations": {**tiny_network["relations"], "head_hidden": 8}}
    with pytest.raises(ValueError, match=r"relations\.state is not a checkpoint of this network"):
        make_run(wider, SETTINGS).load(tmp_path)


def test_the_head_of_the_second_task_learns_but_is_thrown_away(tiny_network, tmp_path):
    run = make_run(tiny_network, SETTINGS)
    before = run.node_head.weight.detach().clone()
    step(run, seed=0)
    assert not run.node_head.weight.equal(before)
    run.save_weights(tmp_path)
    assert set(load_weights(tmp_path / WEIGHTS)) == set(run.model.relations.state_dict())
