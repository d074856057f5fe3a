# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 2 learns from the numbers that the deployed stage computes."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_psg import write_tiny_psg

from psg_ros.data.dataset import read_picture
from psg_ros.data.opening import open_dataset
from psg_ros.robot.forms.relations import RelationNetwork
from psg_ros.robot.ops.image import place, resize_nearest, write_content
from psg_ros.robot.ops.pairs import choose_pairs
from psg_ros.robot.ops.panoptic import MergedMasks
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.setting_files import load_config
from psg_ros.training import train
from psg_ros.training.config import TrainConfig
from psg_ros.training.relations.relation_pictures import (
    PictureSet,
    SampleFormat,
    merged_truth,
    network_input,
    read_numbered,
)
from psg_ros.training.relations.relation_samples import sample_format


@pytest.fixture(params=[(48, 72), (50, 40), (20, 30)])
def model_and_set(request, write_config, tmp_path):
    """Images that shrink, that leave padding at the right, and that grow."""
    config = load_config(TrainConfig, write_config())
    vocabulary = train.vocabulary_of(config)
    torch.manual_seed(0)
    model = train.build_model(config, vocabulary).eval()
    folder = write_tiny_psg(tmp_path / "set", num_images=4, image_hw=request.param)
    return model, open_dataset(folder, vocabulary, "train")


def pictures_of(model, dataset, augmentation="none", mask_resolution="full") -> PictureSet:
    chosen = np.arange(len(dataset))
    return PictureSet(dataset, chosen, sample_format(model, mask_resolution), augmentation)


@pytest.mark.parametrize("mask_resolution", ["full", "raw"])
def test_overlaps_and_boxes_equal_those_of_the_deployed_stage(model_and_set, mask_resolution):
    model, dataset = model_and_set
    stage = model.relations
    logits = SimpleNamespace(name="forward_logits", shape=(-1, 3))
    boxes = SimpleNamespace(name="boxes", greatest=(9, 8))
    manifest = SimpleNamespace(
        grid_hw=stage.grid_hw,
        cell_px=stage.cell_px,
        artifact=lambda name: SimpleNamespace(inputs=(boxes,), outputs=(logits,)),
    )
    vocabulary = SimpleNamespace(num_predicates=2, label_names=(), predicate_names=())
    folder = SimpleNamespace(manifest=manifest, vocabulary=vocabulary, words=None)
    deployed = RelationNetwork(None, folder)
    pictures = pictures_of(model, dataset, mask_resolution=mask_resolution)
    for index, item in enumerate(dataset):
        found, segmentation = read_numbered(pictures, index), item.segmentation
        placement = place(segmentation.image_hw, model.config.segmenter.input_hw)
        content = resize_nearest(
            segmentation.label_map, placement.content_hw, segmentation.image_hw
        )
        masks = MergedMasks(segmentation, content, 1)
        if mask_resolution == "raw":
            masks = merged_truth(segmentation, pictures.format)
            assert masks.stride == 4
        regions = measure_regions(segmentation.label_map, segmentation.num_segments)
        pairs = choose_pairs(masks.segmentation.labels, masks.segmentation.scores)
        inputs = deployed.prepare(masks, regions, placement, pairs)
        first, second = inputs.pairs.T
        np.testing.assert_array_equal(found.overlap[first], inputs.subject_overlap)
        np.testing.assert_array_equal(found.overlap[second], inputs.object_overlap)
        np.testing.assert_array_equal(found.boxes[first], inputs.boxes[:, :4])
        np.testing.assert_array_equal(found.boxes[second], inputs.boxes[:, 4:])
        assert found.overlap.sum() > 1 and found.overlap.sum(axis=0).max() <= 1 + 1e-6


