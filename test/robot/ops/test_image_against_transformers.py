# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scaling `transformers` gives the bytes that transformers' image processor of EoMT gives."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.robot.ops.image import place, write_content

transformers = pytest.importorskip("transformers")

SIZE = 160
MEAN, STD = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
IMAGES = [
    (480, 640), (427, 640), (640, 427), (333, 500), (375, 500), (108, 192), (1080, 1920), (97, 161),
    (160, 160), (120, 160), (160, 107), (300, 300), (40, 60), (90, 51), (161, 240), (31, 1000),
]  # fmt: skip


@pytest.fixture(scope="module")
def processor():
    """The one of the published models: square, padded; through Pillow, without torchvision."""
    from transformers.models.eomt.image_processing_pil_eomt import EomtImageProcessorPil

    return EomtImageProcessorPil(
        size={"shortest_edge": SIZE, "longest_edge": SIZE}, do_pad=True, do_split_image=False
    )


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height + width).integers(0, 256, (height, width, 3), np.uint8)


def network_input(image: np.ndarray, scaling: str) -> np.ndarray:
    padded = np.zeros((SIZE, SIZE, 3), np.uint8)
    height, width = place(image.shape[:2], (SIZE, SIZE), scaling).content_hw
    write_content(image, padded[:height, :width], scaling)
    return padded


@pytest.mark.parametrize("image_hw", IMAGES)
def test_bytes_and_padding_are_equal(processor, image_hw):
    image = picture(*image_hw)
    theirs = processor(image, do_rescale=False, do_normalize=False)["pixel_values"][0]
    np.testing.assert_array_equal(network_input(image, "transformers"), theirs.transpose(1, 2, 0))


def test_normalised_pixels_agree_to_rounding(processor):
    """Our normalisation is inside the network, from bytes in one step."""
    image = picture(427, 640)
    theirs = processor(image)["pixel_values"][0].transpose(1, 2, 0)
    ours = (network_input(image, "transformers") - MEAN * 255) / (STD * 255)
    np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_sizes_follow_their_rule_unless_it_leaves_the_input():
    from transformers.image_transforms import get_size_with_aspect_ratio

    agreed = different = 0
    for height in range(2, 700, 3):
        for width in (2, 61, 159, 160, 161, 213, 256, 321, 427, 500, 641):
            height_out, width_out = get_size_with_aspect_ratio((height, width), SIZE, SIZE)
            ours = place((height, width), (SIZE, SIZE), "transformers").content_hw
            if min(height_out, width_out) > 0 and max(height_out, width_out) <= SIZE:
                assert ours == (height_out, width_out)
                agreed += 1
            different += ours != place((height, width), (SIZE, SIZE), "eomt").content_hw
    assert agreed > 2000
    assert different > 20, "else there were no need for a rule of its own"
