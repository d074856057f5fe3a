# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the frozen segmenter gives to stage 2: taps, and segments of its own."""

import dataclasses

import numpy as np
import pytest
import torch

from psg_ros.data.opening import open_dataset
from psg_ros.robot.ops.overlap import overlap_ratios
from psg_ros.setting_files import load_config
from psg_ros.training import train
from psg_ros.training.config import RelationTraining, TrainConfig
from psg_ros.training.relations import relation_samples
from psg_ros.training.relations.relation_pictures import PictureSet, read_numbered
from psg_ros.training.relations.relation_samples import FeatureMaker, network_batch


@pytest.fixture
def model_and_pictures(write_config, tiny_psg):
    config = load_config(TrainConfig, write_config())
    vocabulary = train.vocabulary_of(config)
    torch.manual_seed(0)
    model = train.build_model(config, vocabulary)
    dataset = open_dataset(tiny_psg, vocabulary, "train")
    format = relation_samples.sample_format(model, "full")
    pictures = PictureSet(dataset, np.arange(len(dataset)), format)
    return model, [read_numbered(pictures, index) for index in range(len(dataset))]


IS_THING = np.array([True, True, False])


def test_taps_are_those_of_the_segmenter_in_batches_too(model_and_pictures, monkeypatch):
    model, pictures = model_and_pictures
    monkeypatch.setattr(relation_samples, "FEATURE_BATCH", 2)
    maker = FeatureMaker(model.train(), RelationTraining(), IS_THING, "cpu")
    described = list(maker.describe(pictures))
    assert len(described) == 5
    for (truth, sample), picture in zip(described, pictures, strict=True):
        pixels = network_batch([picture])
        with torch.no_grad():
            taps = model.segmenter.eval()(pixels.float()).features
        expected = torch.cat(taps).flatten()
        assert sample.features.dtype == torch.bfloat16
        assert sample.features.shape == expected.shape
        error = (sample.features.float() - expected).abs().mean() / expected.abs().mean()
        assert error < 0.02, "bfloat16 keeps three digits"
        assert maker.features(pixels)[0].allclose(sample.features, rtol=0.1, atol=0.1)
        assert truth.image_id == picture.item.image_id
        assert truth.triplets.tolist() == [[1, 2, 0], [1, 0, 1]]
        assert truth.partner.tolist() == [0, 1, 2]
        assert sample.overlap.numpy() is not None and sample.overlap.numpy().shape == (3, 6)


class Paints(torch.nn.Module):
    """A segmenter that finds box and ground where they are, and another ball."""

    def __init__(self, pictures, miss_ball=True) -> None:
        super().__init__()
        self.pictures, self.miss_ball = pictures, miss_ball

    def forward(self, pixels):
        class_logits = torch.full((len(pixels), 4, 4), -9.0)
        mask_logits = torch.full((len(pixels), 4, 8, 12), -9.0)
        for i, picture in enumerate(self.pictures[: len(pixels)]):
            label_map = picture.item.segmentation.label_map
            shares = [
                overlap_ratios(label_map, 1, 3, (8, 12), (6, 6))[segment].reshape(8, 12) > 0.5
                for segment in range(3)
            ]
            labels = picture.item.segmentation.labels
            found = [shares[2] & ~shares[2], shares[0], shares[1]]
            found[0][-1, -2:] = True  # a ball where there is none
            for query, (mask, label) in enumerate(zip(found, labels[[2, 0, 1]], strict=True)):
                class_logits[i, query, label] = 9.0
                mask_logits[i, query][torch.from_numpy(mask)] = 9.0
            class_logits[i, 3, 3] = 9.0
        return class_logits, mask_logits, [torch.zeros(len(pixels), 6, 16)] * 2


@pytest.mark.parametrize("mask_resolution", ["full", "raw"])
def test_inferred_segments_take_over_the_relations_of_the_true_ones_they_match(
    model_and_pictures, mask_resolution
):
    model, pictures = model_and_pictures
    settings = RelationTraining(masks="inferred", mask_resolution=mask_resolution)
    maker = FeatureMaker(model, settings, IS_THING, "cpu")
    maker.segmenter = Paints(pictures)
    for (truth, sample), picture in zip(maker.describe(pictures), pictures, strict=True):
        labels = picture.item.segmentation.labels
        assert truth.labels.tolist() == labels[[2, 0, 1]].tolist()
        assert truth.partner.tolist() == [-1, 0, 1], "the ball that was found matches nothing"
        # True: (1, 2, beside), (1, 0, on); segment 2 is lost, 1 is now 2 and 0 is now 1.
        assert truth.triplets.tolist() == [[2, 1, 1]]
        assert sample.overlap.shape == (3, 6) and sample.boxes.shape == (3, 4)
        error = np.abs(sample.overlap[1:].numpy() - picture.overlap[:2])
        assert error.max() < 0.35 and error.mean() < 0.1


def test_thresholds_of_the_merge_are_those_of_the_settings(model_and_pictures):
    model, pictures = model_and_pictures
    settings = RelationTraining(masks="inferred", score_threshold=1.0)
    maker = FeatureMaker(model, settings, IS_THING, "cpu")
    maker.segmenter = Paints(pictures)
    for truth, sample in maker.describe(pictures):
        assert len(truth.labels) == len(truth.triplets) == len(sample.overlap) == 0
    lower = dataclasses.replace(settings, score_threshold=0.5)
    maker = FeatureMaker(model, lower, IS_THING, "cpu")
    maker.segmenter = Paints(pictures)
    assert all(len(truth.labels) == 3 for truth, _ in maker.describe(pictures))
