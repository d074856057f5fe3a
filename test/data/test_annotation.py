# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""AnnotatedImage refuses what a metric would stumble over."""

from pathlib import Path

import numpy as np
import pytest

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.scene_graph import Segmentation


def annotated(triplets=(), is_crowd=(False, False), image_id="7"):
    segmentation = Segmentation(
        np.array([[0, 1]], np.int32), np.array([3, 3], np.int64), np.ones(2, np.float32)
    )
    triplets = np.array(triplets, np.int64).reshape(-1, 3)
    return AnnotatedImage(image_id, Path("7.jpg"), segmentation, triplets, np.array(is_crowd))


def test_duplicates_and_self_relations_stay_as_annotated():
    assert len(annotated([(0, 1, 2), (0, 1, 2), (1, 1, 0)]).triplets) == 3


def test_an_image_without_relations_is_fine():
    assert annotated().triplets.shape == (0, 3)


@pytest.mark.parametrize("triplet", [(0, 2, 0), (-1, 1, 0), (0, 1, -1)])
def test_a_triplet_outside_the_segments_is_refused_by_name(triplet):
    with pytest.raises(ValueError, match=r"image 7: triplet \[.*\] .* must name two of 2 segments"):
        annotated([(0, 1, 0), triplet])


def test_crowd_flags_must_fit_the_segments():
    with pytest.raises(ValueError, match=r"is_crowd must be bool \[2\]"):
        annotated(is_crowd=(False,))
    with pytest.raises(ValueError, match="is_crowd must be bool"):
        annotated(is_crowd=(0, 1))


def test_triplets_of_another_type_are_refused():
    good = annotated()
    with pytest.raises(ValueError, match=r"triplets must be int64 \[triplet, 3\]"):
        AnnotatedImage("7", good.image_path, good.segmentation, np.zeros((0, 3)), good.is_crowd)


def test_the_image_id_is_a_string():
    with pytest.raises(ValueError, match="image_id must be a str"):
        annotated(image_id=7)
