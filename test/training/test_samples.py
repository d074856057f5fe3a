# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which picture comes when; decoded pictures are what the data set holds."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice

import cv2
import numpy as np
import pytest

from psg_ros.data.opening import open_dataset
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.training.samples import SampleMaker, load_samples, make_sample
from psg_ros.training.segmenter.augmentation import VOID_BYTE
from psg_ros.training.segmenter.batches import BatchStream, Grids


def tiny_dataset(folder):
    labels = [ObjectLabel(name, name != "ground", (1, 2, 3)) for name in ("ball", "box", "ground")]
    vocabulary = Vocabulary(tuple(labels), (Predicate("on"), Predicate("beside")))
    return open_dataset(folder, vocabulary, "train")


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


def test_crowds_are_void(tmp_path):
    ids = np.ones((4, 6), np.int32)
    ids[:, 3:] = 2
    bgr = np.stack([ids >> 16, ids >> 8 & 255, ids & 255], axis=-1).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), bgr)
    entry = {
        "image_id": "a", "file_name": "a.png", "pan_seg_file_name": "a.png",
        "height": 4, "width": 6, "relations": [],
        "segments_info": [{"id": 1, "category_id": 0}, {"id": 2, "category_id": 0, "iscrowd": 1}],
    }  # fmt: skip
    content = {
        "thing_classes": ["box"], "stuff_classes": [], "predicate_classes": ["on"],
        "test_image_ids": [], "data": [entry],
    }  # fmt: skip
    (tmp_path / "psg.json").write_text(json.dumps(content))
    (sample,) = load_samples(tiny_dataset(tmp_path), "reading")
    assert (sample.segments[:, :3] == 0).all() and (sample.segments[:, 3:] == VOID_BYTE).all()
    assert sample.image_id == "a"


def test_every_picture_comes_once_in_each_round_in_an_order_of_its_own():
    maker = SampleMaker(list(range(7)), (16, 16), "mild", seed=3)
    rounds = [[maker.index(7 * epoch + place) for place in range(7)] for epoch in range(3)]
    assert all(sorted(order) == list(range(7)) for order in rounds)
    assert rounds[0] != rounds[1] != rounds[2]
    other = SampleMaker(maker.source, (16, 16), "mild", seed=4)
    assert [other.index(place) for place in range(7)] != rounds[0]


def test_a_sample_depends_on_its_number_alone(tiny_psg):
    maker = SampleMaker(load_samples(tiny_dataset(tiny_psg), "reading"), (32, 48), "mild", 1)
    first, again, later = (make_sample(maker, number) for number in (3, 3, 8))
    np.testing.assert_array_equal(first.image, again.image)
    assert first.image.shape != later.image.shape or (first.image != later.image).any()


@pytest.mark.parametrize("workers", [0, 2])
def test_pictures_read_as_needed_make_the_same_batches_as_pictures_in_memory(tiny_psg, workers):
    dataset = tiny_dataset(tiny_psg)
    found = []
    for source in (load_samples(dataset, "reading"), dataset):
        maker = SampleMaker(source, (32, 48), "large_scale_jitter", 1)
        stream = BatchStream(maker, Grids(4, 1), 2, workers=workers)
        found.append(list(islice(stream, 4)))
        stream.close()
    for kept, read in zip(*found, strict=True):
        assert kept.images.equal(read.images) and kept.image_ids == read.image_ids
        for a, b in zip(kept.targets, read.targets, strict=True):
            assert a.masks.equal(b.masks) and a.labels.equal(b.labels)


def test_reading_needs_no_torch():
    """Each worker process imports the module again: torch would cost it seconds and memory."""
    code = "import sys, psg_ros.training.samples; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
