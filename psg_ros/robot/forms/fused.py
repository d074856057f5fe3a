# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One network for everything: an image -> panoptic segments and scores of all directed pairs.

For processors on which a way to the host and back costs more than pairs of empty slots.
Artifact `fused` (fixed shapes): segmenter, panoptic merge on the mask grid and relation stage, for
the `slot` best queries by class score. A slot without segment has the number of slots in its place.
    in   image         uint8   [1, H, W, 3]           as in `two_files`
         thresholds    float32 [2]                    score, overlap
         content_hw    int32   [2]                    cells of the mask grid that the image reaches
         row_edges     float32 [h + 1]                where the lines of the mask grid lie in the
         column_edges  float32 [w + 1]                image, in -1..1 of H, W, rising
    out  class_logits  float32 [slot, label + 1]      slots are in the order of the queries
         segment_of    int32   [slot]                 first slot of the same segment
         segment_map   uint8   [h, w]                 that of the slot that won the cell
         mask_logits   float32 [slot, h, w]
         forward_logits, backward_logits float32 [pair, 1 + predicate]
                       all pairs of slots (0, 1), (0, 2) ... (1, 2) ...
         input_map     uint8   [H, W]                 as segment_map, where the same slots compete
                       again at the size of the input; not every network has it

The network decides on the raw mask grid which queries become segments, and describes and scores
their pairs there. The masks may be enlarged here all the same: then the same segments compete again
at the wanted size, while their relations stay those of the grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from psg_ros.frame import RawPicture
from psg_ros.robot.forms.contest import device_contest
from psg_ros.robot.forms.form import (
    MergeSettings,
    check_class_columns,
    check_relation_columns,
)
from psg_ros.robot.forms.network_input import NetworkInput
from psg_ros.robot.forms.relations import relative_boxes
from psg_ros.robot.forms.steps import StepClock
from psg_ros.robot.forms.words import raise_closed
from psg_ros.robot.manifest import ModelFolder
from psg_ros.robot.ops.image import Placement
from psg_ros.robot.ops.panoptic import (
    best_label,
    both_maps,
    contest,
    drop_absent,
    may_hide_segments,
)
from psg_ros.robot.ops.regions import Regions
from psg_ros.robot.ops.scratch import Scratch
from psg_ros.robot.runtime.backend import Backend
from psg_ros.robot.runtime.device_steps import steps_of
from psg_ros.robot.runtime.tensors import Tensor, to_host
from psg_ros.scene_graph import VOID, RelationScores, Segmentation


@dataclass(frozen=True)
class FusedOutput:
    """Arrays of the network; valid until the next `infer`.

    Slots are the best queries by class score, in the order of the queries. Their number stands for
    "no segment".

    Attributes:
        class_logits: float32 [slot, label + 1].
        segment_of: int32 [slot]; first slot of the same segment.
        segment_map: uint8 [h, w] over the whole network input; first slot of the segment.
        mask_logits: float32 [slot, h, w]; may have stayed on the device.
        forward_logits, backward_logits: float32 [pair, column]; of all pairs of slots.
        input_map: uint8 [H, W], likewise at the size of the network input; None: the network has
            none.
        contested: slots int64 [kept] that competed at the wanted size, and codes as of
            `ops.panoptic.compete`; None: nothing competed on the device.
    """

    class_logits: np.ndarray
    segment_of: np.ndarray
    segment_map: np.ndarray
    mask_logits: Tensor
    forward_logits: np.ndarray
    backward_logits: np.ndarray
    input_map: np.ndarray | None = None
    contested: tuple[np.ndarray, np.ndarray] | None = None


@dataclass(frozen=True)
class LookedUp:
    """Segments whose pairs the network has scored already; see `Segmented`.

    Attributes:
        slots: int64 [segment], the slot of each segment.
        row_of_pair: int64 [slot, slot], above the diagonal; row of a pair of slots in the logits.
    """

    segmentation: Segmentation
    slots: np.ndarray
    output: FusedOutput
    row_of_pair: np.ndarray

    def relate(self, regions: Regions, pairs: np.ndarray, clock: StepClock) -> RelationScores:
        """See `Segmented.relate`."""
        clock.lap("regions")
        first, second = self.slots[pairs].T
        rows = self.row_of_pair[first, second]
        logits = (self.output.forward_logits[rows], self.output.backward_logits[rows])
        both = np.concatenate([pairs, pairs[:, ::-1]])
        scores = RelationScores(both, np.concatenate(logits))
        clock.lap("relations")
        return scores


