# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The loop over a data set: order, reading ahead, missing predictions, what it measures."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path

import cv2
import numpy as np
import pytest

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.evaluation.metrics.evaluator import Evaluator
from psg_ros.evaluation.metrics.multi_mpo import MultiMpo
from psg_ros.evaluation.report.cost import Cost
from psg_ros.evaluation.report.examples import Examples
from psg_ros.evaluation.results.reader import StoredPrediction
from psg_ros.evaluation.run import Run, Source, read_ahead
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.machine import resident_mib
from psg_ros.robot.graph_nodes import describe_nodes
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import RelationScores, SceneGraph, Segmentation

VOCABULARY = Vocabulary(
    (ObjectLabel("cup", True, (255, 0, 0)), ObjectLabel("wall", False, (0, 0, 255))),
    (Predicate("on"),),
)
LABEL_MAP = np.repeat(np.array([[0, 1]], np.int32), 8, axis=1)


class Dataset(list):
    """Remembers which item was read last, and on which thread."""

    last = -1
    thread = ""

    def __getitem__(self, index):
        self.last, self.thread = index, threading.current_thread().name
        return super().__getitem__(index)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    images = Dataset()
    for number in range(5):
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), np.full((1, 16, 3), number, np.uint8))
        masks = Segmentation(LABEL_MAP, np.array([0, 1]), np.ones(2, np.float32))
        triplets = np.array([[0, 1, 0]])
        images.append(AnnotatedImage(str(number), path, masks, triplets, np.zeros(2, bool)))
    return images


def perfect(truth, pixels):
    masks = truth.segmentation
    scores = RelationScores(np.array([[0, 1]], np.int32), np.array([[-5, 5]], np.float32))
    nodes = describe_nodes(masks, measure_regions(masks.label_map, 2), VOCABULARY)
    return StoredPrediction(SceneGraph(masks, nodes, (), scores))


def collect() -> Run:
    return Run(Evaluator(VOCABULARY), Examples(2), multi_mpo=MultiMpo(1, (20,)))


def test_every_image_is_judged_in_order(dataset):
    seen = []

    def predict(truth, pixels):
        seen.append((truth.image_id, int(pixels[0, 0, 0]), pixels.dtype))
        return perfect(truth, pixels)

    run = collect()
    run.over(dataset, Source(predict, "forward passes", needs_pixels=True))
    assert seen == [(str(number), number, np.uint8) for number in range(5)]
    assert run.evaluator.report().scores["R@20"] == 100.0
    assert run.multi_mpo.scores()["R@20"] == 100.0


def test_a_missing_prediction_counts_as_not_found(dataset):
    run = collect()
    source = Source(
        lambda truth, pixels: None if truth.image_id == "3" else perfect(truth, pixels),
        "reading",
        needs_pixels=False,
    )
    run.over(dataset, source)
    report = run.evaluator.report()
    assert (report.num_images, report.num_missing) == (5, 1)
    assert report.scores["R@20"] == 80.0
    assert run.multi_mpo.scores()["R@20"] == 100.0


def test_a_limit_takes_the_first_images_and_reads_no_more(dataset):
    run = collect()
    run.over(dataset, Source(perfect, "forward passes", needs_pixels=False), limit=2)
    assert run.evaluator.report().num_images == 2
    assert dataset.last == 1


def test_the_next_image_is_read_on_another_thread_while_one_is_worked_on(dataset):
    images = read_ahead(dataset, 5, Cost(), pixels=True)
    assert next(images)[0].image_id == "0"
    assert next(images)[0].image_id == "1"
    assert isinstance(images, Generator)
    images.close()  # waits for the reader, which was one ahead
    assert dataset.last == 2
    assert dataset.thread.startswith("psg-read-ahead")


def test_an_image_that_cannot_be_read_stops_the_run(dataset):
    dataset[2].image_path.unlink()
    with pytest.raises((FileNotFoundError, ValueError), match="2.png"):
        collect().over(dataset, Source(perfect, "forward passes", needs_pixels=True))


@pytest.mark.parametrize("damage", ["another size", "no picture"])
def test_a_photo_that_does_not_fit_its_annotation_is_named_before_any_prediction(dataset, damage):
    path, seen = dataset[2].image_path, []
    if damage == "another size":
        cv2.imwrite(str(path), np.zeros((2, 16, 3), np.uint8))
    else:
        path.write_bytes(b"")

    def predict(truth, pixels):
        seen.append(truth.image_id)
        return perfect(truth, pixels)

    said = "16 x 2 px, the annotation says 16 x 1 px" if damage == "another size" else "is empty"
    with pytest.raises(ValueError, match=f"^image 2: .*2.png.* {said}"):
        collect().over(dataset, Source(predict, "forward passes", needs_pixels=True))
    assert seen == ["0", "1"]


def test_time_is_divided_among_forward_metrics_and_waiting(dataset):
    run = collect()
    run.over(dataset, Source(perfect, "forward passes", needs_pixels=True))
    cost = run.cost
    assert min(cost.forward_s, cost.metrics_s, cost.waiting_s) > 0
    assert cost.total_cpu_s >= cost.metrics_cpu_s + cost.reading_cpu_s > 0
    assert cost.overhead == pytest.approx((cost.metrics_s + cost.waiting_s) / cost.forward_s)
    content = cost.to_dict()
    assert content["work"] == "forward passes" and content["metrics_s"] > 0


def test_the_overhead_is_told_only_where_a_model_ran():
    cost = Cost(forward_s=10.0, metrics_s=0.4, waiting_s=0.1, metrics_cpu_s=1.0, total_cpu_s=11.0)
    assert cost.summary.startswith("metrics and reading cost 5% on top of the forward passes (10%")
    assert "metrics 0.4 s" in cost.summary
    assert Cost("reading results", 1.0).summary.startswith("reading results 1.0 s, metrics 0.0 s")


@pytest.mark.skipif(resident_mib() is None, reason="memory is read from Linux' /proc")
def test_memory_is_noted_some_sixty_times_and_at_the_end():
    cost = Cost()
    for image in range(1, 1001):
        cost.remember_memory(image, 1000)
    assert 60 <= len(cost.memory) <= 70
    assert cost.memory[-1][0] == 1000
    assert all(1 < mib < 1e6 for _, mib in cost.memory)
