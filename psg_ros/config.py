# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every default of the deployed part, as frozen dataclasses, and the strict YAML reader.

All settings of the package are fields of dataclasses that carry their own range: `checked` where
only files set them, `described` where command-line flags and ROS parameters are derived from them,
too. `__post_init__` calls `check_ranges`.
"""

from __future__ import annotations

import dataclasses
import difflib
import operator
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

import yaml

from psg_ros.backend_table import backend_choices, parse_device

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Config = TypeVar("Config", bound="DataclassInstance")

MODEL_THRESHOLD = -1.0
"""A threshold of -1 means: take the value that the model's manifest recommends."""


@dataclass(frozen=True)
class Recommendation:
    """What a model recommends unless told otherwise; those of the panoptic merge are EoMT's."""

    score: float = 0.8
    overlap: float = 0.8
    relation: float = 0.1
    relation_source: str = "auto"


RECOMMENDED = Recommendation()
RELATION_SOURCES = ("auto", "model", "geometry", "both")


def checked(
    default: Any,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """Return a dataclass field with a default and an allowed range, see `check_ranges`.

    Args:
        minimum, maximum: allowed themselves.
        above, below: limits that are not allowed themselves.
    """
    limits = {"minimum": minimum, "maximum": maximum, "above": above, "below": below}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    return dataclasses.field(default=default, metadata={**given, "choices": choices})


def described(
    default: Any,
    text: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] | Callable[[], tuple[str, ...]] = (),
    check: Callable[[str], object] | None = None,
    fixed: bool = False,
    from_model: bool = False,
) -> Any:
    """Return a field as `checked` does, with what flags and ROS parameters need besides.

    Args:
        text: what the setting does, for help and descriptor.
        choices: or what returns them, for choices from a table; see `choices_of`.
        check: raises ValueError for a text that is not allowed, where choices are too many to list.
        fixed: a change needs a new `configure`.
        from_model: `MODEL_THRESHOLD` is allowed, too, though outside the range.
    """
    metadata = {
        "text": text, "minimum": minimum, "maximum": maximum, "choices": choices, "check": check,
        "fixed": fixed, "from_model": from_model,
    }  # fmt: skip
    return dataclasses.field(default=default, metadata=metadata)


def choices_of(field: dataclasses.Field[Any]) -> tuple[str, ...]:
    """Return the values that a described field may have; none where there is no list of them."""
    choices = field.metadata.get("choices", ())
    return tuple(choices() if callable(choices) else choices)


def chosen_by_type(default: Any, choose: Callable[[str], type]) -> Any:
    """Return a dataclass field that holds one of several dataclasses.

    In YAML the key `type` of its mapping says which; without it, it is the class of the default.

    Args:
        default: has an attribute `type`.
        choose: returns the class of a type; ValueError for one that is not there.
    """
    return dataclasses.field(default=default, metadata={"choose": choose, "type": default.type})


