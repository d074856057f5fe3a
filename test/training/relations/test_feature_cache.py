# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The feature cache gives back what was put in, and refuses what does not belong to the run."""

import dataclasses

import numpy as np
import pytest
import torch

from psg_ros.data.opening import open_dataset
from psg_ros.labels import load_vocabulary
from psg_ros.setting_files import load_config
from psg_ros.training import train
from psg_ros.training.config import RelationTraining, TrainConfig
from psg_ros.training.distributed import Ranks
from psg_ros.training.relations import feature_cache
from psg_ros.training.relations.feature_cache import (
    cache_key,
    images_key,
    open_cache,
    shard_path,
)
from psg_ros.training.relations.relation_samples import RelationSample, RelationTruth

KEY = {"segmenter": "abc", "masks": "true"}
INDICES = np.arange(0, 20, 2)


def described(index: int):
    """A truth and a sample that are recognised by the index of their image."""
    count = 2 + index % 3
    generator = torch.Generator().manual_seed(index)
    truth = RelationTruth(
        f"bild {index}ü", np.arange(count), np.arange(count) - 1, np.full((index % 2, 3), index)
    )
    taps, overlap, boxes = (
        torch.randn(shape, generator=generator) for shape in ((2, 6, 4), (count, 6), (count, 4))
    )
    return truth, RelationSample(taps.bfloat16(), overlap, boxes)


