# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Run-length masks as COCO's API writes them."""

import numpy as np
import pytest

from psg_ros.evaluation.results.rle import decode_rle


def test_runs_go_down_the_columns_and_begin_with_zeros():
    mask = decode_rle({"size": [2, 3], "counts": [1, 2, 3]})
    assert mask.tolist() == [[False, True, False], [True, False, False]]
    assert decode_rle({"size": [1, 2], "counts": [0, 2]}).tolist() == [[True, True]]


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.98, 1.0])
def test_compressed_text_reads_as_the_coco_api_wrote_it(share):
    coco = pytest.importorskip("pycocotools.mask")
    rng = np.random.default_rng(0)
    for size in ((1, 1), (7, 5), (240, 320)):
        mask = np.asfortranarray(rng.random(size) < share)
        text = coco.encode(mask.astype(np.uint8))["counts"].decode()
        assert np.array_equal(decode_rle({"size": list(size), "counts": text}), mask)


@pytest.mark.parametrize(
    "rle",
    [
        {"size": [2, 2], "counts": [1, 2]},
        {"size": [2, 2], "counts": [5, -1]},
        {"size": [2], "counts": [4]},
        {"counts": [4]},
        {"size": [2, 2], "counts": None},
        {"size": [2, 2], "counts": "`"},
        {"size": [2, 2], "counts": "é"},
        {"size": [0, 2], "counts": []},
    ],
)
def test_what_is_no_mask_is_refused(rle):
    with pytest.raises(ValueError, match="run-length mask|do not fill"):
        decode_rle(rle)


def test_a_few_bytes_that_claim_to_be_gigabytes_are_refused():
    side = 200_000
    with pytest.raises(ValueError, match="megapixels, the limit is"):
        decode_rle({"size": [side, side], "counts": [side * side]})
