# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Panoptic merge: the queries of a mask transformer -> one partition of the image.

The rule is that of Mask2Former and EoMT (`post_process_panoptic_segmentation` of transformers):
every pixel goes to the kept query with the highest score * sigmoid(mask logit); a query that wins
too little of its own mask is dropped; stuff of one label becomes one segment. It differs only in
how it is computed: queries are dropped by their class score before any mask is enlarged, two
full-size maps (who won, and with which logit) replace a mask per query, and a query is looked at
only within its reach.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress

import cv2
import numpy as np

from psg_ros.robot.ops.enlarge import contest_hw, enlarge
from psg_ros.robot.ops.image import Placement, resize_nearest
from psg_ros.robot.ops.reach import Window, is_empty, reach
from psg_ros.robot.ops.scratch import Scratch
from psg_ros.scene_graph import VOID, Segmentation


@dataclass(frozen=True)
class MergedMasks:
    """Result of the merge.

    Attributes:
        segmentation: at image size; every segment has at least one pixel.
        content_map: int32 [h, w], the same segments as the relation stage pools them: without
            padding, at network-input scale or on the mask grid.
        stride: network-input px per element of `content_map`.
    """

    segmentation: Segmentation
    content_map: np.ndarray
    stride: int


def merge(
    class_logits: np.ndarray,
    mask_logits: np.ndarray,
    placement: Placement,
    *,
    resolution: str,
    score_threshold: float,
    overlap_threshold: float,
    is_thing: np.ndarray,
    min_area: float = 0.0,
    scratch: Scratch | None = None,
) -> MergedMasks:
    """Merge query masks into a partition.

    Args:
        class_logits: float32 [query, label + 1], "no object" last.
        mask_logits: float32 [query, h, w] over the whole network input, padding included.
        placement: where the image lies in the network input.
        resolution: where masks compete. "image": bilinear to input size, cropped to the content,
            bilinear to image size; "input": content at input size; "mask": the raw grid. The last
            two enlarge the finished label map by nearest neighbour.
        score_threshold: a query is kept when its best class is a label scored above this.
        overlap_threshold: least share of its own mask (logit >= 0) that a kept query must win.
        is_thing: bool [label].
        min_area: least share of the image, 0..1, that a segment covers; a smaller one is void. The
            rule above has none.
        scratch: working memory to use again; its owner must not share it between threads.
    """
    scratch = scratch or Scratch()
    scores, labels = best_label(class_logits)
    kept = np.flatnonzero((labels < len(is_thing)) & (scores > score_threshold))
    kept, codes, own_areas = contest(mask_logits, kept, scores, placement, resolution, scratch)
    return settle(
        Contested(scores[kept], labels[kept], codes, own_areas),
        placement,
        stride=placement.input_hw[0] // mask_logits.shape[1],
        resolution=resolution,
        overlap_threshold=overlap_threshold,
        is_thing=is_thing,
        min_area=min_area,
    )


@dataclass(frozen=True)
class Contested:
    """How the masks of queries competed.

    Attributes:
        scores: float32 [query]; of those that took part.
        labels: integers [query].
        codes, own_areas: as from `compete`.
    """

    scores: np.ndarray
    labels: np.ndarray
    codes: np.ndarray
    own_areas: np.ndarray


def settle(
    contested: Contested,
    placement: Placement,
    *,
    stride: int,
    resolution: str,
    overlap_threshold: float,
    is_thing: np.ndarray,
    min_area: float = 0.0,
) -> MergedMasks:
    """Make the partition that a contest leads to; the second half of `merge`.

    Args:
        stride: network-input px per cell of the masks.
    """
    segment_of, founders = select_segments(
        contested.codes,
        contested.own_areas,
        contested.labels,
        is_thing,
        overlap_threshold,
        min_area,
    )
    label_map, content_map = both_maps(
        segment_of.take(contested.codes), placement, stride, resolution
    )
    if may_hide_segments(placement, stride, resolution):
        founders, label_map, content_map = drop_absent(founders, label_map, content_map)
    segmentation = Segmentation(label_map, contested.labels[founders], contested.scores[founders])
    return MergedMasks(segmentation, content_map, stride if resolution == "mask" else 1)