def test_raw_masks_are_the_full_ones_in_steps_of_the_mask_grid():
    label_map = np.repeat(np.repeat(np.arange(6, dtype=np.int32).reshape(2, 3), 4, 0), 4, 1)
    label_map = label_map[:7, :10]  # ends inside a cell: its middle is still there
    segmentation = SimpleNamespace(label_map=label_map, image_hw=(7, 10))
    format = SampleFormat((7, 10), "area", (1, 1), (4, 4), stride=4)
    assert merged_truth(segmentation, format).content_map.tolist() == [[0, 1, -1], [3, 4, -1]]
    format = SampleFormat((8, 12), "area", (1, 1), (4, 4), stride=4)
    whole = SimpleNamespace(label_map=label_map.repeat(1, 0), image_hw=(7, 10))
    content = merged_truth(whole, format).content_map
    assert content.shape == (2, 3) and content[0].tolist() == [0, 1, 2]


def test_network_input_holds_the_picture_in_its_corner(model_and_set):
    model, dataset = model_and_set
    item, input_hw = dataset[0], model.config.segmenter.input_hw
    padded = network_input(read_picture(item), sample_format(model, "full"))
    height, width = place(item.segmentation.image_hw, input_hw).content_hw
    assert padded.shape == (*input_hw, 3) and padded.dtype == np.uint8
    assert not padded[height:].any() and not padded[:, width:].any()
    mean = read_picture(item).mean(axis=(0, 1))
    np.testing.assert_allclose(padded[:height, :width].mean(axis=(0, 1)), mean, atol=3)


def test_pictures_are_scaled_as_the_model_says(model_and_set):
    model, _ = model_and_set
    noise = np.random.default_rng(0).integers(0, 256, (97, 143, 3), np.uint8)
    seen = []
    for scaling in ("area", "eomt"):
        format = dataclasses.replace(sample_format(model, "full"), scaling=scaling)
        height, width = place((97, 143), format.input_hw, scaling).content_hw
        expected = np.zeros((height, width, 3), np.uint8)
        write_content(noise, expected, scaling)
        seen.append(network_input(noise, format))
        np.testing.assert_array_equal(seen[-1][:height, :width], expected)
    assert not np.array_equal(*seen), "the two ways must differ for this test to say something"


def test_augmented_pictures_keep_their_segments_in_place(model_and_set):
    model, dataset = model_and_set
    plain, augmented = (pictures_of(model, dataset, how) for how in ("none", "three_augment"))
    original, mirrored = read_numbered(plain, 0), 0
    width = plain.format.place(original.item.segmentation.image_hw).content_hw[1]
    x_limits = 2 * width / plain.format.input_hw[1] - 2  # left + right of a box in the middle
    for epoch in range(20):
        picture = read_numbered(augmented, epoch * len(dataset))
        np.testing.assert_array_equal(picture.item.triplets, original.item.triplets)
        if np.allclose(picture.boxes, original.boxes):
            np.testing.assert_array_equal(picture.overlap, original.overlap)
            continue
        mirrored += 1
        np.testing.assert_allclose(
            picture.boxes[:, [2, 0]], x_limits - original.boxes[:, [0, 2]], atol=1e-6
        )
        np.testing.assert_array_equal(picture.boxes[:, [1, 3]], original.boxes[:, [1, 3]])
        np.testing.assert_array_equal(
            picture.item.segmentation.label_map, original.item.segmentation.label_map[:, ::-1]
        )
    assert 3 < mirrored < 17


def test_augmentation_depends_on_seed_epoch_and_image_alone(model_and_set):
    model, dataset = model_and_set
    pictures = pictures_of(model, dataset, "three_augment")
    again = pictures_of(model, dataset, "three_augment")
    seen = [read_numbered(pictures, number).pixels for number in range(2 * len(dataset))]
    for number in reversed(range(2 * len(dataset))):
        np.testing.assert_array_equal(read_numbered(again, number).pixels, seen[number])
    assert any(not np.array_equal(seen[i], seen[i + len(dataset)]) for i in range(len(dataset)))
    other = dataclasses.replace(pictures, seed=1)
    assert any(
        not np.array_equal(read_numbered(other, number).pixels, seen[number]) for number in range(3)
    )
