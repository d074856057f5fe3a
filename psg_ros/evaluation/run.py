# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One evaluation from the first image to the last: read, predict, judge, remember examples.

The next image is decoded on a second thread while the model works on this one, so that reading
costs next to nothing as long as a core is free. Memory stays flat: one image ahead, counts, and
the few graphs of the examples.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.data.dataset import read_picture
from psg_ros.evaluation.metrics.evaluator import Evaluator, Task
from psg_ros.evaluation.metrics.multi_mpo import MultiMpo
from psg_ros.evaluation.metrics.open_set import OpenSet
from psg_ros.evaluation.report.cost import FORWARD, Cost
from psg_ros.evaluation.report.examples import Examples
from psg_ros.evaluation.results.reader import Results, StoredPrediction
from psg_ros.evaluation.results.writer import ResultsWriter
from psg_ros.frame import Frame
from psg_ros.robot.pipeline import Pipeline

Predict = Callable[[AnnotatedImage, "np.ndarray | None"], "StoredPrediction | None"]
"""Truth and its pixels, uint8 [height, width, 3] RGB (None unless asked for) -> prediction."""


@dataclass(frozen=True)
class Source:
    """Where predictions come from; `needs_pixels` has every image decoded.

    Attributes:
        work: what making one prediction is, for people.
    """

    predict: Predict
    work: str
    needs_pixels: bool


@dataclass
class Run:
    """What one evaluation collects; `writer`, `multi_mpo` and `open_set` only if wanted."""

    evaluator: Evaluator
    examples: Examples
    cost: Cost = field(default_factory=Cost)
    multi_mpo: MultiMpo | None = None
    open_set: OpenSet | None = None
    writer: ResultsWriter | None = None

    def over(
        self,
        dataset: Sequence[AnnotatedImage],
        source: Source,
        limit: int | None = None,
        progress: Callable[[range], Iterable[int]] = lambda indices: indices,
    ) -> None:
        """Judge the images of a data set.

        Args:
            limit: only so many, from the first on.
            progress: wraps the indices, to show how far it is.

        Raises:
            ValueError, FileNotFoundError: an image or a prediction that cannot be read or judged.
        """
        total = min(len(dataset), limit or len(dataset))
        images = read_ahead(dataset, total, self.cost, pixels=source.needs_pixels)
        with self.cost.whole_run():
            for index in progress(range(total)):
                with self.cost.waiting():
                    truth, pixels = next(images)
                with self.cost.forward():
                    prediction = source.predict(truth, pixels)
                with self.cost.metrics():
                    self._judge(truth, prediction)
                self.cost.remember_memory(index + 1, total)

    def _judge(self, truth: AnnotatedImage, prediction: StoredPrediction | None) -> None:
        graph = prediction.graph if prediction else None
        figures = self.evaluator.add(truth.image_id, truth, graph)
        if graph is not None:
            self.examples.add(truth, graph, figures)
        if self.multi_mpo is not None:
            self.multi_mpo.add(truth, (prediction and prediction.overlapping) or graph)
        if self.open_set is not None:
            self.open_set.add(truth, graph)
        if self.writer is not None and graph is not None:
            self.writer.add(truth.image_id, graph)


def read_ahead(
    dataset: Sequence[AnnotatedImage], total: int, cost: Cost, *, pixels: bool
) -> Iterator[tuple[AnnotatedImage, np.ndarray | None]]:
    """Yield the first images of a data set, one being read while the last is worked on."""

    def read(index: int) -> tuple[AnnotatedImage, np.ndarray | None]:
        begin = time.thread_time()
        truth = dataset[index]
        image = read_picture(truth) if pixels else None
        cost.reading_cpu_s += time.thread_time() - begin
        return truth, image

    with ThreadPoolExecutor(1, "psg-read-ahead") as reader:
        coming = [reader.submit(read, 0)] if total else []
        for index in range(1, total + 1):
            image = coming.pop().result()
            if index < total:
                coming.append(reader.submit(read, index))
            yield image


def from_pipeline(pipeline: Pipeline, task: Task) -> Source:
    """Return predictions of a model; for PredCls on truth's masks and labels."""

    def predict(truth: AnnotatedImage, pixels: np.ndarray | None) -> StoredPrediction:
        assert pixels is not None
        if task == "PredCls":
            return StoredPrediction(pipeline.predict_relations(Frame(pixels), truth.segmentation))
        return StoredPrediction(pipeline(Frame(pixels)))

    return Source(predict, FORWARD, needs_pixels=True)


def from_results(results: Results) -> Source:
    """Return predictions of a results folder."""
    return Source(
        lambda truth, _: results.read(truth.image_id), "reading results", needs_pixels=False
    )
