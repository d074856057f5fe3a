# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Backends that stand between the pipeline and a runtime."""

from __future__ import annotations

import numpy as np

from psg_ros.benchmark.ladder.deployed import CountingBackend, SceneBackend
from psg_ros.benchmark.ladder.scene import make_scene


class Recorder:
    """Answers with a constant and remembers what it was asked."""

    name = "recorder"
    device = "cuda:1"
    precision = "fp32"

    def __init__(self) -> None:
        self.inputs: list[dict] = []
        self.closed = False

    def run(self, inputs, keep=()):
        self.inputs.append(inputs)
        self.keep = keep
        return {"class_logits": np.zeros(1), "patch_tokens": np.ones(3)}

    def close(self):
        self.closed = True


def test_segmenter_runs_but_the_scene_answers():
    scene = make_scene(
        3, num_queries=8, num_labels=5, grid_hw=(16, 16), content_hw=(12, 16), seed=0
    )
    inner = Recorder()
    backend = SceneBackend(inner, scene)
    outputs = backend.run({"image": np.zeros(1)}, keep=("patch_tokens",))
    assert len(inner.inputs) == 1 and inner.keep == ("patch_tokens",)
    assert np.array_equal(outputs["class_logits"], scene.class_logits[None])
    assert np.array_equal(outputs["mask_logits"], scene.mask_logits[None])
    assert outputs["patch_tokens"].sum() == 3, "the network's own"
    backend.close()
    assert inner.closed
    assert (backend.name, backend.device, backend.precision) == ("recorder", "cuda:1", "fp32")


def test_cells_of_every_pair_are_counted_over_all_buckets():
    backend = CountingBackend(Recorder())
    for pairs, width in ((2, 16), (1, 48)):
        backend.run({"cells": np.zeros((pairs, width), np.int64)})
    assert backend.widths == [16, 16, 48]
