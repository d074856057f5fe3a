# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every default of the deployed part, as frozen dataclasses; those of the node are beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psg_ros.backend_table import TWINS, parse_device, pipeline_choices
from psg_ros.labels import check_pairs
from psg_ros.setting_fields import MODEL_THRESHOLD, check_ranges, described


@dataclass(frozen=True)
class Recommendation:
    """What a model recommends unless told otherwise; those of the panoptic merge are EoMT's."""

    score: float = 0.8
    overlap: float = 0.8
    relation: float = 0.1
    relation_source: str = "auto"


RECOMMENDED = Recommendation()


RELATION_SOURCES = ("auto", "model", "geometry", "both")


@dataclass(frozen=True)
class PictureConfig:
    """Which pictures are read at all.

    Raises:
        ValueError: a value outside its range.
    """

    # The default is above the largest sensors of industrial cameras (151 megapixels).
    max_megapixels: int = described(
        160,
        "refuse pictures with more megapixels before decoding them; each megapixel takes about "
        "7 MB of memory",
        minimum=1,
        maximum=2000,
    )

    def __post_init__(self) -> None:
        check_ranges(self)


def check_region(region: Sequence[float]) -> None:
    """Raise ValueError unless a region lies in the image and has a size."""
    fits = len(region) == 4 and all(0 <= share <= 1 for share in region)  # NaN fails, too
    if fits:
        x, y, width, height = region
        fits = min(width, height) > 0 and max(x + width, y + height) <= 1 + 1e-9
    if not fits:
        raise ValueError(
            "region must be x, y, width and height as shares of the image that lie in it, as in "
            f"0.25, 0.0, 0.5, 1.0 for its middle, not {', '.join(map(str, region))}"
        )


