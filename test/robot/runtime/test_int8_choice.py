# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""int8 files are taken where they pay and lose nothing, and wherever somebody says so."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from psg_ros.robot.manifest import MANIFEST_FILE, Int8, Int8File, Manifest, read_manifest
from psg_ros.robot.runtime import int8_choice
from psg_ros.robot.runtime.int8_choice import chooses_int8, is_accurate, is_made_for_int8

WITHOUT_BF16 = frozenset({"avx2", "avx512_vnni"})  # Cascade Lake
WITH_BF16 = frozenset({"avx2", "avx512_vnni", "avx512_bf16"})  # Zen 4
OLD = frozenset({"avx2", "fma"})
GOOD, BAD = (Int8({"segmenter": Int8File("s.int8.onnx", "00")}, loss, 0.1) for loss in (0.5, 0.51))


@pytest.fixture
def manifest(tiny_model: Path) -> Manifest:
    return read_manifest(tiny_model / MANIFEST_FILE)


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch):
    def processor(features: frozenset[str]) -> None:
        monkeypatch.setattr(int8_choice, "cpu_features", lambda: features)

    return processor


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (WITHOUT_BF16, True),
        (frozenset({"avx2", "avx_vnni"}), True),  # Alder Lake
        (WITH_BF16, False),
        (frozenset({"amx_int8", "amx_bf16", "avx512_vnni"}), False),  # Sapphire Rapids
        (OLD, False),
        (frozenset(), False),
    ],
)
def test_a_processor_is_made_for_int8_if_it_has_nothing_better(features, expected) -> None:
    assert is_made_for_int8(features) == expected


def test_auto_takes_int8_where_it_pays(manifest: Manifest, on) -> None:
    good = dataclasses.replace(manifest, int8=GOOD)
    on(WITHOUT_BF16)
    assert chooses_int8("auto", "openvino", "auto", good)
    assert chooses_int8("auto", "openvino", "CPU", good)
    assert not chooses_int8("auto", "openvino", "gpu", good)
    assert not chooses_int8("auto", "onnxruntime", "auto", good)
    assert not chooses_int8("fp32", "openvino", "auto", good), "somebody asked for fp32"
    assert not chooses_int8("auto", "openvino", "auto", manifest), "there are no such files"
    for features in (WITH_BF16, OLD):
        on(features)
        assert not chooses_int8("auto", "openvino", "auto", good)


def test_auto_leaves_what_loses_too_much_or_was_not_measured(manifest: Manifest, on) -> None:
    on(WITHOUT_BF16)
    unmeasured = Int8(GOOD.files)
    forgetful = dataclasses.replace(GOOD, mean_recall_loss=0.7)
    for int8 in (BAD, unmeasured, forgetful):
        assert not is_accurate(int8)
        model = dataclasses.replace(manifest, int8=int8)
        assert not chooses_int8("auto", "openvino", "auto", model)
        assert chooses_int8("int8", "openvino", "auto", model), "by name it runs all the same"


def test_segments_alone_are_judged_by_their_quality_alone() -> None:
    assert is_accurate(Int8(GOOD.files, pq_loss=-0.2))


def test_int8_of_a_model_without_such_files_is_refused_with_the_cure(manifest: Manifest) -> None:
    with pytest.raises(ValueError, match="has no int8 files: make them with psg quantize"):
        chooses_int8("int8", "onnxruntime", "auto", manifest)


def test_tensorrt_which_takes_no_zero_points_refuses_int8_with_the_cure(manifest: Manifest) -> None:
    good = dataclasses.replace(manifest, int8=GOOD)
    assert not chooses_int8("auto", "tensorrt", "auto", good)
    words = "tensorrt takes no int8 files .* precision to auto, or backend to openvino or onnxr"
    with pytest.raises(ValueError, match=words):
        chooses_int8("int8", "tensorrt", "auto", good)