class Describe:
    """Stands for the segmenter; remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, indices):
        for index in indices.tolist():
            self.asked.append(index)
            yield described(index)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(feature_cache, "SHARD_IMAGES", 4)


def assert_complete(cache) -> None:
    assert len(cache) == len(INDICES)
    for index, truth, sample in zip(INDICES.tolist(), cache.truths, cache, strict=True):
        expected_truth, expected = described(index)
        assert truth.image_id == expected_truth.image_id
        for name in ("labels", "partner", "triplets"):
            np.testing.assert_array_equal(getattr(truth, name), getattr(expected_truth, name))
        for name in ("features", "overlap", "boxes"):
            assert getattr(sample, name).equal(getattr(expected, name))
            assert getattr(sample, name).dtype == getattr(expected, name).dtype


def test_samples_come_back_as_they_were_without_another_run(tmp_path):
    first, second = Describe(), Describe()
    assert_complete(open_cache(tmp_path / "cache", KEY, INDICES, first, Ranks()))
    assert first.asked == INDICES.tolist()
    assert_complete(open_cache(tmp_path / "cache", KEY, INDICES, second, Ranks()))
    assert second.asked == []


@pytest.mark.parametrize("keep", [0, 5, 3000])
def test_a_damaged_or_missing_shard_is_written_again(tmp_path, caplog, keep):
    open_cache(tmp_path, KEY, INDICES, Describe(), Ranks())
    damaged, missing = shard_path(tmp_path, 1), shard_path(tmp_path, 2)
    assert damaged.stat().st_size > 3000
    damaged.write_bytes(damaged.read_bytes()[:keep])
    missing.unlink()
    again = Describe()
    assert_complete(open_cache(tmp_path, KEY, INDICES, again, Ranks()))
    assert again.asked == INDICES[4:].tolist()
    assert f"{damaged} is damaged; it is written again" in caplog.text


def test_a_run_killed_while_it_writes_goes_on_with_the_next_shard(tmp_path):
    def killed(indices):
        yield from (described(index) for index in indices.tolist()[:6])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_cache(tmp_path, KEY, INDICES, killed, Ranks())
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "00000.safetensors",
        "cache.json",
    ]
    again = Describe()
    assert_complete(open_cache(tmp_path, KEY, INDICES, again, Ranks()))
    assert again.asked == INDICES[4:].tolist()


@pytest.mark.parametrize(
    ("key", "indices", "said"),
    [
        ({**KEY, "masks": "inferred"}, INDICES, "another masks; delete it or name"),
        ({**KEY, "segmenter": "d", "masks": "x"}, INDICES, "another segmenter, another masks"),
        (KEY, INDICES[1:], "another indices"),
        ({**KEY, "new": 1}, INDICES, "another new"),
    ],
)
def test_a_cache_of_something_else_is_refused_and_stays(tmp_path, key, indices, said):
    open_cache(tmp_path, KEY, INDICES, Describe(), Ranks())
    with pytest.raises(ValueError, match=said):
        open_cache(tmp_path, key, indices, Describe(), Ranks())
    again = Describe()
    assert_complete(open_cache(tmp_path, KEY, INDICES, again, Ranks()))
    assert again.asked == []


@pytest.mark.parametrize("content", ["{", "[]", ""])
def test_a_damaged_description_is_refused(tmp_path, content):
    open_cache(tmp_path, KEY, INDICES, Describe(), Ranks())
    (tmp_path / "cache.json").write_text(content)
    with pytest.raises(ValueError, match=r"cache\.json is damaged; delete the folder"):
        open_cache(tmp_path, KEY, INDICES, Describe(), Ranks())


def test_shards_of_nobody_knows_what_are_refused(tmp_path):
    open_cache(tmp_path, KEY, INDICES, Describe(), Ranks())
    (tmp_path / "cache.json").unlink()
    with pytest.raises(ValueError, match=r"holds features without cache\.json; delete the folder"):
        open_cache(tmp_path, {**KEY, "segmenter": "other"}, INDICES, Describe(), Ranks())
    assert not (tmp_path / "cache.json").exists(), "the next one must be refused, too"


def test_the_same_places_in_another_split_are_other_images(tmp_path, tiny_share, tiny_psg):
    vocabulary = load_vocabulary(tiny_share / "config" / "labels" / "tiny.yaml")
    train_set, test_set = (open_dataset(tiny_psg, vocabulary, split) for split in ("train", "test"))
    first = np.array([0])
    key, other = (KEY | images_key(dataset, first) for dataset in (train_set, test_set))
    assert key == KEY | images_key(train_set, first)
    assert {name for name in key if key[name] != other[name]} == {"split", "images"}
    turned = dataclasses.replace(train_set, records=train_set.records[::-1])
    assert images_key(turned, first)["images"] != key["images"]
    open_cache(tmp_path, key, first, Describe(), Ranks())
    with pytest.raises(ValueError, match="another split, another images"):
        open_cache(tmp_path, other, first, Describe(), Ranks())


def test_ranks_share_the_shards(tmp_path, monkeypatch):
    monkeypatch.setattr(Ranks, "barrier", lambda self: None)
    monkeypatch.setattr(feature_cache, "FeatureCache", lambda paths: None)
    describes = [Describe(), Describe()]
    for rank, describe in enumerate(describes):
        open_cache(tmp_path, KEY, INDICES, describe, Ranks("cpu", rank, 2))
    assert describes[0].asked == [*INDICES[:4], *INDICES[8:]]
    assert describes[1].asked == INDICES[4:8].tolist()


def test_the_key_names_all_that_features_depend_on(write_config, tiny_psg):
    config = load_config(TrainConfig, write_config())
    vocabulary = train.vocabulary_of(config)
    torch.manual_seed(0)
    model = train.build_model(config, vocabulary)
    source = open_dataset(tiny_psg, vocabulary, "train").source
    settings = RelationTraining()
    before = cache_key(model, settings, source)
    assert cache_key(model, settings, source) == before
    assert cache_key(model, dataclasses.replace(settings, learning_rate=1.0), source) == before
    assert cache_key(model, dataclasses.replace(settings, score_threshold=0.1), source) == before
    inferred = cache_key(model, dataclasses.replace(settings, masks="inferred"), source)
    assert {name for name in before if before[name] != inferred[name]} == {
        "masks",
        "score_threshold",
        "overlap_threshold",
    }
    raw = cache_key(model, dataclasses.replace(settings, mask_resolution="raw"), source)
    assert {name for name in before if before[name] != raw[name]} == {"mask_resolution"}
    with torch.no_grad():
        model.segmenter.class_head.bias[0] += 1
    changed = cache_key(model, settings, source)
    assert {name for name in before if before[name] != changed[name]} == {"segmenter"}
