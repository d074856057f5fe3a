# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 2 learns from the numbers that the deployed stage computes, on the pairs it should see."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_psg import write_tiny_psg

from psg_ros.config import load_config
from psg_ros.data.psg import load_psg, read_rgb
from psg_ros.ops.image import place, resize_nearest, write_content
from psg_ros.ops.panoptic import MergedMasks
from psg_ros.ops.regions import measure_regions
from psg_ros.stages.relations import Relations
from psg_ros.training import relation_samples, train
from psg_ros.training.config import RelationTraining, TrainConfig
from psg_ros.training.relation_samples import (
    RelationSample,
    collect_samples,
    draw_pairs,
    network_input,
    pair_batch,
)


def sample(num_segments: int, triplets: list, mark: float = 0.0) -> RelationSample:
    """Numbers that tell where they came from: `mark` is the image, the hundreds the segment."""
    segments = torch.arange(num_segments).float()[:, None] * 100 + mark
    return RelationSample(
        taps=torch.full((2, 6, 4), mark, dtype=torch.bfloat16),
        overlap=segments.expand(-1, 6),
        boxes=segments.expand(-1, 4),
        triplets=torch.tensor(triplets).reshape(-1, 3),
    )


BUSY = sample(6, [[0, 1, 0], [1, 0, 2], [4, 2, 1], [0, 1, 1], [5, 3, 0]], mark=1)
"""Three annotated pairs of fifteen, one of them in both directions."""


@pytest.mark.parametrize(("ratio", "negatives"), [(0.2, 1), (1.0, 3), (2.4, 7), (9.0, 12)])
def test_all_annotated_pairs_are_drawn_with_the_wanted_number_of_others(ratio, negatives):
    annotated = {(0, 1), (2, 4), (3, 5)}
    for seed in range(5):
        pairs = draw_pairs(BUSY, ratio, np.random.default_rng(seed)).tolist()
        drawn = {tuple(pair) for pair in pairs}
        assert len(drawn) == len(pairs), "no pair twice"
        assert all(first < second for first, second in drawn)
        assert annotated <= drawn and len(drawn) == 3 + negatives


def test_every_other_pair_has_its_turn():
    rng, seen = np.random.default_rng(0), set()
    for _ in range(100):
        seen |= {tuple(pair) for pair in draw_pairs(BUSY, 1.0, rng).tolist()}
    assert len(seen) == 15


def test_an_image_may_have_no_pair_left_to_draw():
    pairs = draw_pairs(sample(2, [[1, 0, 0]]), 1.0, np.random.default_rng(0))
    assert pairs.tolist() == [[0, 1]]


def test_a_batch_keeps_images_and_pairs_together():
    samples = [BUSY, sample(3, [[2, 1, 1]], mark=2)]
    settings = RelationTraining(negatives_per_positive=1.0)
    batch = pair_batch(samples, 3, settings, np.random.default_rng(0))
    assert [tuple(tap.shape) for tap in batch.taps] == [(2, 6, 4)] * 2
    assert batch.taps[0][:, 0, 0].tolist() == [1, 2]
    assert batch.image_index.tolist() == [0] * 6 + [1] * 2
    assert batch.overlap.shape == (8, 2, 6) and batch.boxes.shape == (8, 2, 4)
    marks = batch.overlap[:, :, 0] % 100
    assert marks.tolist() == [[1, 1]] * 6 + [[2, 2]] * 2
    assert batch.overlap[:3, :, 0].tolist() == [[1, 101], [201, 401], [301, 501]]
    assert batch.forward_targets[:3].tolist() == [[0, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0]]
    assert batch.backward_targets[:3].tolist() == [[0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0]]
    assert batch.forward_targets[6].tolist() == [1, 0, 0, 0], "segment 1 -> 2 of the second image"
    assert batch.backward_targets[6].tolist() == [0, 0, 1, 0]


@pytest.fixture(params=[(48, 72), (50, 40), (20, 30)])
def model_and_set(request, write_config, tmp_path):
    """Images that shrink, that leave padding at the right, and that grow."""
    config = load_config(TrainConfig, write_config())
    vocabulary = train.vocabulary_of(config)
    torch.manual_seed(0)
    model = train.build_model(config, vocabulary).eval()
    folder = write_tiny_psg(tmp_path / "set", num_images=4, image_hw=request.param)
    return model, load_psg(folder, vocabulary, "train")


