# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settings from files: strict, and errors that name file, key and what was expected."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from psg_ros.config import PipelineConfig
from psg_ros.setting_files import config_from_dict, load_config


@dataclass(frozen=True)
class Inner:
    size_hw: tuple[int, int]


@dataclass(frozen=True)
class Fussy:
    number: int = 0

    def __post_init__(self) -> None:
        if self.number < 0:
            raise ValueError(f"number must be 0 or more, not {self.number}")


@dataclass(frozen=True)
class Outer:
    inner: Inner
    names: tuple[str, ...] = ()
    ratio: float = 0.5
    fussy: Fussy = Fussy()


def test_a_file_holds_only_the_differences(tmp_path):
    file = tmp_path / "pipeline.yaml"
    file.write_text("backend: onnxruntime\nscore_threshold: 1\n")
    expected = PipelineConfig(backend="onnxruntime", score_threshold=1.0)
    assert load_config(PipelineConfig, file) == expected


def test_an_empty_file_gives_the_defaults(tmp_path):
    file = tmp_path / "pipeline.yaml"
    file.write_text("# nothing\n")
    assert load_config(PipelineConfig, file) == PipelineConfig()


def test_an_unknown_key_is_refused_with_the_nearest_known_one(tmp_path):
    file = tmp_path / "pipeline.yaml"
    file.write_text("max_relation: 3\n")
    with pytest.raises(
        ValueError, match="pipeline.yaml: unknown key 'max_relation'.*'max_relations'"
    ):
        load_config(PipelineConfig, file)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"threads": -1}, "threads must lie in 0 .. 256, not -1"),
        ({"score_threshold": 1.5}, "score_threshold must lie in"),
        ({"score_threshold": float("nan")}, "score_threshold must lie in"),
        (
            {"overlap_threshold": -0.5},
            r"overlap_threshold must lie in 0.0 .. 1.0 or be -1.0 \(the model's own\), not -0.5",
        ),
        ({"relation_threshold": -1.5}, "relation_threshold must lie in"),
        ({"backend": "tensorrrt"}, "backend must be one of auto, tensorrt, openvino"),
        ({"threads": 2.5}, "threads must be int, not 2.5"),
        ({"threads": True}, "threads must be int, not True"),
        ({"model": 3}, "model must be str, not 3"),
        ({"score_threshold": "high"}, "score_threshold must be float, not 'high'"),
    ],
)
def test_a_value_of_the_wrong_kind_or_range_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        config_from_dict(PipelineConfig, values, "test")


@pytest.mark.parametrize("content", [b"- 1\n", b"3\n", b"a: [1\n", b"model: caf\xe9\n"])
def test_a_file_that_is_not_a_mapping_is_refused_by_name(tmp_path, content):
    file = tmp_path / "broken.yaml"
    file.write_bytes(content)
    with pytest.raises(ValueError, match="broken.yaml"):
        load_config(PipelineConfig, file)


@pytest.mark.parametrize(
    "content", [b"a: " + 60 * b"[" + 60 * b"]", b"a:\n  " + 60 * b"- " + b"1", 60 * b"{a: "]
)
def test_a_file_nested_too_deeply_is_refused_before_it_costs_the_process(tmp_path, content):
    """Of some ten thousand levels, libyaml would make a segmentation fault."""
    file = tmp_path / "deep.yaml"
    file.write_bytes(content)
    with pytest.raises(ValueError, match="deep.yaml is not YAML: it is nested deeper than 50"):
        load_config(PipelineConfig, file)


def test_a_file_is_utf8_whatever_the_locale(tmp_path):
    file = tmp_path / "pipeline.yaml"
    file.write_bytes("model: café\n".encode())
    assert load_config(PipelineConfig, file).model == "café"


def test_a_value_that_the_class_refuses_names_the_file(tmp_path):
    file = tmp_path / "pipeline.yaml"
    file.write_text("threads: -1\n")
    with pytest.raises(
        ValueError, match=r"^\S*pipeline.yaml: threads must lie in 0 .. 256, not -1$"
    ):
        load_config(PipelineConfig, file)


def test_a_value_that_an_inner_class_refuses_names_its_place_once():
    values = {"inner": {"size_hw": [1, 2]}, "fussy": {"number": -3}}
    with pytest.raises(ValueError, match="^test: fussy: number must be 0 or more, not -3$"):
        config_from_dict(Outer, values, "test")


def test_nested_values_are_converted():
    values = {"inner": {"size_hw": [3, 4]}, "names": ["a", "b"], "ratio": 1}
    outer = config_from_dict(Outer, values, "test")
    assert outer == Outer(Inner((3, 4)), ("a", "b"), 1.0)
    assert type(outer.ratio) is float


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"inner": {"size_hw": [3, 4, 5]}}, "inner: size_hw must have 2 entries, not 3"),
        ({"inner": {"size_hw": [3, "x"]}}, "inner: size_hw must be int, not 'x'"),
        ({"inner": {"size_hw": 3}}, "inner: size_hw must be a list, not 3"),
        ({"inner": {"size": [3, 4]}}, "inner: unknown key 'size'; did you mean 'size_hw'"),
        ({"inner": 3}, "inner must be a mapping, not 3"),
        ({"inner": {"size_hw": [1, 2]}, "names": "ab"}, "names must be a list, not 'ab'"),
        ({}, "inner"),
    ],
)
def test_an_error_inside_says_where(values, message):
    with pytest.raises(ValueError, match=message):
        config_from_dict(Outer, values, "test")
