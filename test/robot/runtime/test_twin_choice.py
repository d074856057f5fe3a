# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""8-bit files are taken where they pay and lose nothing, and wherever somebody says so."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from psg_ros.backend_table import BACKENDS, TWINS
from psg_ros.robot.manifest import (
    MANIFEST_FILE,
    Manifest,
    TwinFile,
    TwinLoss,
    Twins,
    read_manifest,
)
from psg_ros.robot.runtime import twin_choice
from psg_ros.robot.runtime.twin_choice import choose_twin, is_accurate, is_made_for_int8

WITHOUT_BF16 = frozenset({"avx2", "avx512_vnni"})  # Cascade Lake
WITH_BF16 = frozenset({"avx2", "avx512_vnni", "avx512_bf16"})  # Zen 4
OLD = frozenset({"avx2", "fma"})
FILES = {"segmenter": TwinFile("s.int8.onnx", "00")}
GOOD, BAD = (Twins(FILES, {"openvino": TwinLoss(loss, 0.1)}) for loss in (0.5, 0.51))


@pytest.fixture
def manifest(tiny_model: Path) -> Manifest:
    return read_manifest(tiny_model / MANIFEST_FILE)


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch):
    def processor(features: frozenset[str]) -> None:
        monkeypatch.setattr(twin_choice, "cpu_features", lambda: features)

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
    assert choose_twin("auto", "openvino", "auto", good) == "int8"
    assert choose_twin("auto", "openvino", "CPU", good) == "int8"
    assert not choose_twin("auto", "openvino", "gpu", good)
    assert not choose_twin("auto", "onnxruntime", "auto", good)
    assert not choose_twin("auto", "tensorrt", "auto", good), "nobody has measured it"
    assert not choose_twin("fp32", "openvino", "auto", good), "somebody asked for fp32"
    assert not choose_twin("auto", "openvino", "auto", manifest), "there are no such files"
    only_fp8 = dataclasses.replace(manifest, fp8=GOOD)
    assert not choose_twin("auto", "openvino", "auto", only_fp8), "processors have none"
    for features in (WITH_BF16, OLD):
        on(features)
        assert not choose_twin("auto", "openvino", "auto", good)


def test_auto_leaves_what_loses_too_much_or_was_not_measured(manifest: Manifest, on) -> None:
    on(WITHOUT_BF16)
    unmeasured = Twins(FILES)
    forgetful = Twins(FILES, {"openvino": TwinLoss(0.1, 0.7)})
    in_vain = Twins(FILES, {"openvino": TwinLoss(math.nan)})
    good_elsewhere = Twins(FILES, {"onnxruntime": TwinLoss(0.1, 0.1), "openvino": TwinLoss(60.0)})
    for int8 in (BAD, unmeasured, forgetful, in_vain, good_elsewhere):
        assert not is_accurate(int8, "openvino")
        model = dataclasses.replace(manifest, int8=int8)
        assert not choose_twin("auto", "openvino", "auto", model)
        assert choose_twin("int8", "openvino", "auto", model) == "int8", "by name it runs"


def test_segments_alone_are_judged_by_their_quality_alone() -> None:
    assert is_accurate(Twins(FILES, {"openvino": TwinLoss(-0.2)}), "openvino")


@pytest.mark.parametrize("kind", TWINS)
def test_who_names_a_kind_gets_it_with_every_backend(manifest: Manifest, kind) -> None:
    model = dataclasses.replace(manifest, int8=GOOD, fp8=GOOD)
    assert {choose_twin(kind, name, "auto", model) for name in BACKENDS} == {kind}


@pytest.mark.parametrize("kind", TWINS)
def test_files_that_a_model_has_not_are_refused_with_the_command_that_makes_them(
    manifest: Manifest, kind
) -> None:
    words = f"has no {kind} files: make them with psg quantize --precision {kind}"
    with pytest.raises(ValueError, match=words):
        choose_twin(kind, "onnxruntime", "auto", manifest)
