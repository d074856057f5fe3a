# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Network and losses as one module: a batch may be divided without a difference."""

from dataclasses import asdict, replace

import pytest
import torch

from psg_ros.network.segmenters.eomt import Eomt
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.training.config import Phase, SegmentationTraining
from psg_ros.training.losses import (
    SegmentTargets,
    Totals,
    count_totals,
    semantic_loss,
    set_loss,
)
from psg_ros.training.segmenter.segmentation_losses import (
    SegmentationLosses,
    sample_generators,
)

NETWORK = EomtConfig(
    input_hw=(32, 32), dim=16, depth=3, num_heads=2, num_queries=4, num_query_blocks=2, taps=(2,)
)
SETTINGS = SegmentationTraining(
    precision="float32", phases=(Phase((32, 32), 100),), gate_until=1.0, batch_size=4
)
EARLY = 25
"""Samples seen: then the first query block masks about every second query, the other all."""


def batch(count: int = 4, size: int = 8) -> tuple[torch.Tensor, list[SegmentTargets]]:
    """Pictures with one segment more each; the last one has none."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 255, (count, 3, 32, 32), generator=generator, dtype=torch.uint8)
    targets = []
    for index in range(count):
        number = (index + 1) % count
        place = torch.randint(0, max(number, 1), (size, size), generator=generator)
        masks = (place[None] == torch.arange(number)[:, None, None]).float()
        semantic = place % 3 if number else torch.full((size, size), -1)
        targets.append(SegmentTargets(torch.arange(number) % 3, masks, semantic))
    return images, targets


def made(settings: SegmentationTraining) -> SegmentationLosses:
    torch.manual_seed(0)
    return SegmentationLosses(Eomt(NETWORK, num_labels=3), settings)


def gradients(settings: SegmentationTraining, parts: list[slice]) -> tuple[dict, list]:
    """Sums of loss terms and gradients over the parts of one batch."""
    module, (images, targets) = made(settings), batch()
    totals, terms = count_totals(targets, 4, settings), {}
    generators = sample_generators(1, 0, len(images), "cpu")
    for part in parts:
        losses = module(images[part], targets[part], EARLY, totals, generators[part])
        sum(losses.values()).backward()
        for name, value in losses.items():
            terms[name] = terms.get(name, 0) + value.detach()
    return terms, [parameter.grad for parameter in module.parameters()]


@pytest.mark.parametrize("points", [0, 32])
@pytest.mark.parametrize("parts", [[slice(0, 2), slice(2, 4)], [slice(0, 1), slice(1, 4)]])
def test_parts_of_a_batch_give_the_losses_and_gradients_of_the_whole(points, parts):
    settings = replace(SETTINGS, points=points)
    terms, grads = gradients(settings, parts)
    whole_terms, whole_grads = gradients(settings, [slice(None)])
    assert terms.keys() == whole_terms.keys() == {"class", "mask", "dice", "semantic"}
    for name, value in terms.items():
        torch.testing.assert_close(value, whole_terms[name])
    for grad, whole in zip(grads, whole_grads, strict=True):
        torch.testing.assert_close(grad, whole, atol=1e-5, rtol=1e-4)


def test_totals_of_parts_add_up_to_those_of_the_whole():
    _, targets = batch()
    parts = [asdict(count_totals(part, 4, SETTINGS)) for part in (targets[:1], targets[1:])]
    whole = asdict(count_totals(targets, 4, SETTINGS))
    assert {name: sum(part[name] for part in parts) for name in whole} == pytest.approx(whole)
    assert whole["matches"] == 6 and whole["cells"] == 3 * 64
    assert whole["class_weight"] == pytest.approx(6 + 0.1 * 10)


def test_more_segments_than_queries_count_as_queries():
    _, targets = batch()
    assert count_totals(targets[2:3], 2, SETTINGS) == Totals(2, 2.0, 64)


def test_every_parameter_learns_also_from_pictures_without_segments():
    """DistributedDataParallel waits for every gradient, on every rank, in every step."""
    for settings in (SETTINGS, replace(SETTINGS, points=32, semantic_weight=0.0)):
        module, (images, targets) = made(settings), batch()
        empty = targets[3:]
        totals = count_totals(empty, 4, settings)
        losses = module(images[3:], empty, EARLY, totals, sample_generators(1, 0, 1, "cpu"))
        sum(losses.values()).backward()
        assert all(parameter.grad is not None for parameter in module.parameters())
        assert all(torch.isfinite(value) for value in losses.values())


def test_without_semantic_weight_there_is_no_semantic_head():
    module = made(replace(SETTINGS, semantic_weight=0.0))
    assert module.semantic_head is None
    images, targets = batch()
    totals = count_totals(targets, 4, SETTINGS)
    losses = module(images, targets, EARLY, totals, sample_generators(1, 0, 4, "cpu"))
    assert set(losses) == {"class", "mask", "dice"}


def masks_of_all_predictions(settings: SegmentationTraining, monkeypatch) -> list[tuple]:
    sizes, module = [], made(settings)
    real = module.model.forward_deep

    def recorded(*args):
        predictions = real(*args)
        sizes.extend((tuple(p[1].shape[2:]), p[1].dtype) for p in predictions)
        return predictions

    monkeypatch.setattr(module.model, "forward_deep", recorded)
    images, targets = batch()
    generators = sample_generators(1, 0, 4, "cpu")
    module(images, targets, 0, count_totals(targets, 4, settings), generators)
    return sizes


@pytest.mark.parametrize(("upscale_all", "side"), [(False, (2, 2)), (True, (8, 8))])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_resolution_and_precision_are_settings(monkeypatch, upscale_all, side, precision):
    settings = replace(SETTINGS, upscale_all=upscale_all, precision=precision)
    dtype = getattr(torch, precision)
    found = masks_of_all_predictions(settings, monkeypatch)
    assert found == [(side, dtype), (side, dtype), ((8, 8), dtype)]


def test_random_numbers_belong_to_the_sample():
    def drawn(seed: int, first: int, count: int) -> list[torch.Tensor]:
        generators = sample_generators(seed, first, count, "cpu")
        return [torch.rand(3, generator=generator) for generator in generators]

    first, second = drawn(1, 0, 4), drawn(1, 2, 4)
    assert first[2].equal(second[0]) and first[3].equal(second[1])
    assert len({tuple(draw.tolist()) for draw in first}) == 4
    assert not drawn(2, 0, 1)[0].equal(first[0]) and not drawn(2, 0, 1)[0].equal(first[1])


def test_gates_are_drawn_from_the_samples_own_numbers():
    module, (images, targets) = made(SETTINGS), batch()
    totals = count_totals(targets, 4, SETTINGS)

    def loss(first: int) -> float:
        generators = sample_generators(1, first, 4, "cpu")
        return module(images, targets, EARLY, totals, generators)["mask"].item()

    assert loss(0) == loss(0) != loss(100)


def test_the_terms_are_means_over_all_predictions_and_the_weighted_semantic_loss():
    settings = replace(SETTINGS, semantic_weight=0.5)
    module, (images, targets) = made(settings), batch()
    totals, ready = count_totals(targets, 4, settings), 100  # no gate is left: nothing is drawn
    found = module(images, targets, ready, totals, sample_generators(1, 0, 4, "cpu"))
    predictions = module.model.forward_deep(images.float(), [0.0, 0.0])
    each = [
        set_loss(classes, masks, targets, settings, totals) for classes, masks, *_ in predictions
    ]
    for name in ("class", "mask", "dice"):
        mean = torch.stack([terms[name] for terms in each]).mean()
        torch.testing.assert_close(found[name], mean)
    cells = module.semantic_head(predictions[-1][2])
    torch.testing.assert_close(found["semantic"], 0.5 * semantic_loss(cells, targets, totals))
