# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1 as a whole: what it leaves behind, and that a kill costs nothing but time."""

import json
import math
import shutil
import signal
from functools import partial
from pathlib import Path

import pytest
import torch
import yaml
from tiny_networks import every_segmenter
from training_process import kill_while_saving, train_apart

from psg_ros.data.opening import open_dataset
from psg_ros.network.config import ModelConfig
from psg_ros.network.word_scores import word_scores
from psg_ros.pictures.picture_file import read_image
from psg_ros.setting_files import load_config
from psg_ros.text.lexicon import Lexicon
from psg_ros.training import train, words
from psg_ros.training.checkpoint import load_state, load_weights, save_state
from psg_ros.training.config import TrainConfig
from psg_ros.training.distributed import Ranks
from psg_ros.training.history import History
from psg_ros.training.segmenter import segmentation
from psg_ros.training.segmenter.segmentation_checks import check_settings
from psg_ros.training.segmenter.segmentation_run import STATE, WEIGHTS, SegmentationRun

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def report_every_step(monkeypatch):
    monkeypatch.setattr(segmentation, "REPORT_EVERY", 1)


def train_segmenter(config_path: Path, *, resume: bool = False) -> tuple[torch.nn.Module, Path]:
    """Run stage 1 as a new process would; returns the model and the run folder."""
    config = load_config(TrainConfig, config_path)
    torch.manual_seed(config.seed)
    vocabulary = train.vocabulary_of(config)
    model = train.build_model(config, vocabulary).segmenter
    dataset = open_dataset(Path(config.data), vocabulary, "train")
    segmentation.train_segmenter(model, dataset, config, resume=resume, ranks=Ranks())
    return model, Path(config.out)


def learned(folder: Path) -> list[dict]:
    """What a run has recorded but its use of memory, which differs from process to process."""
    rows = History(folder / "segmentation.jsonl").rows()
    return [{name: row[name] for name in row if name != "memory_mib"} for row in rows]


def test_a_run_leaves_averaged_weights_a_checkpoint_and_curves(write_config, real_curves):
    model, folder = train_segmenter(write_config())
    assert {path.name for path in folder.iterdir()} == {
        WEIGHTS, STATE, "segmentation.jsonl", "segmentation.png",
    }  # fmt: skip
    weights = load_weights(folder / WEIGHTS)
    for name, value in model.state_dict().items():
        assert value.equal(weights[name]), "the model holds what was written"
    rows = History(folder / "segmentation.jsonl").rows()
    assert [row["samples"] for row in rows] == [2, 4, 6, 8, 10, 12]
    assert all(math.isfinite(row["dice"]) for row in rows)
    assert read_image(folder / "segmentation.png").std() > 0


def test_every_phase_has_its_own_picture_size(write_config, monkeypatch):
    sizes, real = [], SegmentationRun.step

    def step(self, images, targets):
        sizes.append((tuple(images.shape[2:]), tuple(targets[0].masks.shape[1:])))
        return real(self, images, targets)

    monkeypatch.setattr(SegmentationRun, "step", step)
    train_segmenter(write_config())
    assert sizes == [((16, 32), (4, 8))] * 3 + [((32, 48), (8, 12))] * 3