def test_overlaps_and_boxes_equal_those_of_the_deployed_stage(model_and_set):
    model, dataset = model_and_set
    stage = model.relations
    logits = SimpleNamespace(name="forward_logits", shape=(-1, 3))
    manifest = SimpleNamespace(
        grid_hw=stage.grid_hw,
        cell_px=stage.cell_px,
        relations=SimpleNamespace(inputs=(), outputs=(logits,)),
    )
    deployed = Relations(None, manifest)
    samples = collect_samples(model, dataset, "cpu")
    assert len(samples) == 3
    for found, item in zip(samples, dataset, strict=True):
        segmentation = item.segmentation
        placement = place(segmentation.image_hw, model.config.segmenter.input_hw)
        content = resize_nearest(
            segmentation.label_map, placement.content_hw, segmentation.image_hw
        )
        regions = measure_regions(segmentation.label_map, segmentation.num_segments)
        inputs = deployed.prepare(MergedMasks(segmentation, content, 1), regions, placement)
        first, second = inputs.pairs.T
        np.testing.assert_array_equal(found.overlap[first], inputs.subject_overlap)
        np.testing.assert_array_equal(found.overlap[second], inputs.object_overlap)
        np.testing.assert_array_equal(found.boxes[first], inputs.boxes[:, :4])
        np.testing.assert_array_equal(found.boxes[second], inputs.boxes[:, 4:])
        assert found.overlap.sum() > 1 and found.overlap.sum(dim=0).max() <= 1 + 1e-6
        assert found.triplets.tolist() == [[1, 2, 0], [1, 0, 1]]


def test_taps_are_those_of_the_segmenter_in_batches_too(model_and_set, monkeypatch):
    model, dataset = model_and_set
    monkeypatch.setattr(relation_samples, "FEATURE_BATCH", 2)
    samples = collect_samples(model.train(), dataset, "cpu")
    assert len(samples) == 3
    for found, item in zip(samples, dataset, strict=True):
        image = torch.from_numpy(network_input(item, model.config))
        image = image.permute(2, 0, 1)[None].float()
        with torch.no_grad():
            _, _, taps = model.segmenter.eval()(image)
        expected = torch.cat(taps)
        assert found.taps.dtype == torch.bfloat16 and found.taps.shape == expected.shape
        error = (found.taps.float() - expected).abs().mean() / expected.abs().mean()
        assert error < 0.02, "bfloat16 keeps three digits"


def test_network_input_holds_the_picture_in_its_corner(model_and_set):
    model, dataset = model_and_set
    item, input_hw = dataset[0], model.config.segmenter.input_hw
    padded = network_input(item, model.config)
    height, width = place(item.segmentation.image_hw, input_hw).content_hw
    assert padded.shape == (*input_hw, 3) and padded.dtype == np.uint8
    assert not padded[height:].any() and not padded[:, width:].any()
    mean = read_rgb(item.image_path).mean(axis=(0, 1))
    np.testing.assert_allclose(padded[:height, :width].mean(axis=(0, 1)), mean, atol=3)


def test_images_without_a_relation_between_two_segments_are_left_out(model_and_set):
    model, dataset = model_and_set
    entries = dataset._entries
    entries[0]["relations"], entries[2]["relations"] = [], [[1, 1, 0]]
    entries[1]["relations"].append([2, 2, 1])
    (only,) = collect_samples(model, dataset, "cpu")
    assert only.triplets.tolist() == [[1, 2, 0], [1, 0, 1]], "self relations are dropped"


def test_a_limit_takes_images_from_all_over_the_set(model_and_set):
    model, dataset = model_and_set
    everything = collect_samples(model, dataset, "cpu")
    two = collect_samples(model, dataset, "cpu", max_images=2)
    assert [s.overlap.equal(t.overlap) for s, t in zip(two, everything[:2], strict=True)] == [
        True
    ] * 2
    assert len(collect_samples(model, dataset, "cpu", max_images=99)) == 3


def test_pictures_are_scaled_as_the_model_says(model_and_set, monkeypatch):
    model, _ = model_and_set
    noise = np.random.default_rng(0).integers(0, 256, (97, 143, 3), np.uint8)
    monkeypatch.setattr(relation_samples, "read_rgb", lambda path: noise)
    item = SimpleNamespace(image_path=None, segmentation=SimpleNamespace(image_hw=(97, 143)))
    seen = []
    for scaling in ("area", "eomt"):
        config = dataclasses.replace(model.config, scaling=scaling)
        height, width = place((97, 143), config.segmenter.input_hw, scaling).content_hw
        expected = np.zeros((height, width, 3), np.uint8)
        write_content(noise, expected, scaling)
        seen.append(network_input(item, config))
        np.testing.assert_array_equal(seen[-1][:height, :width], expected)
    assert not np.array_equal(*seen), "the two ways must differ for this test to say something"
