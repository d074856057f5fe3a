# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures and their segments stay together on the way into a batch; the stream can be repeated."""

from __future__ import annotations

import json
from itertools import islice

import cv2
import numpy as np
import pytest
import torch

from psg_ros.data.psg import load_psg
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.training import samples as module
from psg_ros.training.samples import (
    VOID_BYTE,
    BatchStream,
    Sample,
    augment,
    load_samples,
    pad_image,
    targets_of,
)

SIZES = [(32, 48), (64, 64), (96, 32)]
KERNEL = np.ones((3, 3), np.uint8)
RED_GREEN_BLUE = np.array([(200, 40, 40), (40, 200, 40), (40, 40, 200)], np.uint8)


def painted(segments: np.ndarray) -> Sample:
    """A picture in which segment k shines in channel k, whatever contrast and brightness are."""
    return Sample(RED_GREEN_BLUE[segments], segments.astype(np.uint8), np.arange(3))


def stripes(height: int = 90, width: int = 120, thickness: int = 9) -> np.ndarray:
    rows, columns = np.arange(height) // thickness, np.arange(width) // thickness
    return (rows[:, None] + columns) % 3


@pytest.mark.parametrize("size_hw", SIZES)
@pytest.mark.parametrize("thickness", [5, 20])
@pytest.mark.parametrize("seed", range(3))
def test_picture_and_segments_stay_aligned(size_hw, thickness, seed):
    base = painted(stripes(5 * thickness, 6 * thickness, thickness))
    sample = augment(base, size_hw, np.random.default_rng(seed))
    inside = cv2.erode(sample.segments, KERNEL) == cv2.dilate(sample.segments, KERNEL)
    assert inside.mean() > 0.2
    assert (sample.image.argmax(axis=-1) == sample.segments)[inside].all()


def test_edges_of_shrunk_segments_are_not_shifted():
    edge = np.zeros((60, 120), int)
    edge[:, 70:] = 1
    shifts = []
    for seed in range(60):
        sample = augment(painted(edge), (32, 64), np.random.default_rng(seed))
        red = sample.image[0, :, 0].astype(float)
        shown = ((red - red.min()) / (red.max() - red.min())).sum()
        shifts.append((sample.segments[0] == 0).sum() - shown)
    assert np.abs(shifts).max() <= 0.75
    assert abs(np.mean(shifts)) < 0.1, "in px of the shrunk picture"


def test_augmented_samples_fit_and_vary():
    rng, base = np.random.default_rng(3), painted(stripes())
    shapes, flipped, means = set(), set(), set()
    for _ in range(20):
        sample = augment(base, (48, 64), rng)
        height, width = sample.segments.shape
        assert sample.image.shape == (height, width, 3) and sample.image.dtype == np.uint8
        assert height <= 48 and width <= 64 and (height == 48 or width >= 57)
        shapes.add((height, width))
        flipped.add(tuple(sample.segments[0, :8]))
        means.add(round(float(sample.image.mean()), 3))
    assert len(shapes) > 3 and len(flipped) > 3 and len(means) == 20


def test_a_flip_turns_left_and_right():
    halves = np.zeros((32, 32), int)
    halves[:, 16:] = 1
    rngs = [np.random.default_rng(seed) for seed in range(30)]
    starts = [augment(painted(halves), (32, 32), rng).segments[:, 0].tolist() for rng in rngs]
    assert all(len(set(start)) == 1 for start in starts)
    assert 5 <= sum(start[0] for start in starts) <= 25


def test_padding_is_black_and_below_and_right():
    image = np.full((3, 2, 3), 7, np.uint8)
    padded = pad_image(image, (4, 5))
    assert padded.shape == (4, 5, 3)
    assert (padded[:3, :2] == 7).all() and padded.sum() == image.sum()


def test_targets_are_the_shares_of_each_cell():
    rng = np.random.default_rng(5)
    segments = rng.integers(0, 3, (14, 19)).astype(np.uint8)
    segments[:, :4] = VOID_BYTE
    target = targets_of(Sample(segments, segments, np.array([7, 3, 5])), (16, 24), 4, 1)
    whole = np.full((16, 24), VOID_BYTE)
    whole[:14, :19] = segments
    for index, share in enumerate(target.masks):
        for row in range(4):
            for column in range(6):
                cell = whole[row * 4 : row * 4 + 4, column * 4 : column * 4 + 4]
                assert share[row, column] == pytest.approx((cell == index).mean())
    assert target.labels.tolist() == [7, 3, 5]
    assert target.masks.sum(dim=0).max() <= 1 + 1e-6
    assert not target.masks[:, :, 0].any() and not target.masks[:, :, 5].any()


def test_semantic_label_needs_more_than_half_of_a_cell():
    segments = np.full((2, 6), VOID_BYTE, np.uint8)
    segments[:, 0], segments[:2, 2:4], segments[0, 4:], segments[1, 4] = 0, 1, 1, 1
    target = targets_of(Sample(segments, segments, np.array([4, 9])), (2, 6), 2, 1)
    assert target.semantic.tolist() == [[-1, 9, 9]]


