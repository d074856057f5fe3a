# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The whole frame in torch, from camera bytes to ranked relations, as one captured CUDA graph.

The same modules as everywhere, in half precision: `FusedGraph` merges on the device, the packed
neck has fixed shapes, ranking is a top-k. Where there is no GPU the frame runs as it is, which is
how its arithmetic is tested. Logits are widened before they are compared, so that half precision
changes numbers, not the rules.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import NamedTuple, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.network.dsflash import DsFlash
from psg_ros.network.fixed_packing import FixedPackedRelations
from psg_ros.network.fused import FusedGraph

SCORE, OVERLAP = 0.8, 0.8
"""The thresholds of EoMT's merge."""

NUM_RELATIONS = 100
WARM_UP = 3

Result = TypeVar("Result")


class Ranked(NamedTuple):
    """What a frame gives; all on the host once the frame is done.

    Attributes:
        segment_map: uint8 [h / stride, w / stride]; the number of slots is "no segment".
        segment_of: int [slot]; the slot that stands for the segment of each slot.
        scores: float [relation] in 0..1, best first; 0 for places that stay empty.
        subjects, objects, predicates: int [relation].
        overflows: bool; the rows of the packed neck did not do, relations are not to be used.
    """

    segment_map: Tensor
    segment_of: Tensor
    scores: Tensor
    subjects: Tensor
    objects: Tensor
    predicates: Tensor
    overflows: Tensor


class NarrowSegmenter(nn.Module):
    """Computes in another precision than what goes in and comes out.

    Args:
        scene: class and mask logits that take the place of the network's, whose work is done all
            the same: random weights find nothing.
    """

    def __init__(self, inner: nn.Module, dtype: torch.dtype, scene: tuple[Tensor, Tensor] | None):
        super().__init__()
        self.inner, self.dtype = inner.to(dtype), dtype
        self.num_labels = inner.num_labels
        self.scene = None
        if scene is not None:
            self.register_buffer("classes", scene[0][None], persistent=False)
            self.register_buffer("masks", scene[1][None], persistent=False)
            self.scene = ("classes", "masks")

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return class and mask logits in float32, features in `dtype`."""
        class_logits, mask_logits, features = self.inner(pixels.to(self.dtype))
        if self.scene is not None:
            # Added, so that nothing of the network's own work could be left out.
            class_logits = self.classes + 0 * class_logits.float().nan_to_num()
            mask_logits = self.masks + 0 * mask_logits.float().nan_to_num()
        return class_logits.float(), mask_logits.float(), list(features)


class NarrowRelations(nn.Module):
    """A relation stage in another precision, packed into a fixed number of rows.

    Args:
        room: of the packed neck; 0 computes every cell of every pair.

    Attributes:
        overflows: of the last frame.
    """

    def __init__(self, stage: nn.Module, dtype: torch.dtype, room: int) -> None:
        super().__init__()
        self.stage, self.dtype = stage.to(dtype), dtype
        self.packed = FixedPackedRelations(stage, room) if room else None  # type: ignore[arg-type]
        self.grid_hw, self.cell_px = stage.grid_hw, stage.cell_px
        self.tap_embedding = stage.tap_embedding
        self.overflows = torch.zeros((), dtype=torch.bool)

    def forward(self, *arguments: Tensor) -> tuple[Tensor, Tensor]:
        """Take and return what `RelationStage.forward` does; the result is float32."""
        narrow = [argument.to(self.dtype) for argument in arguments]
        if self.packed is None:
            logits = self.stage(*narrow)
            self.overflows = torch.zeros((), dtype=torch.bool, device=narrow[0].device)
        else:
            *logits, self.overflows = self.packed(*narrow)
        return logits[0].float(), logits[1].float()


class WholeFrame(nn.Module):
    """Camera bytes -> ranked relations, all shapes fixed.

    Args:
        num_slots: at most this many segments.
        room: rows of the packed neck; see `NarrowRelations`.
        scene: see `NarrowSegmenter`.
    """

    content: Tensor

    def __init__(
        self,
        model: DsFlash,
        is_thing: list[bool],
        num_slots: int,
        *,
        dtype: torch.dtype = torch.float32,
        room: int = 0,
        scene: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        super().__init__()
        config = model.config.segmenter
        self.input_hw, self.stride = config.input_hw, config.mask_stride
        narrow = SimpleNamespace(
            config=model.config,
            segmenter=NarrowSegmenter(cast(nn.Module, model.segmenter), dtype, scene),
            relations=NarrowRelations(model.relations, dtype, room),
        )
        self.fused = FusedGraph(cast(DsFlash, narrow), is_thing, num_slots)
        self.num_slots = num_slots
        height, width = (size // self.stride for size in self.input_hw)
        self.register_buffer("row_edges", torch.linspace(-1, 1, height + 1), persistent=False)
        self.register_buffer("column_edges", torch.linspace(-1, 1, width + 1), persistent=False)
        self.register_buffer("thresholds", torch.tensor([SCORE, OVERLAP]), persistent=False)
        self.register_buffer("content", torch.tensor([height, width]), persistent=False)

    def place(self, image_hw: tuple[int, int]) -> tuple[int, int]:
        """Fit images of this size into the input; return the height and width they get in px.

        Not inside of `forward`: it writes constants, which a captured graph then reads.
        """
        scale = min(whole / size for whole, size in zip(self.input_hw, image_hw, strict=True))
        height, width = (max(1, round(size * scale)) for size in image_hw)
        cells = torch.tensor([-(-height // self.stride), -(-width // self.stride)])
        self.content.copy_(cells)
        return height, width

    def forward(self, image: Tensor, content_hw: tuple[int, int]) -> Ranked:
        """Return the relations of uint8 [height, width, 3] RGB, scaled to `content_hw`."""
        pixels = image.permute(2, 0, 1)[None].float()
        pixels = functional.interpolate(
            pixels, content_hw, mode="bilinear", antialias=True, align_corners=False
        )
        below, right = (w - c for w, c in zip(self.input_hw, content_hw, strict=True))
        pixels = functional.pad(pixels, (0, right, 0, below)).permute(0, 2, 3, 1)
        _, segment_of, segment_map, _, forward_logits, backward_logits = self.fused(
            pixels, self.thresholds, self.content, self.row_edges, self.column_edges
        )
        first, second = self.fused.pairs.unbind()
        ranked = rank(
            torch.cat((forward_logits, backward_logits)),
            torch.cat((first, second)),
            torch.cat((second, first)),
            segment_of,
        )
        relations = cast(NarrowRelations, self.fused.relations)
        return Ranked(segment_map, segment_of, *ranked, relations.overflows)


def rank(
    logits: Tensor, subjects: Tensor, objects: Tensor, segment_of: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return score, subject, object and predicate of the best directed pairs, best first.

    The score is that of `psg_ros.robot.ops.triplets`: (1 - p0) * p_predicate.

    Args:
        logits: float [pair, 1 + predicate], column 0 "no relation".
        segment_of: int [slot]; a slot that stands for itself is a segment.
    """
    best, predicates = logits[:, 1:].max(dim=1)
    scores = (-logits[:, 0]).sigmoid() * best.sigmoid()
    slots = torch.arange(len(segment_of), device=segment_of.device)
    is_segment = segment_of == slots
    scores = torch.where(is_segment[subjects] & is_segment[objects], scores, 0)
    top = scores.topk(min(NUM_RELATIONS, len(scores)))
    chosen = top.indices
    return top.values, subjects[chosen], objects[chosen], predicates[chosen]