@dataclass(frozen=True)
class PictureConfig:
    """Which pictures are read at all.

    Raises:
        ValueError: a value outside its range.
    """

    # The default is above the largest sensors of industrial cameras (151 megapixels).
    max_megapixels: int = described(
        160,
        "pictures of more megapixels are refused before decoding; each megapixel takes about 7 MB "
        "of memory",
        minimum=1,
        maximum=2000,
    )

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class PipelineConfig:
    """How images become scene graphs.

    What begins with `track` concerns frames of a stream only; a picture without a stamp stands
    alone.

    Raises:
        ValueError: a value outside its range or choices.
    """

    model: str = described(
        "demo", "the model: a folder name below models/, or the path of a model folder", fixed=True
    )
    backend: str = described(
        "auto",
        "what runs the model; auto is openvino, or onnxruntime where only that is installed or "
        "runs on the device; on Arm the other way round",
        choices=backend_choices,
        fixed=True,
    )
    device: str = described(
        "auto",
        "where the model runs: auto, cpu, gpu (of Intel), cuda or tensorrt (of NVIDIA), one of "
        "several as in cuda:1; auto is cuda where ONNX Runtime is built for it, otherwise cpu",
        check=parse_device,
        fixed=True,
    )
    threads: int = described(
        0,
        "CPU threads of the backend; 0 leaves the choice to it",
        minimum=0,
        maximum=256,
        fixed=True,
    )
    precision: str = described(
        "auto",
        "arithmetic of the backend; auto takes what is fastest of bf16 (processors that have it), "
        "fp16 (GPU of Intel) and fp32",
        choices=("auto", "fp32", "bf16", "fp16", "int8"),
        fixed=True,
    )
    score_threshold: float = described(
        MODEL_THRESHOLD,
        "class score below which a query is dropped; -1 takes the model's recommendation",
        minimum=0.0, maximum=1.0, from_model=True,
    )  # fmt: skip
    overlap_threshold: float = described(
        MODEL_THRESHOLD,
        "share of its own mask that a segment must win; -1 takes the model's recommendation",
        minimum=0.0, maximum=1.0, from_model=True,
    )  # fmt: skip
    merge_resolution: str = described(
        "input",
        "where masks compete: image (exact, slow), input (network size) or mask (raw mask grid)",
        choices=("image", "input", "mask"),
    )
    # A share, not px: whatever the camera's resolution, a network draws masks on one coarse grid.
    # The default is about three of its cells (of 160 x 160); the published rule has no limit.
    min_segment_area: float = described(
        0.0001,
        "share of the image, 0..1, below which a segment is left out, as void; 0 keeps all",
        minimum=0.0,
        maximum=1.0,
    )
    relation_threshold: float = described(
        MODEL_THRESHOLD,
        "relation score below which a relation is not listed; -1 takes the model's recommendation",
        minimum=0.0, maximum=1.0, from_model=True,
    )  # fmt: skip
    max_relations: int = described(
        100, "at most this many relations, best first", minimum=0, maximum=100_000
    )
    max_segments: int = described(
        0,
        "relations only between the best-scored segments; 0 means all (pairs grow with the square)",
        minimum=0, maximum=65_534,
    )  # fmt: skip
    relation_source: str = described(
        "auto",
        "what relates segments: the model's relation stage, geometry (written rules over masks, "
        "and depth where there is some), or both; auto is what the model recommends: mostly its "
        "relation stage, or geometry where it has none",
        choices=RELATION_SOURCES,
    )
    geometry_threshold: float = described(
        0.5,
        "how clearly the geometry must show a relation to say so",
        minimum=0.01,
        maximum=1.0,
    )
    track: bool = described(
        True,
        "give nodes ids that last over time; false renumbers them in every image",
        fixed=True,
    )
    # Our choice: two or three images of the slowest published model on a small CPU fit in, and of
    # what moves, little stays where it was for longer.
    track_gap_s: float = described(
        3.0,
        "most seconds between the stamps of two images for ids to go on; after a longer gap, and "
        "where stamps go back, all ids are new; 0 is no limit",
        minimum=0.0,
        maximum=3600.0,
    )
    track_min_iou: float = described(
        0.3,
        "overlap with the last image (intersection over union) from which on a segment keeps its "
        "id",
        minimum=0.01,
        maximum=1.0,
    )
    track_max_missed: int = described(
        5,
        "most images in a row in which a node may be missing and still come back with its id",
        minimum=0,
        maximum=10_000,
    )
    track_min_hits: int = described(
        3,
        "images in which a node must have been seen for its track to be confirmed",
        minimum=1,
        maximum=10_000,
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


def check_ranges(config: Any) -> None:
    """Raise ValueError for the first field outside the range or choices that it declares."""
    for field in dataclasses.fields(config):
        value, facts = getattr(config, field.name), field.metadata
        choices = choices_of(field)
        if check := facts.get("check"):
            check(value)
        if choices and value not in choices:
            raise ValueError(f"{field.name} must be one of {', '.join(choices)}, not {value!r}")
        if facts.get("from_model") and value == MODEL_THRESHOLD:
            continue
        if any(not within(value, limit) for within, limit in _limits(facts)):
            raise ValueError(f"{field.name} must {range_text(**_range(facts))}, not {value}")


def range_text(
    minimum: float | None = None,
    maximum: float | None = None,
    from_model: bool = False,
    *,
    above: float | None = None,
    below: float | None = None,
) -> str:
    """Return what follows "must" where a value is outside its range."""
    low, high = (above if minimum is None else minimum), (below if maximum is None else maximum)
    if high is None:
        text = f"be {low} or more" if above is None else f"be above {low}"
    elif above is not None:
        text = f"lie above {low} and up to {high}"
    else:
        text = f"lie in {low} .. {high}" + (" (exclusive)" if maximum is None else "")
    return text + (f" or be {MODEL_THRESHOLD} (the model's own)" if from_model else "")


_WITHIN: dict[str, Callable[[Any, Any], bool]] = {
    "minimum": operator.ge, "maximum": operator.le, "above": operator.gt, "below": operator.lt,
}  # fmt: skip


def _range(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in (*_WITHIN, "from_model") if name in facts}


def _limits(facts: Mapping[str, Any]) -> list[tuple[Callable[[Any, Any], bool], Any]]:
    """Return the comparisons that must hold; NaN fails each of them."""
    return [(within, facts[n]) for n, within in _WITHIN.items() if facts.get(n) is not None]


def config_from_dict(kind: type[Config], values: dict[str, Any], source: str) -> Config:
    """Return `kind(**values)` after checking names and types; nested dataclasses take mappings.

    Args:
        source: where the values came from, for the error message.

    Raises:
        ValueError: an unknown key (with the nearest known one), a wrong type or a refused value;
            names the source.
    """
    hints = get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    known = list(fields)
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
            raise ValueError(f"{source}: unknown key {key!r}{hint}")
    # Outside of the `try`: what is wrong inside names its place already.
    converted = {
        key: _convert_field(fields[key], hints[key], value, f"{source}: {key}")
        for key, value in values.items()
    }
    try:
        return kind(**converted)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{source}: {error}") from error


def load_config(kind: type[Config], path: Path) -> Config:
    """Read a YAML mapping of differences from the defaults of `kind`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a YAML mapping, or refused by `config_from_dict`; names the file.
    """
    return config_from_dict(kind, read_mapping(path), str(path))


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a YAML mapping; names the file.
    """
    try:
        # Bytes: then bad encoding is an error of YAML like others, and no locale matters.
        values = yaml.safe_load(Path(path).read_bytes()) or {}
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {error}") from error
    if not isinstance(values, dict):
        found = type(values).__name__
        raise ValueError(f"{path} must hold a mapping of keys to values, not {found}")
    return values


def _convert_field(field: dataclasses.Field, hint: Any, value: Any, where: str) -> Any:
    """Return the value of a field; a mapping as the dataclass that its key `type` names."""
    choose = field.metadata.get("choose")
    if choose is None or not isinstance(value, dict):
        return _convert(hint, value, where)
    values = dict(value)
    try:
        kind = choose(values.pop("type", field.metadata["type"]))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    return config_from_dict(kind, values, where)


def _convert(hint: Any, value: Any, where: str) -> Any:
    """Return the value in the annotated type: int -> float, list -> tuple, mapping -> dataclass.

    Of `X | None` it is X, unless the value is None (null in YAML).
    """
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        (hint,) = (choice for choice in hint.__args__ if choice is not types.NoneType)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise ValueError(f"{where} must be a mapping, not {value!r}")
        return config_from_dict(hint, value, where)
    if getattr(hint, "__origin__", hint) is dict:
        if not isinstance(value, dict):
            raise ValueError(f"{where} must be a mapping, not {value!r}")
        _, item = hint.__args__
        return {str(key): _convert(item, v, f"{where}: {key}") for key, v in value.items()}
    if getattr(hint, "__origin__", hint) is tuple:
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{where} must be a list, not {value!r}")
        items = [a for a in hint.__args__ if a is not Ellipsis]
        items = items * len(value) if Ellipsis in hint.__args__ else items
        if len(items) != len(value):
            raise ValueError(f"{where} must have {len(items)} entries, not {len(value)}")
        return tuple(_convert(h, v, where) for h, v in zip(items, value, strict=True))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    plain = {int, float, str, bool}
    if hint in plain and type(value) is not hint:
        raise ValueError(f"{where} must be {hint.__name__}, not {value!r}")
    return value