@dataclass(frozen=True)
class PipelineConfig:
    """How images become scene graphs.

    What begins with `track` concerns frames of a stream only; a picture without a stamp stands
    alone.

    Raises:
        ValueError: a value outside its range or choices.
    """

    model: str = described(
        "demo",
        "model to run: the name of a model that ships or was fetched, or the path of a model "
        "folder",
        fixed=True,
    )
    backend: str = described(
        "auto",
        "library that runs the model; auto: tensorrt if it works here, else openvino, or "
        "onnxruntime if only that is installed or runs on the device (on Arm, onnxruntime comes "
        "before openvino); torch, never chosen by auto, takes a run folder of psg train as the "
        "model",
        choices=pipeline_choices,
        fixed=True,
    )
    device: str = described(
        "auto",
        "processor that runs the model: auto, cpu, gpu (Intel), cuda or tensorrt (NVIDIA), with "
        "a number if there are several, as in cuda:1; auto: cuda if ONNX Runtime is built for "
        "it, else cpu",
        check=parse_device,
        fixed=True,
    )
    threads: int = described(
        0,
        "CPU threads of the backend; 0: the backend decides, within the limits of a container",
        minimum=0,
        maximum=256,
        fixed=True,
    )
    precision: str = described(
        "auto",
        "arithmetic of the backend; int8 and fp8 run files of psg quantize; auto: the fastest of "
        "bf16 (if the processor has it), fp16 (Intel GPUs) and fp32, the types of the file "
        "(tensorrt), or the model's int8 files, if it has some and the processor is made for int8 "
        "but not for bf16",
        choices=("auto", "fp32", "bf16", "fp16", *TWINS),
        fixed=True,
    )
    fused_segments: int = described(
        32,
        "backend torch on an NVIDIA GPU: compute a whole image as one captured graph, for at most "
        "this many segments; 0: two networks, with the merge of masks on the processor in between, "
        "for any number",
        minimum=0,
        maximum=254,
        fixed=True,
    )
    score_threshold: float = described(
        MODEL_THRESHOLD,
        "drop queries whose class score is lower; -1: as the model recommends",
        minimum=0.0, maximum=1.0, from_model=True,
    )  # fmt: skip
    overlap_threshold: float = described(
        MODEL_THRESHOLD,
        "drop segments that win less than this share of their own mask; -1: as the model "
        "recommends",
        minimum=0.0, maximum=1.0, from_model=True,
    )  # fmt: skip
    merge_resolution: str = described(
        "input",
        "where masks compete for pixels: image (exact, slow), input (size of the network input) "
        "or mask (raw mask grid)",
        choices=("image", "input", "mask"),
    )
    # A share, not px: whatever the camera's resolution, a network draws masks on one coarse grid.
    # The default is about three of its cells (of 160 x 160); the published rule has no limit.
    min_segment_area: float = described(
        0.0001,
        "drop segments that cover less than this share of the image; their pixels become void; "
        "0: keep all",
        minimum=0.0,
        maximum=1.0,
    )
    relation_threshold: float = described(
        MODEL_THRESHOLD,
        "drop relations with a lower score; -1: as the model recommends",
        minimum=0.0, maximum=1.0, from_model=True,
    )  # fmt: skip
    max_relations: int = described(
        100, "list at most this many relations, best first", minimum=0, maximum=100_000
    )
    max_segments: int = described(
        0,
        "relate only this many segments, those with the best scores; 0: all (the number of "
        "pairs grows with the square)",
        minimum=0, maximum=65_534,
    )  # fmt: skip
    region: tuple[float, ...] = described(
        (0.0, 0.0, 1.0, 1.0),
        "the part of each image to work on: x and y of its corner, width and height, as shares "
        "of the image; everything outside is void, and all coordinates refer to the whole image",
        check=check_region,
    )
    classes: tuple[str, ...] = described(
        (), "labels of interest; all other segments become void; empty: all labels"
    )
    pairs: tuple[str, ...] = described(
        (),
        'pairs of labels to relate, as in "person - cup" or "person - anything", in either '
        "direction; no other pairs are computed; empty: all",
        check=check_pairs,
    )
    relation_source: str = described(
        "auto",
        "where relations come from: the model's relation stage, geometry (rules over masks, and "
        "over depth if there is some), or both; auto: as the model recommends, usually its "
        "relation stage, or geometry if it has none",
        choices=RELATION_SOURCES,
    )
    geometry_threshold: float = described(
        0.5,
        "how clearly the geometry must show a relation for it to be listed",
        minimum=0.01,
        maximum=1.0,
    )
    track: bool = described(
        True,
        "give nodes ids that persist over time; false: new ids in every image",
        fixed=True,
    )
    # Our choice: two or three images of the slowest published model on a small CPU fit in, and of
    # what moves, little stays where it was for longer.
    track_gap_s: float = described(
        3.0,
        "seconds between the stamps of two images up to which ids persist; after a longer gap, "
        "or if stamps go back, all ids are new; 0: no limit",
        minimum=0.0,
        maximum=3600.0,
    )
    track_cut: float = described(
        0.35,
        "likeness of two consecutive images (correlation, -1..1, with the camera's motion "
        "removed) below which all ids are new, because the view has cut to something else; -1: "
        "never",
        minimum=-1.0,
        maximum=1.0,
    )
    track_min_iou: float = described(
        0.2,
        "overlap between a segment and the predicted place of a node (intersection over union, "
        "reduced if their classes differ) from which they are the same",
        minimum=0.01,
        maximum=1.0,
    )
    track_class_weight: float = described(
        0.5,
        "how much of that overlap is discounted if the thing's class is one that the node never "
        "had; 0: classes do not matter, 1: another class is never the same node",
        minimum=0.0,
        maximum=1.0,
    )
    track_class_s: float = described(
        2.0,
        "seconds after which an image counts only a third in the vote on a node's class",
        minimum=0.01,
        maximum=3600.0,
    )
    track_weak_score: float = described(
        0.6,
        "share of score_threshold that is enough for a segment to continue a confirmed node, "
        "but not to start one; 1: no weaker segments",
        minimum=0.1,
        maximum=1.0,
    )
    track_confirm_s: float = described(
        0.5,
        "seconds a node must have been seen, minus those in which it was not, to become confirmed",
        minimum=0.0,
        maximum=3600.0,
    )
    track_coast_s: float = described(
        2.0,
        "seconds a node keeps its id while it is not seen; confirmed nodes stay in the graph as "
        "coasting",
        minimum=0.0,
        maximum=3600.0,
    )
    track_relations: bool = described(
        True,
        "average relations over time and give them states; false: list those of each image",
    )
    track_relation_s: float = described(
        0.8,
        "seconds over which the score of a relation is averaged",
        minimum=0.0,
        maximum=3600.0,
    )
    track_relation_confirm: float = described(
        0.4,
        "averaged score from which a relation can become confirmed",
        minimum=0.0,
        maximum=1.0,
    )
    track_relation_release: float = described(
        0.3,
        "a confirmed relation fades below this share of track_relation_confirm, or of the best "
        "score between the same two nodes if that is higher",
        minimum=0.0,
        maximum=1.0,
    )
    track_relation_dwell_s: float = described(
        0.1,
        "seconds a relation must keep that score to become confirmed",
        minimum=0.0,
        maximum=3600.0,
    )
    track_relation_fade_s: float = described(
        1.5,
        "seconds a confirmed relation fades before it is dropped",
        minimum=0.0,
        maximum=3600.0,
    )

    def __post_init__(self) -> None:
        check_ranges(self)


