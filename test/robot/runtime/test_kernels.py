# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Kernels compute what the numpy path computes: run here by g++, compiled here for GPUs.

No GPU has run them.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from kernels_on_cpu import compile_on_cpu, run_kernel

pytest.importorskip("simplejpeg", reason="the decoder of images needs it")

from psg_ros.pictures.image_decoding import decode_image
from psg_ros.robot.ops.enlarge import contest_hw
from psg_ros.robot.ops.image import Placement, place, write_content
from psg_ros.robot.ops.overlap import overlap_ratios
from psg_ros.robot.ops.pairs import unordered_pairs
from psg_ros.robot.ops.panoptic import best_label, contest
from psg_ros.robot.ops.scratch import Scratch
from psg_ros.robot.runtime.cuda import FORMATS, compile_kernels, kernel_sources
from psg_ros.robot.runtime.tensorrt.antialiasing import weight_table

CAPABILITIES = ((7, 5), (8, 7), (8, 9), (9, 0), (12, 0))
"""Turing, Orin, Ada, Hopper, Blackwell."""

SOURCES = kernel_sources()
needs_gcc = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
CHANNELS = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "yuyv": 2, "uyvy": 2}
PADDING = (124, 116, 104)


@pytest.fixture(scope="module")
def library(request, tmp_path_factory):
    def get(name):
        return compile_on_cpu(SOURCES[name], tmp_path_factory.mktemp("kernels"))

    cache = {name: get(name) for name in SOURCES}
    return cache


def message(encoding: str, width: int, height: int, spare: int = 0):
    """Return a random Image message whose rows have `spare` bytes behind the pixels."""
    step = width * CHANNELS.get(encoding, 1) + spare
    rows = height * 3 // 2 if encoding.startswith("nv") else height
    data = np.random.default_rng(width * height).integers(0, 256, rows * step, dtype=np.uint8)
    return SimpleNamespace(
        encoding=encoding, width=width, height=height, step=step, data=data, is_bigendian=0
    )


def prepared(library, image, input_hw) -> np.ndarray:
    placement = place((image.height, image.width), input_hw)
    content_h, content_w = placement.content_hw
    found = np.full((*input_hw, 3), 77, np.uint8)
    padding = PADDING[0] << 16 | PADDING[1] << 8 | PADDING[2]
    run_kernel(
        library["prepare.cu"], "prepare", input_hw[0] * input_hw[1], image.data, found,
        FORMATS.index(image.encoding), image.step, image.width, image.height, content_w, content_h,
        input_hw[1], input_hw[0], padding,
    )  # fmt: skip
    return found


def by_numpy(image, input_hw) -> np.ndarray:
    expected = np.full((*input_hw, 3), PADDING, np.uint8)
    height, width = place((image.height, image.width), input_hw).content_hw
    write_content(decode_image(image), expected[:height, :width])
    return expected


SIZES = [(64, 48), (62, 50), (130, 96), (192, 144), (200, 30), (30, 200), (34, 26), (2, 4)]
"""Width and height of the picture, for an input of 48 x 64: as it is, odd ratios, large, narrow."""


@needs_gcc
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("encoding", FORMATS)
def test_the_network_input_is_that_of_the_processor(library, encoding, size):
    for spare in (0, 5):
        image = message(encoding, size[0], size[1], spare)
        if min(size) < 3 and encoding.startswith("bayer"):
            continue
        found, expected = (f.astype(int) for f in (
            prepared(library, image, (48, 64)), by_numpy(image, (48, 64))))  # fmt: skip
        assert np.abs(found - expected).max() <= 1, "scaled bytes may round the other way"
        if size == (64, 48):
            np.testing.assert_array_equal(found, expected, err_msg="nothing is scaled")


@needs_gcc
@pytest.mark.parametrize("size", [(63, 47), (1, 1), (3, 999), (641, 481), (129, 97)], ids=str)
@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "bgra8", "mono8"])
def test_odd_sizes_are_no_exception(library, encoding, size):
    image = message(encoding, *size)
    found, expected = prepared(library, image, (48, 64)), by_numpy(image, (48, 64))
    assert np.abs(found.astype(int) - expected).max() <= 1


