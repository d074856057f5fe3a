# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What stage 1 refuses before it starts, and that it says why."""

from dataclasses import replace
from pathlib import Path

import pytest

from psg_ros.network.config import ModelConfig
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.setting_files import load_config
from psg_ros.training.config import AUGMENTATIONS, Phase, SegmentationTraining, TrainConfig
from psg_ros.training.segmenter import augmentation
from psg_ros.training.segmenter.segmentation_checks import check_settings

CONFIGS = Path(__file__).parents[3] / "config"
WORKING = SegmentationTraining(phases=(Phase((32, 48), 10),), batch_size=4, warmup_samples=4)
NETWORK = EomtConfig(input_hw=(64, 96), position="rope")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"phases": ()}, "segmentation.phases has no samples"),
        ({"phases": (Phase((32, 48), 0),)}, "segmentation.phases has no samples"),
        ({"phases": (Phase((32, 50), 9),)}, r"input_hw \(32, 50\) .* multiples of 16 px"),
        ({"phases": (Phase((0, 48), 9),)}, r"input_hw \(0, 48\) .* multiples of 16 px"),
        ({"batch_size": 6}, "batch_size 6 exceeds the 5 images"),
        ({"batch_size": 0}, "batch_size must be 1 or more, not 0"),
        ({"accumulate": 0}, "accumulate must be 1 or more, not 0"),
        ({"accumulate": 5}, "accumulate 5 exceeds a process's 4 images of a step"),
        ({"points": -1}, "points must be 0 or more, not -1"),
        ({"points": 3}, "points must be 0 or 4 or more, not 3"),
        ({"workers": -2}, "workers must be 0 or more, not -2"),
        ({"precision": "float16"}, "precision must be one of bfloat16, float32, not 'float16'"),
        ({"schedule": "linear"}, "schedule must be one of cosine, poly, steps, not 'linear'"),
        ({"augmentation": "strong"}, "augmentation must be one of mild, large_scale_jitter"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"clip_norm": float("nan")}, "clip_norm must be above 0, not nan"),
        ({"no_object_weight": 0.0}, "no_object_weight must be above 0, not 0.0"),
        ({"dice_weight": -5.0}, "dice_weight must be 0 or more, not -5.0"),
        ({"gate_until": float("nan")}, r"gate_until must lie in 0 \.\. 1, not nan"),
        ({"gate_until": -0.1}, r"gate_until must lie in 0 \.\. 1, not -0.1"),
        ({"gate_until": 3.0}, r"gate_until must lie in 0 \.\. 1, not 3.0"),
        ({"layer_decay": 1.5}, "layer_decay must lie above 0 and up to 1, not 1.5"),
        ({"average": 1.0}, r"average must lie in 0 .. 1 \(exclusive\)"),
        ({"warmup_samples": 10}, "the warmup of 10 samples must be shorter than the run of 10"),
        ({"backbone_warmup_samples": 6}, "the warmup of 10 samples must be shorter .* of 10"),
        ({"gate_start": (1, 2)}, "one step for each of the 3 query blocks"),
        ({"gate_start": (1, 2, 3), "gate_end": (2, 3)}, "one step for each of the 3 query blocks"),
        ({"gate_start": (1, 2, 9), "gate_end": (2, 3, 4)}, "must lie before gate_end"),
        ({"gate_start": (0, 0, 0), "gate_end": (1, 3, 2)}, "within the run of 2 steps of 4 images"),
        ({"balance": -0.1}, "balance must be 0 or more, not -0.1"),
        ({"stem_rate": 1.5}, "stem_rate must lie in 0 .. 1, not 1.5"),
        ({"stem_rate": float("nan")}, "stem_rate must lie in 0 .. 1, not nan"),
        ({"stem_frozen_samples": -1}, "stem_frozen_samples must be 0 or more, not -1"),
        ({"stem_frozen_samples": 8}, "stem_frozen_samples 8 is for a pretrained stem, .* linear"),
        ({"stem_weights": "somewhere"}, "stem_weights somewhere is for a pretrained stem"),
        ({"graft_from": "demo"}, "graft_from demo is for a pretrained stem"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, said):
    check_settings(WORKING, NETWORK, 5)
    with pytest.raises(ValueError, match=said):
        check_settings(replace(WORKING, **changes), NETWORK, 5)


def test_a_phase_of_less_than_no_samples_is_refused():
    with pytest.raises(ValueError, match="samples must be 0 or more, not -1"):
        Phase((32, 48), -1)


def test_every_augmentation_that_may_be_chosen_is_there():
    assert tuple(augmentation.AUGMENTATIONS) == AUGMENTATIONS


def test_the_last_gate_may_open_with_the_last_sample():
    whole = replace(WORKING, gate_until=1.0, warmup_samples=9)
    check_settings(whole, NETWORK, 5)
    check_settings(replace(whole, gate_start=(0, 0, 0), gate_end=(0, 1, 2)), NETWORK, 5)


@pytest.mark.parametrize("size", ["s", "b", "l"])
def test_published_recipes_work_but_not_with_another_batch_alone(size):
    config = load_config(TrainConfig, CONFIGS / "train" / f"eomt_{size}.yaml")
    network = load_config(ModelConfig, CONFIGS / "model" / f"{config.model}.yaml").segmenter
    check_settings(config.segmentation, network, 118287)
    twice = replace(config.segmentation, batch_size=32)
    with pytest.raises(ValueError, match="scale gate_start and gate_end with batch_size"):
        check_settings(twice, network, 118287)


def test_learned_positions_need_the_size_they_were_made_for():
    network = replace(NETWORK, position="learned")
    with pytest.raises(ValueError, match=r"\(32, 48\) .* must be the network's \(64, 96\)"):
        check_settings(WORKING, network, 5)
    fits = replace(WORKING, phases=(Phase((64, 96), 10),))
    check_settings(fits, network, 5)


def test_processes_must_be_able_to_share_a_batch():
    check_settings(WORKING, NETWORK, 5, num_ranks=4)
    with pytest.raises(ValueError, match="batch_size 4 cannot be shared evenly by 3 processes"):
        check_settings(WORKING, NETWORK, 5, num_ranks=3)
    with pytest.raises(ValueError, match="accumulate 3 exceeds a process's 2 images"):
        check_settings(replace(WORKING, accumulate=3), NETWORK, 5, num_ranks=2)


def test_a_stem_that_waits_is_for_one_process():
    network = replace(NETWORK, stem="efficientnet_lite2")
    settings = replace(WORKING, stem_frozen_samples=4)
    check_settings(settings, network, 5)
    with pytest.raises(ValueError, match="stem_frozen_samples must be 0 with several processes"):
        check_settings(settings, network, 5, num_ranks=2)
