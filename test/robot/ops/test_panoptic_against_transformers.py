# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The merge at image size gives the map of transformers' panoptic post-processing."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from psg_ros.robot.ops.image import place
from psg_ros.robot.ops.panoptic import merge

transformers = pytest.importorskip("transformers")
torch = pytest.importorskip("torch")

NUM_LABELS, NUM_THINGS, STRIDE = 133, 80, 4
SMALL_IMAGES = [
    (160, 160), (120, 160), (160, 120), (90, 160), (240, 320), (107, 160), (333, 500), (480, 360),
    (97, 211), (61, 83), (427, 640), (300, 300),
]  # fmt: skip
PUBLISHED_IMAGES = [(480, 640), (640, 427), (1080, 1920), (375, 500)]


def scene(seed: int, size: int, num_queries: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits as a trained model gives them: most queries say nothing, the others soft regions."""
    rng = np.random.default_rng(seed)
    grid = size // STRIDE
    y, x = np.mgrid[:grid, :grid] / grid
    class_logits = rng.normal(-2, 1, (num_queries, NUM_LABELS + 1))
    class_logits[:, -1] += 8
    sure = rng.permutation(num_queries)[:14]
    labels = np.concatenate((rng.integers(0, NUM_THINGS, 8), rng.integers(80, 84, 6)))
    class_logits[sure, labels] += rng.uniform(9, 18, len(sure))
    places = rng.permutation(16)[:14]
    centers = rng.uniform(0, 1, (2, num_queries))
    centers[:, sure] = (np.array((places // 4, places % 4)) + rng.uniform(0.3, 0.7, (2, 14))) / 4
    radii = rng.uniform(0.08, 0.2, num_queries)
    distance = np.hypot(y - centers[0, :, None, None], x - centers[1, :, None, None])
    noise = rng.normal(0, 1.5, (num_queries, grid, grid))
    mask_logits = (radii[:, None, None] - distance) * 60 + noise
    return class_logits.astype(np.float32), mask_logits.astype(np.float32)


def theirs(class_logits, mask_logits, image_hw, size):
    from transformers.models.eomt.image_processing_pil_eomt import EomtImageProcessorPil

    processor = EomtImageProcessorPil(size={"shortest_edge": size, "longest_edge": size})
    outputs = SimpleNamespace(
        masks_queries_logits=torch.from_numpy(mask_logits)[None],
        class_queries_logits=torch.from_numpy(class_logits)[None],
    )
    result = processor.post_process_panoptic_segmentation(
        outputs, target_sizes=[image_hw], stuff_classes=list(range(NUM_THINGS, NUM_LABELS))
    )[0]
    return result["segmentation"].numpy(), result["segments_info"]


def ours(class_logits, mask_logits, image_hw, size):
    return merge(
        class_logits,
        mask_logits,
        place(image_hw, (size, size), "transformers"),
        resolution="image",
        score_threshold=0.8,
        overlap_threshold=0.8,
        is_thing=np.arange(NUM_LABELS) < NUM_THINGS,
    ).segmentation


def assert_same_segments(segmentation, segments):
    assert len(segments) >= 3, "the scene must have something to merge"
    assert segmentation.labels.tolist() == [segment["label_id"] for segment in segments]
    np.testing.assert_allclose(segmentation.scores, [s["score"] for s in segments], atol=2e-6)


@pytest.mark.parametrize("image_hw", SMALL_IMAGES)
def test_label_map_and_segments_are_the_same(image_hw):
    logits = scene(sum(image_hw), size=160, num_queries=40)
    label_map, segments = theirs(*logits, image_hw, 160)
    segmentation = ours(*logits, image_hw, 160)
    assert_same_segments(segmentation, segments)
    np.testing.assert_array_equal(segmentation.label_map, label_map)


@pytest.mark.slow
@pytest.mark.parametrize("image_hw", PUBLISHED_IMAGES)
def test_at_the_published_size_the_map_is_the_one_of_their_code_in_double_precision(image_hw):
    """In single precision torch rounds the coordinates of large images to some 1e-5 px."""
    class_logits, mask_logits = scene(sum(image_hw), size=640, num_queries=40)
    segmentation = ours(class_logits, mask_logits, image_hw, 640)
    double = class_logits.astype(np.float64), mask_logits.astype(np.float64)
    label_map, segments = theirs(*double, image_hw, 640)
    assert_same_segments(segmentation, segments)
    np.testing.assert_array_equal(segmentation.label_map, label_map)
    label_map, segments = theirs(class_logits, mask_logits, image_hw, 640)
    assert_same_segments(segmentation, segments)
    assert np.count_nonzero(segmentation.label_map != label_map) <= 5