@needs_gcc
def test_every_colour_of_yuv_is_that_of_the_processor(library):
    """All 2^24 would take long; this is every third of each."""
    values = np.arange(0, 256, 3, dtype=np.uint8)
    y, u, v = (grid.ravel() for grid in np.meshgrid(values, values, values))
    data = np.stack([y, u, y, v], axis=1)
    width = 2 * len(values)
    height = len(y) // len(values)
    image = SimpleNamespace(
        encoding="yuyv", width=width, height=height, step=2 * width, data=data.reshape(-1),
        is_bigendian=0,
    )  # fmt: skip
    found = prepared(library, image, (height, width))
    np.testing.assert_array_equal(found, by_numpy(image, (height, width)))


RECIPES = ("eomt", "transformers", "lightly_train")


@needs_gcc
@pytest.mark.parametrize("size", [(64, 48), (130, 96), (200, 30), (30, 200), (34, 26)], ids=str)
@pytest.mark.parametrize("scaling", RECIPES)
@pytest.mark.parametrize("encoding", ["rgb8", "bgra8", "uyvy", "nv12", "bayer_grbg8"])
def test_antialiased_scaling_is_pillows_to_the_bit(library, encoding, scaling, size):
    image, input_hw = message(encoding, size[0], size[1], 3), (48, 64)
    placement = place((image.height, image.width), input_hw, scaling)
    height, width = placement.content_hw
    expected = np.full((*input_hw, 3), PADDING, np.uint8)
    write_content(decode_image(image), expected[:height, :width], scaling)
    across, down = weight_table(image.width, width), weight_table(image.height, height)
    found = np.full((*input_hw, 3), 77, np.uint8)
    run_kernel(
        library["prepare.cu"], "prepare_antialiased", input_hw[0] * input_hw[1], image.data, found,
        FORMATS.index(image.encoding), image.step, image.width, image.height, width, height,
        input_hw[1], input_hw[0], PADDING[0] << 16 | PADDING[1] << 8 | PADDING[2], across,
        across.shape[1] - 2, down, down.shape[1] - 2,
    )  # fmt: skip
    np.testing.assert_array_equal(found, expected)


@needs_gcc
@pytest.mark.parametrize("threshold", [0.0, 0.3, 1.0])
def test_the_queries_that_compete_are_those_of_the_processor(library, threshold):
    logits = np.random.default_rng(3).normal(0, 3, (50, 12)).astype(np.float32)
    logits[7] = logits[7, 0]  # all equal: the first class
    expected_scores, expected_labels = best_label(logits)
    scores, labels = np.zeros(50, np.float32), np.zeros(50, np.int32)
    run_kernel(library["segments.cu"], "score_queries", 50, logits, scores, labels, 50, 12)
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-6)
    np.testing.assert_array_equal(labels, expected_labels)
    kept, count, areas = np.full(50, -1, np.int32), np.full(1, -1, np.int32), np.ones(50, np.int32)
    run_kernel(
        library["segments.cu"], "keep_queries", 50, scores, labels, kept, count, areas, 50, 11,
        threshold,
    )  # fmt: skip
    wanted = np.flatnonzero((expected_labels < 11) & (expected_scores > threshold))
    assert count[0] == len(wanted) and not areas.any()
    np.testing.assert_array_equal(kept[: len(wanted)], wanted)


CONTESTS = [
    ((96, 144), (96, 144)), ((96, 124), (96, 124)), ((27, 144), (200, 1000)),
    ((96, 130), (40, 57)), ((4, 4), (1, 1)),
]  # fmt: skip
"""Height and width of the content and of the image, for a grid of 24 x 36 cells of 4 px."""