def _with_default(name: str, default: Any) -> Any:
    """Return a described field of `PipelineConfig` with another default."""
    (field,) = (field for field in dataclasses.fields(PipelineConfig) if field.name == name)
    return dataclasses.field(default=default, metadata=field.metadata)


TRACKING_SETTINGS = tuple(
    field.name for field in dataclasses.fields(PipelineConfig) if field.name.startswith("track")
)
"""Fields of `PipelineConfig` that pictures which stand alone have no use for."""


@dataclass(frozen=True)
class DeltaConfig:
    """How graphs become deltas, see msg/GraphDelta.msg.

    Raises:
        ValueError: a value outside its range.
    """

    delta_keyframe_s: float = described(
        2.0,
        "seconds after which a delta holds the whole graph again, so that a subscriber that "
        "missed one recovers; 0: every delta does",
        minimum=0.0,
        maximum=3600.0,
    )
    delta_pixels: float = described(
        5.0,
        "send a node again in deltas once its box, its centroid or the side of a square of its "
        "area has changed by more pixels; 0: always",
        minimum=0.0,
        maximum=10_000.0,
    )
    delta_metres: float = described(
        0.05,
        "send a node again in deltas once its position or size has changed by more metres; 0: "
        "always",
        minimum=0.0,
        maximum=100.0,
    )
    delta_score: float = described(
        0.1,
        "send a node or relation again in deltas once its score or probability has changed by "
        "more; 0: always",
        minimum=0.0,
        maximum=1.0,
    )

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class EvaluationConfig(PipelineConfig):
    """The pipeline as `psg evaluate` runs it: defaults that make figures comparable, not fast.

    Masks compete at image size, as in the code of the papers, in arithmetic that every processor
    has, no segment is too small to count, and nothing carries over from image to image.
    """

    precision: str = _with_default("precision", "fp32")
    merge_resolution: str = _with_default("merge_resolution", "image")
    min_segment_area: float = _with_default("min_segment_area", 0.0)
    track: bool = _with_default("track", False)


@dataclass(frozen=True)
class TeacherConfig(PipelineConfig):
    """The pipeline as `psg label` runs it: labels that are right and equal everywhere, not fast."""

    precision: str = _with_default("precision", "fp32")
    merge_resolution: str = _with_default("merge_resolution", "image")


@dataclass(frozen=True)
class DoubtConfig:
    """From which score on `psg label` believes its teacher.

    Raises:
        ValueError: a value outside its range.
    """

    thing_score: float = described(
        0.5, "score below which the area of a thing becomes void", minimum=0.0, maximum=1.0
    )
    stuff_score: float = described(
        0.5, "score below which the area of stuff becomes void", minimum=0.0, maximum=1.0
    )

    def __post_init__(self) -> None:
        check_ranges(self)
