# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training without novel names: neither stage sees them, and heads of words are not asked."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_psg import PREDICATES, VOCABULARY, change_json

from psg_ros.network.segmenters.eomt import Eomt
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.network.word_scores import word_scores
from psg_ros.open_set import novel_indices
from psg_ros.setting_files import load_config
from psg_ros.training import train, words
from psg_ros.training.config import Phase, SegmentationTraining, TrainConfig
from psg_ros.training.distributed import Ranks
from psg_ros.training.losses import SegmentTargets, count_totals
from psg_ros.training.network import build_model
from psg_ros.training.relations.feature_cache import images_key
from psg_ros.training.relations.relation_data import open_relation_data
from psg_ros.training.segmenter.segmentation_losses import SegmentationLosses, sample_generators

(BOX,) = novel_indices(VOCABULARY.label_names)
(BESIDE,) = novel_indices(VOCABULARY.predicate_names)
assert VOCABULARY.label_names[BOX] == "box" and PREDICATES[BESIDE] == "beside"


@pytest.mark.parametrize("split", ["train", "test"])
def test_no_split_has_a_novel_label(write_config, split: str) -> None:
    config = load_config(TrainConfig, write_config(held_out_labels="novel"))
    for item in train.open_split(config, VOCABULARY, split, Ranks()):
        assert BOX not in item.segmentation.labels and len(item.segmentation.labels) == 2
        assert len(item.triplets) == 0, "all touch the box"


def test_no_part_of_a_mix_has_a_novel_label(write_config, tiny_psg: Path) -> None:
    mix = {"sources": [{"data": str(tiny_psg)}], "keep_in_memory": False}
    config = load_config(TrainConfig, write_config(held_out_labels="novel", segmentation=mix))
    mixed = train.open_mix(config, VOCABULARY, Ranks())
    assert all(BOX not in mixed[i].segmentation.labels for i in range(len(mixed)))


def test_stage_1_runs_without_novel_labels(write_config) -> None:
    config = write_config(held_out_labels="novel", segmentation={"ignore_void": True})
    assert (train.run(config, stage="segmentation") / "segmenter.safetensors").is_file()


def test_a_class_head_of_words_notes_what_it_has_not_seen() -> None:
    sizes = EomtConfig(
        input_hw=(32, 32), dim=16, depth=2, num_heads=2, num_queries=4, num_query_blocks=1,
        taps=(0, 1), text_encoder="bag_of_words",
    )  # fmt: skip
    segmenter = Eomt(sizes, num_labels=3)
    SegmentationLosses(segmenter, SegmentationTraining(), held_out=[1])
    assert word_scores(segmenter).taught.tolist() == [True, False, True]


def test_other_choices_are_refused(write_config) -> None:
    with pytest.raises(ValueError, match="held_out_labels must be one of none, novel"):
        load_config(TrainConfig, write_config(held_out_labels="box"))


def test_other_ways_to_say_a_word_tell_nothing_of_novel_names(write_config, monkeypatch) -> None:
    hidden = []
    monkeypatch.setattr(words, "teach", lambda *arguments: hidden.append(arguments[4]))
    config = load_config(
        TrainConfig,
        write_config(
            held_out_labels="novel",
            segmentation={"paraphrases": True},
            relations={"paraphrases": True, "held_out_predicates": "novel"},
        ),
    )
    words.take_ways(build_model(config, VOCABULARY), config, VOCABULARY)
    assert hidden == [["box"], ["beside"]]


@pytest.mark.parametrize("augmentation", ["none", "three_augment"])
def test_stage_2_sees_no_novel_predicate_wherever_its_samples_come_from(
    write_config, augmentation: str
) -> None:
    settings = {"held_out_predicates": "novel", "augmentation": augmentation}
    config = load_config(TrainConfig, write_config(relations=settings))
    dataset = train.open_split(config, VOCABULARY, "train", Ranks())
    model = build_model(config, VOCABULARY)
    data = open_relation_data(model, dataset, config, VOCABULARY, Ranks())
    assert len(data.source.truths) == len(dataset)
    for truth in data.source.truths:
        assert len(truth.triplets) == 1 and BESIDE not in truth.triplets[:, 2]


def test_a_feature_cache_is_not_shared_with_runs_that_see_other_labels(write_config) -> None:
    splits = [
        train.open_split(
            load_config(TrainConfig, write_config(held_out_labels=choice)),
            VOCABULARY,
            "train",
            Ranks(),
        )
        for choice in ("none", "novel")
    ]
    seen, unseen = (images_key(split, np.arange(2)) for split in splits)
    assert unseen == {**seen, "held_out_labels": [BOX]}


def losses_of(held_out: tuple[int, ...], text_encoder: str, move: float) -> dict[str, float]:
    """The loss terms of a picture without label 1, whose column is moved."""
    torch.manual_seed(0)
    network = EomtConfig(
        input_hw=(32, 32), dim=16, depth=3, num_heads=2, num_queries=4, num_query_blocks=2,
        taps=(2,), text_encoder=text_encoder, text_dim=8,
    )  # fmt: skip
    settings = SegmentationTraining(
        precision="float32", phases=(Phase((32, 32), 100),), semantic_weight=0.0
    )
    module = SegmentationLosses(Eomt(network, num_labels=3), settings, held_out)
    scores = word_scores(module.model)
    with torch.no_grad():
        if scores is None:
            module.model.class_head.bias[1] += move
        else:
            scores.words[:] = torch.nn.functional.normalize(torch.randn(3, 8), dim=1)
            scores.words[1] *= -1 if move else 1
    masks = torch.zeros(2, 8, 8)
    masks[0, :4], masks[1, 4:] = 1, 1
    target = SegmentTargets(torch.tensor([0, 2]), masks, torch.zeros(8, 8, dtype=torch.int64))
    images = torch.full((1, 3, 32, 32), 90, dtype=torch.uint8)
    totals = count_totals([target], 4, settings)
    terms = module(images, [target], 10**6, totals, sample_generators(0, 0, 1, "cpu"))
    return {name: float(value.detach()) for name, value in terms.items()}


def test_a_head_of_words_is_not_asked_about_labels_that_it_does_not_see() -> None:
    assert losses_of((1,), "minilm", 0) == losses_of((1,), "minilm", 3)
    assert losses_of((), "minilm", 0) != losses_of((), "minilm", 3)
    assert all(np.isfinite(list(losses_of((1,), "minilm", 0).values())))


def test_a_closed_list_learns_that_they_are_never_there() -> None:
    assert losses_of((1,), "", 0) != losses_of((1,), "", 3)
    assert losses_of((1,), "", 3) == losses_of((), "", 3)


@pytest.mark.parametrize(
    ("left", "told"), [("train", "images to train with"), ("validation", "images to judge with")]
)
def test_images_that_have_novel_relations_alone_are_refused_before_the_training(
    write_config, tiny_psg: Path, tmp_path: Path, left: str, told: str
) -> None:
    """With nothing to judge, mR@50 is not a number, and no epoch would ever be the best."""
    folder = shutil.copytree(tiny_psg, tmp_path / "novel")
    novel = [[1, 2, BESIDE]]
    change_json(
        folder / "psg.json",
        lambda content: [
            entry.update(relations=novel)
            for place, entry in enumerate(content["data"])
            if (place == 0) == (left == "validation")
        ],
    )
    settings = {"held_out_predicates": "novel", "validation_images": 1}
    config = write_config(data=str(folder), relations=settings)
    with pytest.raises(ValueError, match=rf"none of the . {told} has a relation that is not held"):
        train.run(config)
    assert not (config.parent / "run").exists()
