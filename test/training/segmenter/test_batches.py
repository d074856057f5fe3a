# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Batches: padded pictures, the truth on the mask grid, and a sequence that can be repeated."""

from __future__ import annotations

from contextlib import closing
from itertools import islice

import numpy as np
import pytest
import torch

from psg_ros.robot.ops.image import padding_rgb
from psg_ros.training import samples as samples_module
from psg_ros.training.samples import SampleMaker
from psg_ros.training.segmenter.augmentation import VOID_BYTE, Sample
from psg_ros.training.segmenter.batches import BatchStream, Grids, pad_image, targets_of

RED_GREEN_BLUE = np.array([(200, 40, 40), (40, 200, 40), (40, 40, 200)], np.uint8)


def test_padding_is_black_and_below_and_right():
    image = np.full((3, 2, 3), 7, np.uint8)
    padded = pad_image(image, (4, 5))
    assert padded.shape == (4, 5, 3)
    assert (padded[:3, :2] == 7).all() and padded.sum() == image.sum()


def test_padding_has_the_colour_that_the_deployed_network_sees_there():
    sample = Sample(
        np.zeros((8, 4, 3), np.uint8), np.zeros((8, 4), np.uint8), np.array([0]), "narrow"
    )
    for scaling in ("area", "eomt", "lightly_train"):
        maker = SampleMaker([sample], (16, 16), "mild", seed=0, scaling=scaling)
        with closing(BatchStream(maker, Grids(4, 1), 1)) as batches:
            beside = next(iter(batches)).images[0, :, :, -1]
        assert set(map(tuple, beside.T.tolist())) == {padding_rgb(scaling)}


def test_targets_are_the_shares_of_each_cell():
    rng = np.random.default_rng(5)
    segments = rng.integers(0, 3, (14, 19)).astype(np.uint8)
    segments[:, :4] = VOID_BYTE
    target = targets_of(Sample(segments, segments, np.array([7, 3, 5])), (16, 24), Grids(4, 1))
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
    target = targets_of(Sample(segments, segments, np.array([4, 9])), (2, 6), Grids(2, 1))
    assert target.semantic.tolist() == [[-1, 9, 9]]


def test_small_remains_are_void():
    segments = np.zeros((8, 8), np.uint8)
    segments[0, :3], segments[4:] = 1, 2
    target = targets_of(Sample(segments, segments, np.array([10, 11, 12])), (8, 8), Grids(4, 4))
    assert target.labels.tolist() == [10, 12]
    assert target.masks[0, 0, 0] == pytest.approx(13 / 16)
    assert target.masks.sum(dim=0)[0, 0] == pytest.approx(13 / 16)


def test_a_picture_of_void_alone_has_no_targets():
    segments = np.full((8, 8), VOID_BYTE, np.uint8)
    target = targets_of(Sample(segments, segments, np.zeros(0, np.int64)), (8, 12), Grids(4, 1))
    assert target.labels.shape == (0,) and target.masks.shape == (0, 2, 3)
    assert (target.semantic == -1).all()


def test_whole_masks_have_the_size_of_the_picture():
    segments = np.zeros((6, 8), np.uint8)
    segments[2:, 3:] = 1
    target = targets_of(Sample(segments, segments, np.array([4, 9])), (8, 8), Grids(4, 1, True))
    assert target.masks.shape == (2, 8, 8) and target.masks.dtype == torch.uint8
    assert target.masks[1, 2:6, 3:].all() and target.masks[1].sum() == 4 * 5
    assert target.masks.sum(dim=0).max() == 1 and not target.masks[:, 6:].any()
    assert target.semantic.shape == (2, 2)


def many(count: int = 6) -> list[Sample]:
    pictures = []
    for k in range(count):
        segments = (np.arange(24)[:, None] // 4 + np.arange(32) // 4 + k) % 3
        image = RED_GREEN_BLUE[segments]
        pictures.append(Sample(image, segments.astype(np.uint8), np.arange(3), f"p{k}"))
    return pictures


def stream(seed: int = 1, **changes) -> BatchStream:
    maker = SampleMaker(many(), (16, 32), "mild", seed)
    return BatchStream(maker, Grids(4, 1), 2, **changes)


def take(count: int, **changes) -> list:
    source = stream(**changes)
    try:
        return list(islice(source, count))
    finally:
        source.close()


def assert_equal(batches: list, others: list) -> None:
    for batch, other in zip(batches, others, strict=True):
        assert batch.images.equal(other.images) and batch.image_ids == other.image_ids
        for target, same in zip(batch.targets, other.targets, strict=True):
            assert target.masks.equal(same.masks) and target.labels.equal(same.labels)


def test_batches_have_the_stated_shapes():
    (batch,) = take(1)
    assert batch.images.shape == (2, 3, 16, 32) and batch.images.dtype == torch.uint8
    assert [tuple(target.masks.shape[1:]) for target in batch.targets] == [(4, 8)] * 2
    assert len(batch.image_ids) == 2


def test_equal_seeds_give_equal_batches_and_others_do_not():
    batches = take(4)
    assert_equal(batches, take(4))
    other = take(4, seed=2)
    assert not any(a.images.equal(b.images) for a, b in zip(batches, other, strict=True))


def test_a_later_start_goes_on_in_the_same_sequence():
    assert_equal(take(6)[4:], take(2, start=8))


def test_parts_of_a_batch_are_those_of_the_whole():
    whole = take(3)
    for place in (0, 1):
        for part, batch in zip(take(3, part=slice(place, place + 1)), whole, strict=True):
            assert part.images.equal(batch.images[place : place + 1])
            assert part.image_ids == batch.image_ids[place : place + 1]


def test_closing_ends_the_thread_even_with_batches_waiting():
    source = stream()
    next(iter(source))
    source.close()
    assert not source._thread.is_alive()
    source.close()  # twice does no harm


def test_what_goes_wrong_in_the_thread_is_raised_where_batches_are_used(monkeypatch):
    real, calls = samples_module.AUGMENTATIONS["mild"], []

    def breaks_later(*args):
        calls.append(args)
        if len(calls) > 2:
            raise ZeroDivisionError("third picture")
        return real(*args)

    monkeypatch.setitem(samples_module.AUGMENTATIONS, "mild", breaks_later)
    source = stream()
    batches = iter(source)
    next(batches)
    with pytest.raises(RuntimeError, match="ZeroDivisionError: third picture"):
        next(batches)
    source.close()
    assert not source._thread.is_alive()
