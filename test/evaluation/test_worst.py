# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import cv2
import numpy as np
import pytest

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.evaluation.worst import WorstImages, image_quality
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.ops.regions import measure_regions
from psg_ros.pipeline import describe_nodes
from psg_ros.scene_graph import SceneGraph, Segmentation

VOCABULARY = Vocabulary(
    (ObjectLabel("cup", True, (255, 0, 0)), ObjectLabel("wall", False, (0, 0, 255))),
    (Predicate("on"),),
)


def segmentation(cup_columns: int) -> Segmentation:
    label_map = np.ones((20, 40), np.int32)
    label_map[:, :cup_columns] = 0
    return Segmentation(label_map, np.array([0, 1]), np.ones(2, np.float32))


def graph(cup_columns: int) -> SceneGraph:
    found = segmentation(cup_columns)
    regions = measure_regions(found.label_map, 2)
    return SceneGraph(found, describe_nodes(found, regions, VOCABULARY), ())


def truth(image_id: str, folder: Path) -> AnnotatedImage:
    path = folder / "image.png"
    cv2.imwrite(str(path), np.full((20, 40, 3), 128, np.uint8))
    triplets = np.array([[0, 1, 0]])
    return AnnotatedImage(image_id, path, segmentation(20), triplets, np.zeros(2, bool))


def test_quality_is_one_for_equal_partitions_and_falls_with_the_overlap():
    assert image_quality(segmentation(20), segmentation(20)) == 1.0
    # 20 x 16 of 20 x 20 px for the cup, 20 x 20 of 20 x 24 px for the wall.
    expected = (16 / 20 + 20 / 24) / 2
    assert image_quality(segmentation(20), segmentation(16)) == pytest.approx(expected)


def test_a_missed_segment_counts_as_half_an_error():
    # The cup covers 5 of 20 columns: once missed, once false. The wall matches with 20 of 35.
    quality = image_quality(segmentation(20), segmentation(5))
    assert quality == pytest.approx((20 / 35) / (1 + 2 / 2))


def test_the_worst_come_first_and_only_so_many_are_kept(tmp_path):
    worst = WorstImages(2)
    for name, columns in (("good", 20), ("bad", 4), ("fair", 16)):
        worst.add(truth(name, tmp_path), graph(columns))
    pictures = worst.pictures(VOCABULARY)
    assert [name.split("_")[:2] for name, _ in pictures] == [["1", "bad"], ["2", "fair"]]
    for _, picture in pictures:
        assert picture.dtype == np.uint8 and picture.shape == (20, 2 * 40 + 6, 3)
