# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frame of backend torch, from the bytes of the network's input to ranked relations.

It is the backend's own code on random weights. They find nothing, so a scene takes the place of
their answer; the work is done all the same. Where there is no GPU, the same runs step by step on
the processor, which is how it is tested.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from psg_ros.network.dsflash import DsFlash
from psg_ros.network.frame_graph import MASKS, FrameGraph
from psg_ros.robot.manifest import ArtifactSpec
from psg_ros.robot.ops.triplets import Triplet, rank_relations
from psg_ros.scene_graph import RelationScores
from psg_ros.torch_runtime.frame_backend import FrameBackend, frame_tensors
from psg_ros.torch_runtime.gpu_stream import CudaStream, GpuStream, Work

THRESHOLDS = (0.8, 0.8)
"""Score and overlap; those of EoMT's merge."""

NUM_RELATIONS = 100


class StagedSegmenter(nn.Module):
    """A segmenter whose class and mask logits are those of a scene."""

    def __init__(self, inner: nn.Module, scene: tuple[Tensor, Tensor]) -> None:
        super().__init__()
        self.inner, self.num_labels = inner, inner.num_labels
        self.register_buffer("classes", scene[0][None], persistent=False)
        self.register_buffer("masks", scene[1][None], persistent=False)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Any]:
        """Return what a segmenter does."""
        class_logits, mask_logits, features = self.inner(pixels)
        # Added, so that nothing of the network's own work could be left out.
        class_logits = self.classes + 0 * class_logits.float().nan_to_num()
        mask_logits = self.masks + 0 * mask_logits.float().nan_to_num()
        return class_logits, mask_logits, features


class StepByStep(CudaStream):
    """Launches every kernel of a frame by itself, to see what capturing is worth."""

    def record(self, work: Work) -> Work:
        """See `GpuStream.record`."""
        return lambda: self._enqueue(work)


class Processor:
    """See `GpuStream`; everything is done at once, here."""

    device = "cpu"

    def here(self, size: int) -> Tensor:
        """See `GpuStream.here`."""
        return torch.zeros(size, dtype=torch.uint8)

    def there(self, size: int) -> Tensor:
        """See `GpuStream.there`."""
        return self.here(size)

    def copy(self, target: Tensor, source: Tensor) -> None:
        """See `GpuStream.copy`."""
        target.copy_(source)

    def record(self, work: Work) -> Work:
        """See `GpuStream.record`."""
        return work

    def wait(self) -> None:
        """See `GpuStream.wait`."""


def stream_of(device: str, *, captures: bool = True) -> GpuStream:
    """Return a stream of `cpu` or `cuda`; without captures, work is launched step by step."""
    if device == "cpu":
        return Processor()
    return (CudaStream if captures else StepByStep)(device)


class RankedFrame:
    """Bytes of the network's input -> ranked relations, by what the backend and the pipeline run.

    Args:
        packs: False computes every cell of every pair.
        content_hw: cells of the mask grid that the picture fills.
    """

    def __init__(
        self,
        model: DsFlash,
        is_thing: list[bool],
        num_slots: int,
        stream: GpuStream,
        *,
        precision: str,
        packs: bool = True,
        content_hw: tuple[int, int],
    ) -> None:
        graph = FrameGraph(model, is_thing, num_slots)
        if not packs:
            graph.packed, graph.rooms = None, []
        spec = ArtifactSpec("frame", "", *frame_tensors(graph))
        self._backend = FrameBackend(graph, spec, stream, precision)
        self._pairs = np.stack(np.triu_indices(num_slots, k=1), axis=1).astype(np.int32)
        rows, columns = (size // graph.mask_stride for size in graph.input_hw)
        noise = np.random.default_rng(0).integers(0, 256, (1, *graph.input_hw, 3))
        self.inputs: dict[str, np.ndarray] = {
            "image": noise.astype(np.uint8),
            "thresholds": np.array(THRESHOLDS, np.float32),
            "content_hw": np.array(content_hw, np.int32),
            "row_edges": np.linspace(-1, 1, rows + 1, dtype=np.float32),
            "column_edges": np.linspace(-1, 1, columns + 1, dtype=np.float32),
        }

    def __call__(self) -> list[Triplet]:
        """Run one frame; waits for it."""
        found: Mapping[str, Any] = self._backend.run(self.inputs, keep=(MASKS,))
        segment_of = found["segment_of"]
        is_segment = segment_of == np.arange(len(segment_of))
        there = is_segment[self._pairs].all(axis=1)
        pairs = self._pairs[there]
        logits = [found[name][there] for name in ("forward_logits", "backward_logits")]
        scores = RelationScores(np.concatenate((pairs, pairs[:, ::-1])), np.concatenate(logits))
        return rank_relations(scores, limit=NUM_RELATIONS)
