# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How good labels of `psg label` are: panoptic quality against true labels of the same pictures.

    psg label coco/images --teacher TEACHER -o labelled
    python benchmarks/label_quality.py labelled coco/psg.json

Pictures are joined by their ids; of one that is not labelled all is missed. PQ follows COCO's rules
(psg_ros/evaluation/panoptic_quality.py). Its means are over the classes in truth, and beside them
over all classes that occur: a class that is only said, never true, then counts 0.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.data.opening import open_dataset
from psg_ros.evaluation.metrics.overlap import measure_overlap
from psg_ros.evaluation.metrics.panoptic_quality import PanopticCounts, panoptic_counts
from psg_ros.labels import Vocabulary, find_vocabulary
from psg_ros.scene_graph import Segmentation


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labelled", type=Path, help="folder that psg label wrote")
    parser.add_argument("truth", type=Path, help="annotation file or folder, split train")
    parser.add_argument("--labels", default="psg", help="vocabulary of both (default: psg)")
    args = parser.parse_args()
    vocabulary = find_vocabulary(args.labels)
    truth = open_dataset(args.truth, vocabulary, "train")
    labelled = open_dataset(args.labelled, vocabulary, "train")
    places = {name: place for place, name in enumerate(labelled.image_ids)}
    counts, pixels, num_empty = PanopticCounts.empty(vocabulary.num_labels), np.zeros(3, int), 0
    for item in truth:
        num_empty += item.image_id not in places
        said = _said(item, labelled[places[item.image_id]] if item.image_id in places else None)
        overlap = measure_overlap(item.segmentation, said)
        counts += panoptic_counts(
            item.segmentation, item.is_crowd, said, overlap, vocabulary.num_labels
        )
        pixels += _pixels(item.segmentation, said)
    print(f"{len(truth)} pictures, {num_empty} of them not labelled")
    _report(counts, vocabulary)
    print(
        f"pixels labelled {pixels[1] / pixels[0]:.1%}, right of those {pixels[2] / pixels[1]:.1%}"
    )


def _said(truth: AnnotatedImage, labelled: AnnotatedImage | None) -> Segmentation:
    if labelled is not None:
        return labelled.segmentation
    nothing = np.full(truth.segmentation.image_hw, -1, np.int32)
    return Segmentation(nothing, np.zeros(0, np.int64), np.zeros(0, np.float32))


def _pixels(truth: Segmentation, said: Segmentation) -> np.ndarray:
    """Return how many pixels have a true label, have any label there, and have the right one."""
    true_class = np.append(truth.labels, -1)[truth.label_map]
    said_class = np.append(said.labels, -1)[said.label_map]
    known = true_class >= 0
    return np.array([
        known.sum(), (known & (said_class >= 0)).sum(), (known & (said_class == true_class)).sum()
    ])  # fmt: skip


def _report(counts: PanopticCounts, vocabulary: Vocabulary) -> None:
    is_thing = np.array([label.is_thing for label in vocabulary.labels])
    in_truth = counts.true_positives + counts.false_negatives > 0
    quality = 100 * counts.panoptic_quality
    for name, group in (("all", is_thing | True), ("things", is_thing), ("stuff", ~is_thing)):
        hits, wrong = counts.true_positives[group].sum(), counts.false_positives[group].sum()
        missed = counts.false_negatives[group].sum()
        print(
            f"{name:7} PQ {quality[group & in_truth].mean():5.2f} over {(group & in_truth).sum()} "
            f"classes in truth, {quality[group & counts.occurs].mean():5.2f} over all that occur; "
            f"segments right {hits / (hits + wrong):.1%}, found {hits / (hits + missed):.1%}"
        )


if __name__ == "__main__":
    main()