@pytest.mark.parametrize(
    ("tiny_network", "report_every", "killed_at"),
    [
        *(("eomt", *case) for case in ((1, 2), (1, 3), (1, 5), (2, 1), (2, 3), (4, 3), (4, 5))),
        ("pro_scale", 1, 2),
        ("pro_scale", 4, 5),
        ("yoso", 4, 3),
    ],
    indirect=["tiny_network"],
)
def test_a_killed_and_resumed_run_ends_like_one_that_was_left_alone(
    write_config, monkeypatch, interrupt, report_every, killed_at
):
    monkeypatch.setattr(segmentation, "REPORT_EVERY", report_every)
    whole_model, whole_folder = train_segmenter(write_config("whole"))
    config = write_config("killed", minutes_between_checkpoints=0.0)
    with interrupt(SegmentationRun, lambda run: run.samples_seen == 2 * killed_at):
        train_segmenter(config)
    model, folder = train_segmenter(config, resume=True)
    for name, value in whole_model.state_dict().items():
        assert value.equal(model.state_dict()[name]), name
    assert learned(whole_folder) == learned(folder)
    assert len(learned(folder)) == -(-6 // report_every), "the last one may be of fewer steps"


def test_a_resumed_run_hears_the_same_words(
    write_config, tiny_share, tiny_network, interrupt, monkeypatch
):
    """Which way to say a class is heard belongs to the step, not to the process."""
    shutil.copy(ROOT / "config" / "labels" / "psg.yaml", tiny_share / "config" / "labels")
    sizes = {**tiny_network["segmenter"], "text_encoder": "bag_of_words"}
    network = tiny_share / "config" / "model" / "tiny.yaml"
    network.write_text(yaml.safe_dump({**tiny_network, "segmenter": sizes}))
    ways = Lexicon({"box": ("crate", "carton"), "ball": ("globe",)}, {})
    monkeypatch.setattr(words, "load_paraphrases", lambda: ways)
    whole = train.run(write_config("whole"), stage="segmentation")
    config = write_config("killed", minutes_between_checkpoints=0.0)
    with interrupt(SegmentationRun, lambda run: run.samples_seen == 6):
        train.run(config, stage="segmentation")
    folder = train.run(config, stage="segmentation", resume=True)
    assert (folder / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()


def test_the_whole_segmenter_learns_with_its_words(write_config, tiny_share, tiny_network):
    """Not the class head alone; the vectors of the words stay as they are."""
    shutil.copy(ROOT / "config" / "labels" / "psg.yaml", tiny_share / "config" / "labels")
    sizes = {**tiny_network["segmenter"], "text_encoder": "bag_of_words"}
    network = tiny_share / "config" / "model" / "tiny.yaml"
    network.write_text(yaml.safe_dump({**tiny_network, "segmenter": sizes}))
    before, after = (
        train.load_run(
            train.run(write_config(name, segmentation=changes), stage="segmentation"),
            with_relations=False,
        )[0].segmenter
        for name, changes in (
            ("still", {"learning_rate": 1e-20}),
            ("learned", {"learning_rate": 1e-2}),
        )
    )
    moved = {
        name.split(".")[0]
        for name, value in before.named_parameters()
        if not torch.equal(value, after.get_parameter(name))
    }
    assert moved == {name.split(".")[0] for name, _ in before.named_parameters()}
    assert torch.equal(word_scores(before).words, word_scores(after).words)


def test_a_state_without_running_means_still_goes_on(write_config, monkeypatch, interrupt):
    monkeypatch.setattr(segmentation, "REPORT_EVERY", 2)
    config = write_config("killed", minutes_between_checkpoints=0.0)
    with interrupt(SegmentationRun, lambda run: run.samples_seen == 2):
        train_segmenter(config)
    path = config.parent / "killed" / STATE
    state = load_state(path)
    assert state.pop("means")["count"] == 1
    save_state(state, path)
    _, folder = train_segmenter(config, resume=True)
    assert [row["samples"] for row in learned(folder)] == [6, 10, 12]


def test_what_was_done_after_the_last_checkpoint_is_done_and_reported_again(
    write_config, monkeypatch
):
    config, real = write_config(minutes_between_checkpoints=1e9), SegmentationRun.step

    def step(self, images, targets):
        if self.samples_seen == 6:
            raise KeyboardInterrupt
        losses = real(self, images, targets)
        if self.samples_seen == 2:
            self.save(Path(self.config.out))
        return losses

    monkeypatch.setattr(SegmentationRun, "step", step)
    with pytest.raises(KeyboardInterrupt):
        train_segmenter(config)
    monkeypatch.setattr(SegmentationRun, "step", real)
    _, folder = train_segmenter(config, resume=True)
    rows = History(folder / "segmentation.jsonl").rows()
    assert [row["samples"] for row in rows] == [2, 4, 6, 8, 10, 12]


def test_a_run_that_was_killed_before_its_first_checkpoint_reports_everything_once(
    write_config, interrupt
):
    config = write_config()
    with interrupt(SegmentationRun, lambda run: run.samples_seen == 4):
        train_segmenter(config)
    _, folder = train_segmenter(config, resume=True)
    assert [row["samples"] for row in learned(folder)] == [2, 4, 6, 8, 10, 12]


def test_a_run_that_starts_over_forgets_the_state_of_an_earlier_one(write_config, interrupt):
    config = write_config()
    _, folder = train_segmenter(config)
    with interrupt(SegmentationRun, lambda run: True):
        train_segmenter(config)
    assert load_state(folder / STATE)["samples_seen"] == 0


def test_resuming_a_finished_run_changes_nothing_and_reads_no_pictures(write_config, monkeypatch):
    config = write_config()
    model, folder = train_segmenter(config)
    monkeypatch.setattr(segmentation, "load_samples", None)
    again, _ = train_segmenter(config, resume=True)
    assert again.class_head.weight.equal(model.class_head.weight)
    assert len(History(folder / "segmentation.jsonl").rows()) == 6


def test_other_seeds_give_other_networks(write_config):
    first, second = (train_segmenter(write_config(f"s{s}", seed=s))[0] for s in (1, 2))
    assert not first.class_head.weight.equal(second.class_head.weight)


STREAMING = {
    "keep_in_memory": False,
    "workers": 1,
    "augmentation": "large_scale_jitter",
}


@pytest.mark.slow
@every_segmenter
def test_a_process_killed_while_it_saves_costs_nothing_but_time(write_config, tiny_share, tmp_path):
    whole_folder = train.run(write_config("whole", segmentation=STREAMING), stage="segmentation")
    config = write_config("killed", segmentation=STREAMING, minutes_between_checkpoints=0.0)
    apart = partial(train_apart, config, tiny_share, "segmentation")
    killed = apart(prepare=partial(kill_while_saving, 6))
    assert killed == -signal.SIGKILL
    assert load_state(tmp_path / "killed" / STATE)["samples_seen"] == 4
    (left,) = (tmp_path / "killed").glob(".*")
    assert left.read_bytes() == b"half of a fi"
    assert apart(resume=True) == 0
    assert not list((tmp_path / "killed").glob(".*"))
    assert learned(whole_folder) == learned(tmp_path / "killed")
    whole, resumed = (load_weights(f / WEIGHTS) for f in (whole_folder, tmp_path / "killed"))
    assert all(value.equal(resumed[name]) for name, value in whole.items())


def test_a_checkpoint_of_another_network_is_refused(write_config):
    config = write_config()
    _, folder = train_segmenter(config)
    state = load_state(folder / STATE)
    state["losses"].pop("model.queries")
    save_state(state, folder / STATE)
    with pytest.raises(
        ValueError, match="segmenter.state is not a checkpoint of this network, or .*queries"
    ):
        train_segmenter(config, resume=True)


@pytest.mark.parametrize("keep", [0, 100, 20_000])
def test_half_a_checkpoint_is_named_and_not_used(write_config, keep):
    config = write_config()
    _, folder = train_segmenter(config)
    path = folder / STATE
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match="segmenter.state is damaged or not a checkpoint"):
        train_segmenter(config, resume=True)


def test_a_loss_that_is_not_finite_names_the_batch(write_config, monkeypatch):
    real = SegmentationRun.step

    def step(self, images, targets):
        if self.samples_seen == 4:
            raise FloatingPointError("loss is nan after 4 samples")
        return real(self, images, targets)

    monkeypatch.setattr(SegmentationRun, "step", step)
    config = write_config()
    with pytest.raises(
        FloatingPointError, match="loss is nan after 4 samples, at the images "
    ) as e:
        train_segmenter(config)
    facts = json.loads((Path(load_config(TrainConfig, config).out) / "bad_batch.json").read_text())
    assert facts["samples_seen"] == 4 and facts["rank"] == 0 and "loss is nan" in facts["error"]
    assert len(facts["image_ids"]) == 2 and set(facts["image_ids"]) <= set("01234")
    assert ", ".join(facts["image_ids"]) in str(e.value)


@pytest.mark.parametrize("changes", [{"points": 32, "upscale_all": True}, {"accumulate": 2}])
def test_other_ways_to_compare_masks_train_as_well(write_config, changes):
    _, folder = train_segmenter(write_config(segmentation=changes))
    assert [row["samples"] for row in learned(folder)] == [2, 4, 6, 8, 10, 12]
    assert all(math.isfinite(row["mask"]) for row in learned(folder))


def test_memory_is_among_the_curves(write_config):
    _, folder = train_segmenter(write_config())
    rows = History(folder / "segmentation.jsonl").rows()
    assert all(row["memory_mib"] > 10 for row in rows)


RECIPES = [
    *("demo", "eomt_s", "eomt_b", "eomt_l"),
    *("mask2former_swin_t", "mask2former_r50"),
    *("yoso_r50", "yoso_small"),
    *("pro_scale_swin_t", "pro_scale_r50", "pro_scale_small"),
]


@pytest.mark.parametrize("name", RECIPES)
def test_the_recipes_of_the_package_fit_their_networks(name):
    config = load_config(TrainConfig, ROOT / "config" / "train" / f"{name}.yaml")
    network = load_config(ModelConfig, ROOT / "config" / "model" / f"{config.model}.yaml")
    check_settings(config.segmentation, network.segmenter, num_images=118_287)