class Fused:
    """See `psg_ros.robot.forms.form.Form`."""

    ARTIFACTS: ClassVar[tuple[str, ...]] = ("fused",)
    RELATES: ClassVar[bool] = True

    def __init__(self, folder: ModelFolder, *backends: Backend) -> None:
        (self._backend,) = backends
        self._steps = steps_of(self._backend)
        manifest = folder.manifest
        self._name = manifest.name
        self._input = NetworkInput(manifest, self._steps)
        self._mask_stride = manifest.mask_stride
        self._num_labels = folder.vocabulary.num_labels
        spec = manifest.artifact("fused")
        dtypes = {tensor.name: tensor.dtype for tensor in spec.inputs}
        self._index_dtype = dtypes.get("content_hw", "int32")  # of older exports int64
        outputs = {tensor.name: tensor.shape for tensor in spec.outputs}
        (num_slots,) = outputs["segment_of"]
        # Resolutions whose owners the network has found itself, so that masks need not come here.
        self._has_map = {"mask", "input"} if "input_map" in outputs else {"mask"}
        self._row_of_pair = np.zeros((num_slots, num_slots), np.int64)
        self._row_of_pair[np.triu_indices(num_slots, k=1)] = np.arange(outputs["forward_logits"][0])
        self._scratch = Scratch()

    @staticmethod
    def check(folder: ModelFolder) -> None:
        """See `Form.check`."""
        check_class_columns(folder, "fused")
        check_relation_columns(folder, "fused")

    def send(self, raw: RawPicture) -> None:
        """See `Form.send`."""
        if self._steps is not None:
            self._steps.send(raw)

    def segment(
        self,
        image_rgb: np.ndarray,
        settings: MergeSettings,
        clock: StepClock,
        raw: RawPicture | None = None,
    ) -> LookedUp:
        """See `Form.segment`."""
        placement = self.prepare(image_rgb, raw)
        clock.lap("preprocess")
        output = self.infer(placement, settings)
        clock.lap("segmenter")
        segmentation, slots = self.merge(output, placement, settings)
        clock.lap("merge")
        return LookedUp(segmentation, slots, output, self._row_of_pair)

    def take_words(self, folder: ModelFolder) -> None:
        """See `Form.take_words`."""
        raise_closed(folder)

    def adopt(
        self, image_rgb: np.ndarray, segmentation: Segmentation, clock: StepClock
    ) -> LookedUp:
        """See `Form.adopt`."""
        raise ValueError(
            f"{self._name} is a fused model, which takes no segments from outside; use its form of "
            "two files (psg export without --fused; with backend torch, fused_segments 0)"
        )

    def prepare(self, image_rgb: np.ndarray, raw: RawPicture | None = None) -> Placement:
        """Write an image uint8 [height, width, 3] into the network input; returns where it lies.

        Args:
            raw: the same image as it came from the camera.
        """
        return self._input.write(image_rgb, raw)

    def infer(self, placement: Placement, settings: MergeSettings) -> FusedOutput:
        """Run the network on the image written last."""
        row_edges, column_edges = grid_edges(placement, self._mask_stride)
        content_hw = [-(-size // self._mask_stride) for size in placement.content_hw]
        inputs: dict[str, Tensor] = {
            "image": self._input.tensor,
            "thresholds": np.array(
                [settings.score_threshold, settings.overlap_threshold], np.float32
            ),
            "content_hw": np.array(content_hw, self._index_dtype),
            "row_edges": row_edges,
            "column_edges": column_edges,
        }
        if settings.resolution in self._has_map:
            return FusedOutput(**self._backend.run(inputs, keep=("mask_logits",)))
        if self._steps is not None:
            contest = device_contest(placement, settings, self._mask_stride)
            if (found := self._steps.run(inputs, ("mask_logits",), contest)) is not None:
                outputs, result = found
                return FusedOutput(**outputs, contested=(result.queries, result.codes))
        return FusedOutput(**self._backend.run(inputs))

    def merge(
        self, output: FusedOutput, placement: Placement, settings: MergeSettings
    ) -> tuple[Segmentation, np.ndarray]:
        """Return the partition of the image, and the slot int64 [segment] of each segment."""
        scores, labels = best_label(output.class_logits)
        num_slots, stride = len(scores), self._mask_stride
        slots = np.flatnonzero(output.segment_of == np.arange(num_slots))
        if settings.resolution == "mask":
            rows, cols = (-(-size // stride) for size in placement.content_hw)
            owners = output.segment_map[:rows, :cols]
        elif settings.resolution == "input" and output.input_map is not None:
            rows, cols = placement.content_hw
            owners = output.input_map[:rows, :cols]
        else:
            kept = (labels < self._num_labels) & (scores > settings.score_threshold)
            owners = self._contest_again(output, np.flatnonzero(kept), scores, placement, settings)
        covered = np.bincount(owners.ravel(), minlength=num_slots + 1)[slots]
        slots = slots[covered >= settings.min_area * owners.size]
        index_of = np.full(num_slots + 1, VOID, np.int32)
        index_of[slots] = np.arange(len(slots))
        label_map, grid_map = both_maps(
            index_of.take(owners), placement, stride, settings.resolution
        )
        # A segment of the grid may win nothing when it competes again.
        if settings.resolution != "mask" or may_hide_segments(placement, stride, "mask"):
            slots, label_map, _ = drop_absent(slots, label_map, grid_map)
        return Segmentation(label_map, labels[slots], scores[slots]), slots

    def _contest_again(
        self,
        output: FusedOutput,
        kept: np.ndarray,
        scores: np.ndarray,
        placement: Placement,
        settings: MergeSettings,
    ) -> np.ndarray:
        """Return the owner of each pixel like `segment_map`, at the size that is asked for."""
        if output.contested is not None:
            kept, codes = output.contested
        else:
            masks = to_host(output.mask_logits)
            kept, codes, _ = contest(
                masks, kept, scores, placement, settings.resolution, self._scratch
            )
        owner_of = np.full(2 * len(kept) + 1, len(scores), np.int32)
        owner_of[: len(kept)] = output.segment_of[kept]
        return owner_of.take(codes)


def grid_edges(placement: Placement, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where nearest-neighbour enlarging puts the lines of the mask grid.

    Args:
        stride: network-input px per cell of the mask grid.

    Returns:
        float32 [h + 1] and [w + 1], in -1..1 of the whole network input, as `relative_boxes`; lines
        beyond the image lie on its border.
    """
    rows, columns = (
        np.searchsorted((np.arange(size) + 0.5) * (content / stride / size), np.arange(cells + 1))
        for size, content, cells in zip(
            placement.image_hw,
            placement.content_hw,
            (whole // stride for whole in placement.input_hw),
            strict=True,
        )
    )
    across, down = (
        relative_boxes(lines[:, None].repeat(4, axis=1), placement) for lines in (columns, rows)
    )
    return down[:, 1], across[:, 0]
