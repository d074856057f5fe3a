# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Names of backends and devices, as users write them."""

from __future__ import annotations

import importlib.util

import pytest

from psg_ros.backend_table import (
    BACKENDS,
    CPU,
    RUN_BACKENDS,
    Device,
    backend_choices,
    device_kinds,
    installation,
    parse_device,
    pipeline_choices,
)


@pytest.mark.parametrize(
    ("text", "expected", "shown"),
    [
        ("cpu", CPU, "cpu"),
        (" CPU ", CPU, "cpu"),
        ("cuda", Device("cuda", 0), "cuda:0"),
        ("CUDA:1", Device("cuda", 1), "cuda:1"),
        ("tensorrt:0", Device("tensorrt"), "tensorrt:0"),
        ("gpu:12", Device("gpu", 12), "gpu:12"),
    ],
)
def test_a_device_is_a_kind_and_a_number(text, expected, shown):
    assert (parse_device(text), str(parse_device(text))) == (expected, shown)
    assert parse_device(shown) == expected


def test_auto_is_no_device():
    assert parse_device("auto") is parse_device("Auto") is None


@pytest.mark.parametrize(
    "text",
    ["", "nvidia", "cpu:0", "cuda:", "cuda:-1", "cuda:one", "cuda:1:2", "cuda 1", "cuda:9999",
     "cuda:١", "cuda:1\n2", "auto:1", ":1"],
)  # fmt: skip
def test_other_texts_are_refused_with_the_choices(text):
    choices = "must be one of auto, cpu, gpu, cuda, tensorrt, "
    with pytest.raises(ValueError, match=choices) as error:
        parse_device(text)
    assert repr(text) in str(error.value)


def test_every_row_has_a_file_that_is_there_and_runs_on_something():
    for row in (*BACKENDS.values(), *RUN_BACKENDS.values()):
        assert importlib.util.find_spec(row.module) is not None
        assert row.packages and set(row.packages) <= set(device_kinds())


def test_the_package_to_install_depends_on_the_device():
    assert installation("torch", "cuda") == "pip install '.[train]' in the source folder"
    assert installation("onnxruntime") == "pip install onnxruntime (extra 'onnxruntime')"
    gpu = "pip install onnxruntime-gpu (extra 'onnxruntime-gpu')"
    assert installation("onnxruntime", "cuda") == installation("onnxruntime", "tensorrt") == gpu


def test_a_pipeline_has_more_choices_than_a_model_folder():
    assert RUN_BACKENDS.keys().isdisjoint(BACKENDS)
    assert pipeline_choices() == (*backend_choices(), "torch")