@needs_gcc
@pytest.mark.parametrize("num_queries", [0, 1, 2, 17])
@pytest.mark.parametrize("resolution", ["mask", "input", "image"])
@pytest.mark.parametrize("sizes", CONTESTS, ids=str)
def test_the_winners_are_those_of_the_processor(library, sizes, resolution, num_queries):
    rng = np.random.default_rng(num_queries)
    masks = cv2.GaussianBlur(rng.normal(0, 9, (24, 36, 20)), (0, 0), 2).transpose(2, 0, 1)
    masks = np.ascontiguousarray(masks * 9, np.float32)
    kept = np.sort(rng.permutation(20)[:num_queries]).astype(np.int32)
    scores = rng.uniform(0.5, 1, 20).astype(np.float32)
    if num_queries == 17:
        masks[kept[3]] = masks[kept[2]]  # equals: the first wins
        scores[kept[3]] = scores[kept[2]]
    (content_h, content_w), image_hw = sizes
    placement = Placement(image_hw, (content_h, content_w), (96, 144))
    height, width = contest_hw(placement, 4, resolution)
    codes, own = np.full((height, width), 9, np.uint16), np.zeros(max(num_queries, 1), np.int32)
    run_kernel(
        library["segments.cu"], "compete", height * width, masks, kept,
        np.array([num_queries], np.int32), scores, codes, own, 36, 24,
        0 if resolution == "mask" else 4, content_w, content_h, width, height,
    )  # fmt: skip
    matters, expected, areas = contest(
        masks, kept.astype(np.int64), scores, placement, resolution, Scratch()
    )
    mine, inside = codes % max(num_queries, 1), codes < num_queries
    if len(matters):
        theirs = matters[expected % len(matters)]
        np.testing.assert_array_equal(kept[mine], theirs)
        np.testing.assert_array_equal(inside, expected < len(matters))
    np.testing.assert_array_equal(own[np.isin(kept, matters).nonzero()[0]], areas)
    assert own.sum() == areas.sum(), "what the processor leaves out lies nowhere"


@needs_gcc
@pytest.mark.parametrize("content_hw", [(24, 36), (24, 20), (9, 36), (30, 40)])
def test_overlaps_and_pairs_are_those_of_the_processor(library, content_hw):
    rng, num_segments, grid_hw, cell = np.random.default_rng(4), 7, (5, 7), (5, 5)
    content = rng.integers(-1, num_segments, content_hw).astype(np.int32)
    expected = overlap_ratios(content, 1, num_segments, grid_hw, cell)
    ratios = np.full(expected.shape, 9, np.float32)
    run_kernel(
        library["segments.cu"], "overlap", 35, content, ratios, num_segments, content_hw[1],
        content_hw[0], grid_hw[1], grid_hw[0], cell[1], cell[0],
    )  # fmt: skip
    np.testing.assert_array_equal(ratios, expected)

    pairs, boxes = unordered_pairs(np.arange(num_segments)), rng.random((7, 4), np.float32)
    subject, other = (np.zeros((len(pairs), 35), np.float32) for _ in range(2))
    pair_boxes = np.zeros((len(pairs), 8), np.float32)
    run_kernel(
        library["segments.cu"], "gather_pairs", len(pairs) * 39, pairs, ratios, boxes, subject,
        other, pair_boxes, len(pairs), 35,
    )  # fmt: skip
    first, second = pairs.T
    np.testing.assert_array_equal(subject, expected[first])
    np.testing.assert_array_equal(other, expected[second])
    np.testing.assert_array_equal(pair_boxes, np.hstack([boxes[first], boxes[second]]))


def has_nvrtc() -> bool:
    return bool(importlib.util.find_spec("cuda")) and bool(importlib.util.find_spec("nvidia"))


@pytest.mark.skipif(not has_nvrtc(), reason="needs cuda-python and nvidia-cuda-nvrtc")
@pytest.mark.parametrize("capability", CAPABILITIES, ids=str)
@pytest.mark.parametrize("name", SOURCES)
def test_nvrtc_compiles_it_for_every_generation(name, capability):
    assert compile_kernels(name, SOURCES[name], capability).startswith(b"\x7fELF")


@pytest.mark.skipif(not has_nvrtc(), reason="needs cuda-python and nvidia-cuda-nvrtc")
def test_what_does_not_compile_says_where():
    with pytest.raises(RuntimeError, match=r"broken.cu does not compile: broken.cu\(1\): error"):
        compile_kernels("broken.cu", "int f() { return nothing; }", (8, 7))


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="needs nvcc")
@pytest.mark.parametrize("name", SOURCES)
def test_nvcc_compiles_it_for_every_generation(name, monkeypatch):
    for library in ("cuda", "cuda.bindings"):  # then nvcc is the way
        monkeypatch.setitem(sys.modules, library, None)
    for capability in CAPABILITIES:
        compile_kernels.cache_clear()
        assert compile_kernels(name, SOURCES[name], capability).startswith(b"\x7fELF")


def test_where_nothing_compiles_the_cure_is_named(monkeypatch):
    compile_kernels.cache_clear()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    for library in ("cuda", "cuda.bindings"):
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(RuntimeError, match="pip install cuda-python"):
        compile_kernels("prepare.cu", "", (8, 7))
