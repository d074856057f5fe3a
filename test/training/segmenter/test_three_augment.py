# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The colour changes are those of Pillow, which DeiT III uses."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from psg_ros.labels import load_vocabulary, shipped_vocabularies
from psg_ros.training.segmenter import three_augment as augment

IMAGE = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.27])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (augment.brighten, ImageEnhance.Brightness),
        (augment.contrast, ImageEnhance.Contrast),
        (augment.saturate, ImageEnhance.Color),
    ],
)
def test_jitter_is_that_of_pillow(ours, theirs, factor):
    expected = np.asarray(theirs(Image.fromarray(IMAGE)).enhance(factor))
    difference = ours(IMAGE, factor).astype(int) - expected
    assert np.abs(difference).max() <= 1, "they round differently"


def test_grayscale_and_solarisation_are_those_of_pillow():
    picture = Image.fromarray(IMAGE)
    gray = np.asarray(ImageOps.grayscale(picture))[..., None].repeat(3, axis=2)
    assert np.abs(augment.grayscale(IMAGE, rng()).astype(int) - gray).max() <= 1
    np.testing.assert_array_equal(augment.solarise(IMAGE, rng()), ImageOps.solarize(picture))


def test_blur_takes_detail_and_keeps_the_mean():
    for seed in range(5):
        blurred = augment.blur(IMAGE, rng(seed))
        assert blurred.std() <= IMAGE.std()
        assert abs(blurred.mean() - IMAGE.mean()) < 2
    assert min(augment.blur(IMAGE, rng(seed)).std() for seed in range(5)) < 0.5 * IMAGE.std()


def test_a_picture_is_a_function_of_its_generator_and_the_original_stays():
    before = IMAGE.copy()
    first, same, other = (augment.three_augment(IMAGE, rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other) and not np.array_equal(first, IMAGE)
    np.testing.assert_array_equal(IMAGE, before)
    assert first.shape == IMAGE.shape and first.dtype == np.uint8


def test_one_of_three_changes_is_always_made(monkeypatch):
    made = []
    for name in ("grayscale", "solarise", "blur"):
        monkeypatch.setattr(augment, name, lambda image, rng, name=name: made.append(name) or image)
    for seed in range(300):
        augment.three_augment(IMAGE, rng(seed))
    assert len(made) == 300
    assert {70 < made.count(name) < 130 for name in set(made)} == {True} and len(set(made)) == 3


def test_half_of_the_pictures_are_mirrored():
    assert 70 < sum(augment.flips(rng(seed)) for seed in range(200)) < 130


def test_predicates_that_a_flip_makes_wrong_are_known_by_their_words():
    sided = augment.told_by_side(
        ["left of", "to-the-right-of", "Right_Of", "beside", "leftover of"]
    )
    assert sided == ["left of", "to-the-right-of", "Right_Of"]
    for file in shipped_vocabularies():
        assert augment.told_by_side(load_vocabulary(file).predicate_names) == []