def test_small_remains_are_void():
    segments = np.zeros((8, 8), np.uint8)
    segments[0, :3], segments[4:] = 1, 2
    target = targets_of(Sample(segments, segments, np.array([10, 11, 12])), (8, 8), 4, 4)
    assert target.labels.tolist() == [10, 12]
    assert target.masks[0, 0, 0] == pytest.approx(13 / 16)
    assert target.masks.sum(dim=0)[0, 0] == pytest.approx(13 / 16)


def test_a_picture_of_void_alone_has_no_targets():
    segments = np.full((8, 8), VOID_BYTE, np.uint8)
    target = targets_of(Sample(segments, segments, np.zeros(0, np.int64)), (8, 12), 4, 1)
    assert target.labels.shape == (0,) and target.masks.shape == (0, 2, 3)
    assert (target.semantic == -1).all()


def many() -> list[Sample]:
    return [painted((stripes(24, 32, 4) + shift) % 3) for shift in range(3)] * 2


def stream(**changes) -> BatchStream:
    settings = {"stride": 4, "min_segment_px": 1, "seed": 1, **changes}
    return BatchStream(settings.pop("samples", many()), (16, 32), 2, **settings)


def take(count: int, **changes) -> list:
    source = stream(**changes)
    try:
        return list(islice(source, count))
    finally:
        source.close()


def assert_equal(batches: list, others: list) -> None:
    for (images, targets), (other_images, other_targets) in zip(batches, others, strict=True):
        assert images.equal(other_images)
        for target, other in zip(targets, other_targets, strict=True):
            assert target.masks.equal(other.masks) and target.labels.equal(other.labels)


def test_batches_have_the_stated_shapes():
    ((images, targets),) = take(1)
    assert images.shape == (2, 3, 16, 32) and images.dtype == torch.uint8
    assert [tuple(target.masks.shape[1:]) for target in targets] == [(4, 8)] * 2


def test_equal_seeds_give_equal_batches_and_others_do_not():
    batches = take(4)
    assert_equal(batches, take(4))
    other = take(4, seed=2)
    assert not any(a[0].equal(b[0]) for a, b in zip(batches, other, strict=True))


def test_a_later_start_goes_on_in_the_same_sequence():
    assert_equal(take(6)[4:], take(2, start=4))


def test_closing_ends_the_thread_even_with_batches_waiting():
    source = stream()
    next(iter(source))
    source.close()
    assert not source._thread.is_alive()
    source.close()  # twice does no harm


def test_what_goes_wrong_in_the_thread_is_raised_where_batches_are_used(monkeypatch):
    real, calls = augment, []

    def breaks_later(*args):
        calls.append(args)
        if len(calls) > 2:
            raise ZeroDivisionError("third picture")
        return real(*args)

    monkeypatch.setattr(module, "augment", breaks_later)
    source = stream()
    batches = iter(source)
    next(batches)
    with pytest.raises(ZeroDivisionError, match="third picture"):
        next(batches)
    source.close()
    assert not source._thread.is_alive()


def tiny_dataset(folder):
    labels = [ObjectLabel(name, name != "ground", (1, 2, 3)) for name in ("ball", "box", "ground")]
    vocabulary = Vocabulary(tuple(labels), (Predicate("on"), Predicate("beside")))
    return load_psg(folder, vocabulary, "train")


def test_a_data_set_is_decoded_as_it_is(tiny_psg):
    dataset = tiny_dataset(tiny_psg)
    loaded = load_samples(dataset, "reading")
    assert len(loaded) == len(dataset) == 5
    for sample, item in zip(loaded, dataset, strict=True):
        label_map = item.segmentation.label_map
        np.testing.assert_array_equal(sample.segments == VOID_BYTE, label_map == -1)
        np.testing.assert_array_equal(sample.segments[label_map >= 0], label_map[label_map >= 0])
        assert sample.labels.tolist() == [2, 1, 0]
        assert sample.image[label_map == 1][0].tolist() == [220, 40, 40]


def test_more_segments_than_a_byte_counts_are_refused(tmp_path):
    ids = np.arange(16 * 16).reshape(16, 16) + 1
    bgr = np.stack([ids >> 16, ids >> 8 & 255, ids & 255], axis=-1).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), bgr)
    entry = {
        "image_id": "crowded", "file_name": "a.png", "pan_seg_file_name": "a.png",
        "height": 16, "width": 16, "relations": [],
        "segments_info": [{"id": int(i), "category_id": 0} for i in ids.flat],
    }  # fmt: skip
    content = {
        "thing_classes": ["box"], "stuff_classes": [], "predicate_classes": ["on"],
        "test_image_ids": [], "data": [entry],
    }  # fmt: skip
    (tmp_path / "psg.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="image crowded has more than 254 segments"):
        load_samples(tiny_dataset(tmp_path), "reading")
