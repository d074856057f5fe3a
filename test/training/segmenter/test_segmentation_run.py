# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One step of stage 1: schedules, averages, refusals."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
import yaml
from tiny_networks import every_segmenter

from psg_ros.setting_files import load_config
from psg_ros.training import train
from psg_ros.training.config import TrainConfig
from psg_ros.training.distributed import Ranks
from psg_ros.training.losses import SegmentTargets
from psg_ros.training.segmenter import segmentation_run
from psg_ros.training.segmenter.segmentation_run import SegmentationRun


@pytest.fixture
def run(write_config) -> SegmentationRun:
    torch.manual_seed(0)
    config = load_config(TrainConfig, write_config())
    return SegmentationRun(build(config), config, Ranks())


def build(config: TrainConfig):
    return train.build_model(config, train.vocabulary_of(config)).segmenter.train()


HEIGHT, WIDTH = 64, 96


def batch(seed: int = 0):
    """Two pictures whose left half is segment 0 and right half segment 1."""
    images = torch.zeros(2, 3, HEIGHT, WIDTH, dtype=torch.uint8)
    images[:, 0, :, : WIDTH // 2], images[:, 2, :, WIDTH // 2 :] = 200, 200
    noise = torch.randint(0, 40, images.shape, generator=torch.Generator().manual_seed(seed))
    masks = torch.zeros(2, HEIGHT // 4, WIDTH // 4)
    masks[0, :, : WIDTH // 8], masks[1, :, WIDTH // 8 :] = 1, 1
    semantic = masks[1].long()
    target = SegmentTargets(torch.tensor([0, 1]), masks, semantic)
    return images + noise.byte(), [target, target]


def test_average_follows_the_weights_fast_at_first_and_slowly_later(run):
    name = "class_head.bias"
    for seen, decay in ((0, 1 / 10), (16, 9 / 18), (10**6, 0.999)):
        run.samples_seen = seen  # batches of 2
        before = run.average[name].clone()
        with torch.no_grad():
            run.model.class_head.bias += 1
        run.update_average()
        expected = decay * before + (1 - decay) * run.model.class_head.bias
        torch.testing.assert_close(run.average[name], expected)


def test_the_kernel_of_attention_is_chosen_by_the_longest_sequence(run, monkeypatch):
    seen = []

    def spy(device, precision, num_tokens):
        seen.append((device, precision, num_tokens))
        return nullcontext()

    monkeypatch.setattr(segmentation_run, "fast_attention", spy)
    lengths = []
    block = run.model.blocks[-1]
    block.register_forward_pre_hook(lambda _, inputs: lengths.append(inputs[0].shape[1]))
    run.step(*batch())
    assert seen == [("cpu", "bfloat16", lengths[0])]


def test_either_kernel_of_attention_learns_the_same(write_config, monkeypatch):
    results = []
    for kernel in (segmentation_run.fast_attention, lambda *_: nullcontext()):
        monkeypatch.setattr(segmentation_run, "fast_attention", kernel)
        torch.manual_seed(0)
        config = load_config(TrainConfig, write_config())
        run = SegmentationRun(build(config), config, Ranks())
        terms = run.step(*batch())
        results.append(torch.tensor(list(terms.values())))
    torch.testing.assert_close(*results, rtol=2e-2, atol=0)


def test_average_counts_what_is_counted(run):
    counter = "stem.1.num_batches_tracked"
    run.step(*batch())
    run.step(*batch())
    assert run.average[counter] == run.model.state_dict()[counter] == 2


def test_a_gradient_that_is_not_finite_leaves_the_weights_as_they_were(run):
    before = [parameter.detach().clone() for parameter in run.losses.parameters()]
    run.model.queries.register_hook(lambda gradient: gradient * float("nan"))
    with pytest.raises(FloatingPointError, match="gradient is nan after 0 samples"):
        run.step(*batch())
    assert all(map(torch.equal, run.losses.parameters(), before))
    assert run.samples_seen == 0


@every_segmenter
def test_steps_reduce_the_loss(run):
    run.settings = replace(run.settings, learning_rate=3e-3)
    # As if in the middle of a long run: full learning rate, all the time.
    losses = []
    for _ in range(40):
        run.samples_seen = 4
        losses.append(run.step(*batch()))
    assert set(losses[0]) == {"class", "mask", "dice", "semantic"}
    first, last = (sum(losses[i].values()) for i in (0, -1))
    assert last < 0.5 * first


def test_a_step_reports_the_weighted_terms(run, monkeypatch):
    terms = {"class": torch.tensor(2.0, requires_grad=True), "mask": torch.tensor(0.5)}
    monkeypatch.setattr(run.losses, "forward", lambda *args: dict(terms))
    assert run.step(*batch()) == {"class": 2.0, "mask": 0.5}
    assert run.samples_seen == 2


def test_a_loss_that_is_not_finite_stops_the_run_before_it_spoils_the_weights(run, monkeypatch):
    run.samples_seen = 6
    weights = run.model.class_head.weight.clone()
    spoiled = {"mask": run.model.class_head.weight.sum() * float("nan")}
    monkeypatch.setattr(run.losses, "forward", lambda *args: spoiled)
    with pytest.raises(FloatingPointError, match="loss is nan after 6 samples"):
        run.step(*batch())
    assert run.model.class_head.weight.equal(weights)


def test_weights_that_are_not_finite_are_noticed(run):
    with torch.no_grad():
        run.model.queries[0, 0] = float("nan")
    with pytest.raises(FloatingPointError, match="not finite"):
        run.step(*batch())


@every_segmenter
def test_equal_runs_are_equal_to_the_last_bit(write_config):
    config = load_config(TrainConfig, write_config())
    runs, losses = [], []
    for _ in range(2):
        torch.manual_seed(config.seed)
        runs.append(SegmentationRun(build(config), config, Ranks()))
        losses.append([runs[-1].step(*batch(i)) for i in range(3)])
    assert losses[0] == losses[1]
    for name, value in runs[0].average.items():
        assert value.equal(runs[1].average[name]), name


@every_segmenter
def test_a_loaded_run_goes_on_as_if_it_had_never_stopped(write_config, tmp_path):
    config = load_config(TrainConfig, write_config())
    run = SegmentationRun(build(config), config, Ranks())
    for i in range(2):
        run.step(*batch(i))
    run.save(tmp_path)
    torch.rand(5)  # a new process has another random state
    other = SegmentationRun(build(config), config, Ranks())
    other.load(tmp_path)
    assert other.samples_seen == 4
    for i in range(2, 5):
        assert run.step(*batch(i)) == other.step(*batch(i))
    for name, value in run.model.state_dict().items():
        assert value.equal(other.model.state_dict()[name]), name
        assert run.average[name].equal(other.average[name]), name
    assert run.losses.semantic_head.weight.equal(other.losses.semantic_head.weight)


def test_a_pretrained_stem_stays_as_it_is_until_its_time(write_config, tiny_share, tiny_network):
    sizes = tiny_network["segmenter"] | {"stem": "efficientnet_lite0"}
    path = tiny_share / "config" / "model" / "pretrained.yaml"
    path.write_text(yaml.safe_dump(tiny_network | {"segmenter": sizes}))
    config = write_config(model="pretrained", segmentation={"stem_frozen_samples": 4})
    config = load_config(TrainConfig, config)
    run = SegmentationRun(build(config), config, Ranks())
    before = {name: value.clone() for name, value in run.model.state_dict().items()}

    def changed() -> set[str]:
        after = run.model.state_dict()
        return {name for name, value in before.items() if not value.equal(after[name])}

    for _ in range(2):
        run.step(*batch())
        assert not any(name.startswith("stem.network.") for name in changed())
        assert {"stem.projection.weight", "class_head.weight"} <= changed()
    run.step(*batch())
    assert "stem.network.first.0.weight" in changed()
    assert not any("running" in name for name in changed())
