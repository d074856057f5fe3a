# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The shipped recipe with its real networks on photos with true labels, where they are there."""

from __future__ import annotations

from pathlib import Path

import pytest
from backends import needs

from psg_ros.config import DoubtConfig, PipelineConfig
from psg_ros.data.dataset import read_picture
from psg_ros.data.opening import open_dataset
from psg_ros.evaluation.metrics.overlap import measure_overlap
from psg_ros.evaluation.metrics.panoptic_quality import PanopticCounts, panoptic_counts
from psg_ros.labelling.composite import CompositeTeacher
from psg_ros.labelling.judgement import Judge
from psg_ros.resources import share_path

PHOTOS = Path(__file__).parents[2].parent / "shared" / "data" / "photos"
RECIPE = share_path() / "config" / "teachers" / "three_small_nets.yaml"
NUM_PHOTOS = 10


@pytest.mark.slow
@needs("openvino")
@pytest.mark.skipif(not (PHOTOS / "teacher").is_dir(), reason="needs the networks and photos")
@pytest.mark.parametrize(
    ("careful", "quality", "precision"),
    # Of these photos. Of all 100: PQ 19.5 and 15.6, the mean over the classes in truth.
    [(False, 34.4, 59.6), (True, 35.8, 86.7)],
)
def test_its_labels_are_as_good_as_they_were_measured(
    careful: bool, quality: float, precision: float
) -> None:
    doubt = DoubtConfig() if careful else DoubtConfig(0.0, 0.0)
    settings = PipelineConfig(precision="fp32")
    teacher = CompositeTeacher.open(RECIPE, settings, nets=PHOTOS / "teacher", careful=careful)
    vocabulary = teacher.vocabulary
    judge = Judge(vocabulary, vocabulary, doubt)
    dataset = open_dataset(PHOTOS / "coco128", vocabulary, "train")
    counts = PanopticCounts.empty(vocabulary.num_labels)
    for item in dataset[:NUM_PHOTOS]:
        said, true = judge(teacher(read_picture(item))).segmentation, item.segmentation
        overlap = measure_overlap(true, said)
        counts += panoptic_counts(true, item.is_crowd, said, overlap, vocabulary.num_labels)
    teacher.close()
    hits, wrong = counts.true_positives.sum(), counts.false_positives.sum()
    assert 100 * counts.quality_of_all_segments == pytest.approx(quality, abs=1.0)
    assert 100 * hits / (hits + wrong) == pytest.approx(precision, abs=3.0)