def best_label(class_logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the highest softmax probability float32 [query] and its column int64 [query]."""
    exponents = np.exp(class_logits - class_logits.max(axis=1, keepdims=True))
    return 1 / exponents.sum(axis=1), class_logits.argmax(axis=1)


def contest(
    mask_logits: np.ndarray,
    queries: np.ndarray,
    scores: np.ndarray,
    placement: Placement,
    resolution: str,
    scratch: Scratch,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Let some of the queries compete.

    Args:
        mask_logits, placement, resolution: as in `merge`.
        queries: int64 [kept], ascending.
        scores: float32 [query].

    Returns:
        Those of `queries` that matter anywhere, then codes and areas of these as from `compete`.
    """
    stride = placement.input_hw[0] // mask_logits.shape[1]
    windows = _windows(mask_logits[queries], scores[queries], placement, stride, resolution)
    matters = [not is_empty(window) for window in windows]
    queries, windows = queries[matters], list(compress(windows, matters))
    masks = (
        enlarge(mask_logits[query], window, placement, stride, resolution, scratch)
        for query, window in zip(queries, windows, strict=True)
    )
    shape_hw = contest_hw(placement, stride, resolution)
    return queries, *compete(masks, scores[queries], windows, shape_hw, scratch)


def compete(
    masks: Iterable[np.ndarray],
    scores: np.ndarray,
    windows: Sequence[Window],
    shape_hw: tuple[int, int],
    scratch: Scratch,
) -> tuple[np.ndarray, np.ndarray]:
    """Give every pixel to the query of highest score * sigmoid(logit), the first among equals.

    Args:
        masks: logits float32 of each query within its window; each is used once, in order.
        scores: float32 [query].
        windows: rows and columns outside of which a query does not matter, see `reach`.
        shape_hw: the whole map.

    Returns:
        codes: uint16 [height, width], in `scratch`; q where query q wins inside its own mask
            (logit >= 0, that is sigmoid >= 0.5), query + q where it wins outside of it. All 0
            without queries.
        own_areas: int64 [query]; pixels of the query's own mask.
    """
    winners, mark = (scratch.take(name, shape_hw, np.uint16) for name in ("winners", "mark"))
    best, value, best_logit = (
        scratch.take(name, shape_hw, np.float32) for name in ("best", "value", "best_logit")
    )
    wins = scratch.take("wins", shape_hw, np.bool_)
    winners.fill(0)
    best.fill(-1)
    best_logit.fill(0)
    own_areas = np.zeros(len(scores), np.int64)
    for query, (logit, score, window) in enumerate(zip(masks, scores, windows, strict=True)):
        mine, won, number = (_first_part(array, logit.shape) for array in (value, wins, mark))
        own_areas[query] = np.count_nonzero(np.greater_equal(logit, 0, out=won))
        _scaled_sigmoid(logit, score, out=mine)
        np.greater(mine, best[window], out=won)
        number.fill(query)
        for source, target in ((mine, best), (logit, best_logit), (number, winners)):
            # OpenCV's masked copy is forty times faster than numpy's.
            cv2.copyTo(source, won.view(np.uint8), target[window])
    np.less(best_logit, 0, out=wins)
    winners += np.multiply(wins, np.uint16(len(scores)), out=mark)
    return winners, own_areas


def select_segments(
    codes: np.ndarray,
    own_areas: np.ndarray,
    labels: np.ndarray,
    is_thing: np.ndarray,
    overlap_threshold: float,
    min_area: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Decide which queries become segments.

    Args:
        codes, own_areas: from `compete`.
        labels: int64 [query].
        overlap_threshold, min_area: as in `merge`.

    Returns:
        segment_of: int32 [2 * query + 1]; segment index of each code, or `VOID`.
        founders: int64 [segment]; the query that gives the segment its label and score. Later
            queries of the same stuff label join its segment.
    """
    num_queries = len(labels)
    areas = np.bincount(codes.ravel(), minlength=2 * num_queries)[: 2 * num_queries]
    inside, outside = areas.reshape(2, num_queries)
    won_share = (inside + outside) / np.maximum(own_areas, 1)
    survivors = np.flatnonzero((inside > 0) & (won_share >= overlap_threshold))
    segment_of = np.full(2 * num_queries + 1, VOID, np.int32)
    founders: list[int] = []
    stuff: dict[int, int] = {}
    for query in survivors.tolist():
        label = int(labels[query])
        if label not in stuff:
            if not is_thing[label]:
                stuff[label] = len(founders)
            segment_of[query] = len(founders)
            founders.append(query)
        else:
            segment_of[query] = stuff[label]
    covered = np.bincount(segment_of[survivors], inside[survivors], len(founders))
    large = covered >= min_area * codes.size
    return renumbered(large).take(segment_of), np.array(founders, np.int64)[large]


def _windows(
    mask_logits: np.ndarray, scores: np.ndarray, placement: Placement, stride: int, resolution: str
) -> list[Window]:
    """Return where each query is looked at."""
    height, width = shape_hw = contest_hw(placement, stride, resolution)
    if resolution == "mask":  # so small that finding out where costs more than it saves
        return [(slice(0, height), slice(0, width))] * len(scores)
    return reach(mask_logits, scores, placement.content_hw, stride, shape_hw)


def _first_part(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a view of the first elements: unlike a window it has no gaps, which is faster."""
    return array.reshape(-1)[: math.prod(shape)].reshape(shape)


def _scaled_sigmoid(logits: np.ndarray, scale: np.float32, out: np.ndarray) -> None:
    """Write scale / (1 + exp(-logits)); exp overflows to infinity, which gives the right 0."""
    np.negative(logits, out=out)
    cv2.exp(out, dst=out)
    out += 1
    np.divide(scale, out, out=out)


def both_maps(
    contest_map: np.ndarray, placement: Placement, stride: int, resolution: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the label map at image size and the one for pooling (see `MergedMasks`)."""
    if resolution == "image":
        return contest_map, resize_nearest(contest_map, placement.content_hw, placement.image_hw)
    extent_hw = _extent_hw(placement, stride, resolution)
    return resize_nearest(contest_map, placement.image_hw, extent_hw), contest_map


def may_hide_segments(placement: Placement, stride: int, resolution: str) -> bool:
    """Say whether the label map of `both_maps` lacks rows or columns on which masks competed.

    So it is for an image smaller than that grid, and for one little larger whose content ends early
    in the last cell: no pixel centre lies there.
    """
    return resolution != "image" and any(
        extent > size or int((size - 0.5) * (extent / size)) < math.ceil(extent) - 1
        for size, extent in zip(
            placement.image_hw, _extent_hw(placement, stride, resolution), strict=True
        )
    )


def _extent_hw(placement: Placement, stride: int, resolution: str) -> tuple[float, float]:
    """Return how far the image reaches on the grid of the masks, or of the network input."""
    step = stride if resolution == "mask" else 1
    height, width = placement.content_hw
    return height / step, width / step


def drop_absent(
    founders: np.ndarray, label_map: np.ndarray, content_map: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Re-index so that every segment has pixels in `label_map`; the others become void."""
    present = np.bincount(label_map.ravel() + 1, minlength=len(founders) + 1)[1:] > 0
    if present.all():
        return founders, label_map, content_map
    table = renumbered(present)
    return founders[present], table[label_map], table[content_map]


def renumbered(kept: np.ndarray) -> np.ndarray:
    """Return int32 [segment + 1]: the index of each kept segment among them, `VOID` for others.

    The last entry is `VOID`, which is -1, so that void finds itself.

    Args:
        kept: bool [segment].
    """
    return np.append(np.where(kept, np.cumsum(kept) - 1, VOID), VOID).astype(np.int32)