class FrameRunner:
    """Runs a frame again and again from one pinned image: as one graph where there is a GPU.

    A call copies the image up, computes, copies the result down and waits: what a node would do.

    Args:
        image: uint8 [height, width, 3] on the host; its content may change between calls.
        captures: False runs it step by step, to see what capturing is worth.
    """

    def __init__(
        self, frame: WholeFrame, image: Tensor, device: str, *, captures: bool = True
    ) -> None:
        self._frame = frame.to(device).eval()
        self._on_gpu = device != "cpu"
        self._content_hw = frame.place((image.shape[0], image.shape[1]))
        self._source = image.pin_memory() if self._on_gpu else image
        self._image = image.to(device)
        self._replay: Callable[[], Ranked] = self._compute
        if self._on_gpu and captures:
            self._replay = captured(self._compute)
        example = self._replay()
        self._result = Ranked(
            *(torch.empty_like(t, device="cpu", pin_memory=self._on_gpu) for t in example)
        )

    @torch.inference_mode()
    def __call__(self) -> Ranked:
        """Run one frame; the result is valid until the next call."""
        self._image.copy_(self._source, non_blocking=True)
        for target, found in zip(self._result, self._replay(), strict=True):
            target.copy_(found, non_blocking=True)
        if self._on_gpu:
            torch.cuda.synchronize()
        return self._result

    @torch.inference_mode()
    def _compute(self) -> Ranked:
        return self._frame(self._image, self._content_hw)


def captured(run: Callable[[], Result]) -> Callable[[], Result]:
    """Return what does the same as one CUDA graph; its result is overwritten by the next call."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UP):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = run()

    def replay() -> Result:
        graph.replay()
        return result

    return replay
