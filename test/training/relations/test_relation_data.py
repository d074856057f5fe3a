# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which images train and which are held out, and that batches hold every image once an epoch."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from psg_ros.training.config import RelationTraining, TrainConfig
from psg_ros.training.distributed import Ranks
from psg_ros.training.relations.relation_data import (
    choose_images,
    in_one_block,
    warn_of_copies,
)
from psg_ros.training.relations.relation_plan import BatchPlan
from psg_ros.training.relations.relation_samples import RelationSample


def dataset(relations: list[list[list[int]]]):
    """A data set of nothing but relations."""
    records = [
        SimpleNamespace(
            triplets=np.array(of_image, np.int64).reshape(-1, 3),
            image_id=str(index),
            image_file=f"{index}.jpg",
        )
        for index, of_image in enumerate(relations)
    ]
    return SimpleNamespace(records=records, root="there")


RELATED, SELF, NONE = [[0, 1, 0], [1, 1, 2]], [[2, 2, 0]], []
HALF = dataset([RELATED, SELF, NONE, RELATED] * 5)


def test_only_images_with_a_relation_between_two_segments_are_used():
    chosen = choose_images(HALF, RelationTraining())
    assert chosen.train.tolist() == [0, 3, 4, 7, 8, 11, 12, 15, 16, 19]
    assert chosen.held_out.tolist() == []
    with pytest.raises(ValueError, match="no image of there has a relation between two segments"):
        choose_images(dataset([SELF, NONE]), RelationTraining())


def test_a_limit_takes_images_from_all_over_the_set():
    assert choose_images(HALF, RelationTraining(max_images=4)).train.tolist() == [0, 4, 11, 15]
    assert len(choose_images(HALF, RelationTraining(max_images=99)).train) == 10


def test_held_out_images_are_not_trained_with():
    settings = RelationTraining(validation_images=3, max_images=5)
    chosen = choose_images(HALF, settings)
    assert len(chosen.held_out) == 3 and len(chosen.train) == 5
    assert not set(chosen.held_out) & set(chosen.train)
    again = choose_images(HALF, replace(settings, max_images=0))
    assert again.held_out.tolist() == chosen.held_out.tolist() and len(again.train) == 7


def test_images_can_be_held_out_of_another_set():
    settings = RelationTraining(validation_images=2)
    chosen = choose_images(HALF, settings, dataset([NONE, RELATED, RELATED, RELATED]))
    assert len(chosen.train) == 10 and chosen.held_out.tolist() == [1, 2]
    with pytest.raises(ValueError, match="validation_images 2 of 1 images with relations"):
        choose_images(HALF, settings, dataset([RELATED]))
    with pytest.raises(ValueError, match="validation_images 10 of 10 images"):
        choose_images(HALF, RelationTraining(validation_images=10))


@pytest.mark.parametrize("key", ["image_id", "image_file"])
def test_an_image_that_is_there_twice_is_not_trained_with_and_judged(key):
    """A training split may have one under two names, or two entries of one name."""
    twice = dataset([RELATED] * 6)
    for record in twice.records[3:]:
        setattr(record, key, getattr(twice.records[0], key))
    chosen = choose_images(twice, RelationTraining(validation_images=1))
    assert chosen.held_out.tolist() == [0] and chosen.train.tolist() == [1, 2]


def test_an_id_is_judged_once():
    """The evaluator refuses the second, after an epoch of training."""
    twice = dataset([RELATED] * 6)
    for record in twice.records[3:]:
        record.image_id = twice.records[0].image_id
    chosen = choose_images(twice, RelationTraining(validation_images=2))
    assert chosen.held_out.tolist() == [0, 1] and chosen.train.tolist() == [2]
    with pytest.raises(ValueError, match="validation_images 3 of 3 images"):
        choose_images(twice, RelationTraining(validation_images=3))


def test_several_processes_without_a_feature_cache_are_warned_once(caplog):
    kept, two = RelationTraining(), Ranks("cpu", 0, 2)
    warn_of_copies(kept, two)
    assert "each of 2 processes computes and keeps the features of all images" in caplog.text
    caplog.clear()
    warn_of_copies(kept, Ranks())
    warn_of_copies(kept, replace(two, rank=1))
    warn_of_copies(replace(kept, feature_cache="there"), two)
    warn_of_copies(replace(kept, augmentation="three_augment"), two)
    assert not caplog.text


def plan(num_images=10, num_ranks=1, seed=0, **relations) -> BatchPlan:
    settings = RelationTraining(**{"images_per_step": 4, "epochs": 2, **relations})
    config = TrainConfig("m", "l", "d", "o", seed=seed, relations=settings)
    return BatchPlan(config, num_images, num_ranks)


def test_every_epoch_has_every_image_once_in_an_order_of_its_own():
    batches = plan()
    assert (len(batches), batches.per_epoch) == (6, 3)
    orders = []
    for epoch in range(2):
        places = [place for n in range(3) for place in batches.batch(3 * epoch + n)]
        assert {e for e, _ in places} == {epoch}
        orders.append([image for _, image in places])
        assert sorted(orders[-1]) == list(range(10))
    assert orders[0] != orders[1]
    assert batches.batch(4) == plan().batch(4) != plan(seed=1).batch(4)
    assert [len(batches.batch(n)) for n in range(3)] == [4, 3, 3]


@pytest.mark.parametrize("num_ranks", [1, 2, 3])
def test_processes_divide_a_batch_evenly(num_ranks):
    batches = plan(num_ranks=num_ranks)
    for size in (3, 4):
        parts = [range(size)[batches.part(size, rank)] for rank in range(num_ranks)]
        assert [i for part in parts for i in part] == list(range(size))
        sizes = [len(part) for part in parts]
        assert min(sizes) >= 1 and max(sizes) - min(sizes) <= 1


def test_batches_too_small_for_the_processes_are_refused():
    with pytest.raises(ValueError, match="batches of 3 images cannot be shared by 4 processes"):
        plan(num_ranks=4)


def test_draws_of_a_batch_depend_on_seed_and_batch_alone():
    draws = [plan().rng(number).random() for number in range(6)]
    assert len(set(draws)) == 6
    assert [plan(num_ranks=3).rng(number).random() for number in (0, 5)] == [draws[0], draws[5]]


def test_features_lie_in_one_block_and_stay_what_they_are():
    features = torch.rand(3, 2, 6, 4).bfloat16()
    described = [
        (f"truth {i}", RelationSample(features[i], torch.rand(i + 1, 6), torch.rand(i + 1, 4)))
        for i in range(3)
    ]
    truths, samples = in_one_block(iter(described), 3)
    assert truths == ["truth 0", "truth 1", "truth 2"]
    for sample, (_, given) in zip(samples, described, strict=True):
        assert sample.features.equal(given.features) and sample.features.dtype == torch.bfloat16
        assert sample.overlap is given.overlap and sample.boxes is given.boxes
    (block,) = {sample.features.untyped_storage().data_ptr() for sample in samples}
    assert block != features.untyped_storage().data_ptr(), "the given ones can be freed"
    assert samples[0].features.untyped_storage().nbytes() == features.nbytes, "and nothing more"
    assert in_one_block(iter([]), 0) == ([], [])
