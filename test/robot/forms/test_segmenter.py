# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The segmenter stage: what it hands to the network and how it reads the answer."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tiny_model import paint

from psg_ros.robot.forms.form import MergeSettings
from psg_ros.robot.forms.network_input import NetworkInput
from psg_ros.robot.forms.segmentation import SegmenterNetwork
from psg_ros.robot.manifest import load_model_folder
from psg_ros.robot.ops.resample import resize_antialiased
from psg_ros.robot.runtime.backend import open_backend

SETTINGS = MergeSettings(score_threshold=0.5, overlap_threshold=0.5, resolution="image")


class Recorder:
    """Passes on to a real backend and keeps a copy of what came."""

    name = "recorder"

    def __init__(self, backend):
        self._backend = backend
        self.images = []
        self.addresses = []

    def run(self, inputs, keep=()):
        self.images.append(inputs["image"].copy())
        self.addresses.append(inputs["image"].ctypes.data)
        return self._backend.run(inputs, keep)

    def close(self):
        self._backend.close()


@pytest.fixture
def stage(tiny_model):
    model = load_model_folder(str(tiny_model))
    spec = model.manifest.artifact("segmenter")
    recorder = Recorder(open_backend("auto", model.artifact_path("segmenter"), spec))
    return SegmenterNetwork(recorder, model), recorder


def test_the_network_sees_the_content_top_left_and_zeros_elsewhere(stage):
    segmenter, recorder = stage
    placement = segmenter.prepare(np.full((128, 96, 3), 200, np.uint8))
    segmenter.infer(placement, SETTINGS)
    (image,) = recorder.images
    assert placement.content_hw == (64, 48)
    assert image.shape == (1, 64, 96, 3) and image.dtype == np.uint8
    assert (image[0, :, :48] == 200).all() and not image[0, :, 48:].any()


def test_the_image_is_scaled_as_the_manifest_says(tiny_model):
    model = load_model_folder(str(tiny_model))
    image = np.random.default_rng(0).integers(0, 256, (200, 290, 3), np.uint8)
    manifest = dataclasses.replace(model.manifest, scaling="eomt")
    spec = manifest.artifact("segmenter")
    recorder = Recorder(open_backend("auto", model.artifact_path("segmenter"), spec))
    segmenter = SegmenterNetwork(recorder, dataclasses.replace(model, manifest=manifest))
    placement = segmenter.prepare(image)
    height, width = placement.content_hw
    segmenter.infer(placement, SETTINGS)
    expected = resize_antialiased(image, (height, width))
    np.testing.assert_array_equal(recorder.images[0][0, :height, :width], expected)


def test_nothing_of_a_wider_frame_remains_beside_a_narrower_one(stage):
    segmenter, recorder = stage
    for hw in ((64, 96), (64, 20), (20, 96)):
        segmenter.infer(segmenter.prepare(np.full((*hw, 3), 255, np.uint8)), SETTINGS)
    assert [int(np.count_nonzero(image)) // 3 for image in recorder.images] == [
        64 * 96, 64 * 20, 20 * 96,
    ]  # fmt: skip


def test_every_frame_uses_the_same_buffer(stage):
    segmenter, recorder = stage
    for hw in ((64, 96), (48, 64), (480, 640)):
        segmenter.infer(segmenter.prepare(np.zeros((*hw, 3), np.uint8)), SETTINGS)
    assert len(set(recorder.addresses)) == 1


def test_a_box_of_colour_becomes_a_segment_of_that_name(stage):
    segmenter, _ = stage
    image = paint((64, 96), {"green": (16, 16, 48, 48)})
    placement = segmenter.prepare(image)
    masks = segmenter.merge(segmenter.infer(placement, SETTINGS), placement, SETTINGS)
    assert masks.segmentation.labels.tolist() == [1]
    inside = masks.segmentation.label_map == 0
    painted = image.any(axis=2)
    assert (inside & painted).sum() / (inside | painted).sum() > 0.9


def test_beside_the_picture_is_the_colour_of_the_recipe(tiny_model):
    manifest = load_model_folder(str(tiny_model)).manifest
    picture = np.full((30, 20, 3), 200, np.uint8)
    for scaling, colour in (("area", (0, 0, 0)), ("lightly_train", (124, 116, 104))):
        network_input = NetworkInput(dataclasses.replace(manifest, scaling=scaling))
        height, width = network_input.write(picture).content_hw
        beside = network_input.tensor[0].copy()
        assert (beside[:height, :width] == 200).all()
        beside[:height, :width] = colour
        assert (beside == colour).all()
