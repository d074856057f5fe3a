# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Several data sets as one: which picture is which, and how often each is drawn."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tiny_psg import VOCABULARY, change_json, write_tiny_psg

from psg_ros.data.opening import open_dataset
from psg_ros.setting_files import load_config
from psg_ros.training import train
from psg_ros.training.config import DataSource, TrainConfig
from psg_ros.training.distributed import Ranks
from psg_ros.training.mix import MixedDataset, drawing_chances
from psg_ros.training.samples import SampleMaker


@pytest.fixture
def mix(tmp_path) -> MixedDataset:
    """Three pictures of one set and five of another."""
    counts = {"small": 4, "large": 6}  # the last one of each is for tests
    parts = [
        open_dataset(write_tiny_psg(tmp_path / name, count), VOCABULARY, "train")
        for name, count in counts.items()
    ]
    return MixedDataset(tuple(parts), (1.0, 3.0))


def test_one_data_set_lies_behind_the_other(mix):
    assert len(mix) == 8
    assert mix.image_ids == ["0", "1", "2", "0", "1", "2", "3", "4"]
    folders = [item.image_path.parent.name for item in mix]
    assert folders == ["small"] * 3 + ["large"] * 5
    with pytest.raises(IndexError):
        mix[8]


def test_shares_are_those_of_the_data_sets(mix):
    chances = drawing_chances(mix, balance=0.0)
    np.testing.assert_allclose(chances, [0.25 / 3] * 3 + [0.75 / 5] * 5)


def test_pictures_of_rare_classes_are_drawn_more_often_within_their_data_set(mix):
    records = list(mix.parts[1].records)
    for index, record in enumerate(records):
        if index:  # only the first picture keeps its ball
            object.__setattr__(record, "labels", np.array([2, 0, 0]))
    for record in mix.parts[0].records:
        object.__setattr__(record, "labels", np.array([2, 0, 0]))
    chances = drawing_chances(mix, balance=0.6)
    # The ball is in a fifth of three quarters of the samples: sqrt(0.6 / 0.15) = 2.
    np.testing.assert_allclose(chances[:3], 0.25 / 3)
    np.testing.assert_allclose(chances[3:], [0.75 * 2 / 6, *[0.75 / 6] * 4])


def test_samples_are_drawn_by_chance_and_alike_in_every_run(mix):
    chances = drawing_chances(mix, balance=0.0)
    maker = SampleMaker(mix, (16, 24), "mild", 7, chances=chances)
    drawn = [maker.index(number) for number in range(4000)]
    again = SampleMaker(mix, (16, 24), "mild", 7, chances=chances)
    assert drawn == [again.index(number) for number in range(4000)]
    seen = Counter(drawn)
    np.testing.assert_allclose([seen[i] / 4000 for i in range(8)], chances, atol=0.02)
    other = SampleMaker(mix, (16, 24), "mild", 8, chances=chances)
    assert drawn != [other.index(number) for number in range(4000)]


def test_a_share_must_be_positive():
    with pytest.raises(ValueError, match="share of somewhere must be above 0, not 0"):
        DataSource("somewhere", share=0)


@pytest.mark.parametrize("setting", ["skip_broken", "partial"])
def test_what_a_run_accepts_of_its_data_it_accepts_of_the_parts_of_a_mix(
    write_config, tiny_psg: Path, tmp_path: Path, setting: str
) -> None:
    folder = shutil.copytree(tiny_psg, tmp_path / "odd")
    gone = "pan_seg_file_name" if setting == "skip_broken" else "segments_info"
    change_json(folder / "psg.json", lambda content: content["data"][1].pop(gone))
    mix = {"sources": [{"data": str(folder)}], "keep_in_memory": False}
    config = load_config(TrainConfig, write_config(segmentation=mix))
    with pytest.raises(ValueError, match=setting):
        train.open_mix(config, VOCABULARY, Ranks())
    config = load_config(TrainConfig, write_config(segmentation=mix, **{setting: True}))
    assert len(train.open_mix(config, VOCABULARY, Ranks())) == 4
