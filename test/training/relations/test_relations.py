# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 2 as a whole: what a run leaves, how it goes on, and that its variants work."""

import math
import shutil
import signal
from functools import partial
from pathlib import Path

import pytest
import torch
import yaml
from tiny_psg import change_json
from training_process import kill_before_step, train_apart, train_as_ranks

from psg_ros.network.word_scores import word_scores
from psg_ros.pictures.picture_file import read_image
from psg_ros.training import train
from psg_ros.training.checkpoint import load_state, load_weights, save_state, save_weights
from psg_ros.training.history import History
from psg_ros.training.relations import gain_search, relation_run, relations, word_heads

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def prepare(write_config):
    """A function that writes a config and the random segmenter of its run; returns the config."""

    def write(name="run", **changes) -> Path:
        config = write_config(name, **changes)
        torch.manual_seed(0)
        settings = train.load_config(train.TrainConfig, config)
        model = train.build_model(settings, train.vocabulary_of(settings))
        weights = model.segmenter.state_dict()
        save_weights(weights, Path(settings.out) / "segmenter.safetensors")
        return config

    return write


def folder_of(config: Path) -> Path:
    return Path(train.load_config(train.TrainConfig, config).out)


def run(config: Path, **options) -> Path:
    return train.run(config, stage="relations", **options)


def rows_of(folder: Path) -> list[dict]:
    """What a run has recorded but its use of memory, which differs from process to process."""
    rows = History(folder / "relations.jsonl").rows()
    return [{name: row[name] for name in row if name != "memory_mib"} for row in rows]


def test_a_run_leaves_weights_and_curves_and_the_segmenter_as_it_was(prepare, real_curves):
    config = prepare(relations={"learning_rate": 1e-3})
    before = (folder_of(config) / "segmenter.safetensors").read_bytes()
    folder = run(config)
    assert (folder / "segmenter.safetensors").read_bytes() == before
    model, _, _ = train.load_run(folder)
    weights = load_weights(folder / relations.WEIGHTS)
    for name, value in model.relations.state_dict().items():
        assert value.equal(weights[name]), name
    assert read_image(folder / "relations.png").std() > 0
    first = rows_of(folder)
    run(config)
    assert rows_of(folder) == first, "another run starts another record, and is the same run"
    assert [row["epoch"] for row in first] == [1, 2]
    assert all(math.isfinite(row["bce"]) and row["consistency"] > 0 for row in first)
    recorded = History(folder / "relations.jsonl").rows()
    assert all(row["memory_mib"] > 10 for row in recorded), "a leak shows"


def test_the_figures_go_to_tensorboard_where_wanted(prepare):
    loading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    folder = run(prepare("with_board"), tensorboard=True)
    events = loading.EventAccumulator(str(folder / "tensorboard" / "relations")).Reload()
    written = [(event.step, event.value) for event in events.Scalars("relations/bce")]
    assert written == [(row["epoch"], pytest.approx(row["bce"])) for row in rows_of(folder)]
    assert not (run(prepare("without")) / "tensorboard").exists()


def test_a_run_that_starts_over_forgets_the_earlier_one_at_once(prepare, interrupt):
    config = prepare(
        relations={"frozen": False, "validation_images": 1, "learning_rate": 1e-3, "epochs": 1}
    )
    folder = run(config)
    assert all((folder / name).is_file() for name in relation_run.LEFT)
    expected = (folder / relations.WEIGHTS).read_bytes()
    with interrupt(relation_run.RelationRun, lambda _: True):
        run(config)
    assert not any((folder / name).exists() for name in relation_run.LEFT)
    run(config, resume=True)
    assert (folder / relations.WEIGHTS).read_bytes() == expected
    assert [row["epoch"] for row in rows_of(folder)] == [1]


def replace_segmenter(folder: Path) -> None:
    """Turn the queries of a run folder's segmenter around."""
    weights = load_weights(folder / "segmenter.safetensors")
    save_weights({**weights, "queries": -weights["queries"]}, folder / "segmenter.safetensors")


@pytest.mark.parametrize("frozen", [True, False])
def test_a_checkpoint_that_was_trained_on_another_segmenter_is_refused(prepare, frozen):
    config = prepare(relations={"frozen": frozen})
    folder = run(config)
    trained = (folder / relations.WEIGHTS).read_bytes()
    run(config, resume=True)
    replace_segmenter(folder)
    with pytest.raises(
        ValueError, match=r"relations\.state was trained on another segmenter; start"
    ):
        run(config, resume=True)
    assert (folder / relations.WEIGHTS).read_bytes() == trained, "nothing is lost"
    run(config)
    assert (folder / relations.WEIGHTS).read_bytes() != trained
    run(config, resume=True)


def test_a_checkpoint_of_other_images_is_refused(prepare, tiny_psg, tmp_path):
    """The images held out are spread over the set: another number of images holds out others."""
    folder = shutil.copytree(tiny_psg, tmp_path / "grows")
    config = prepare(data=str(folder), relations={"validation_images": 1, "epochs": 1})
    trained = (run(config) / relations.WEIGHTS).read_bytes()
    run(config, resume=True)
    change_json(folder / "psg.json", lambda content: content["data"].pop(0))
    with pytest.raises(ValueError, match=r"relations\.state was trained on other images"):
        run(config, resume=True)
    assert (folder_of(config) / relations.WEIGHTS).read_bytes() == trained, "nothing is lost"


def test_a_checkpoint_that_does_not_name_its_segmenter_is_refused(prepare):
    config = prepare()
    path = run(config) / relation_run.STATE
    state = load_state(path)
    state.pop("segmenter_digest")
    save_state(state, path)
    with pytest.raises(ValueError, match="a segmenter that it does not name"):
        run(config, resume=True)


def test_a_checkpoint_that_does_not_name_its_images_is_refused(prepare):
    config = prepare()
    path = run(config) / relation_run.STATE
    state = load_state(path)
    state.pop("images_digest")
    save_state(state, path)
    with pytest.raises(ValueError, match=r"the images that it was trained on \(old version\)"):
        run(config, resume=True)


@pytest.mark.slow
@pytest.mark.parametrize("killed_after", [3, 4])
def test_a_killed_run_goes_on_as_if_nothing_had_been(prepare, tiny_share, killed_after):
    settings = {
        "minutes_between_checkpoints": 0,
        "relations": {
            "learning_rate": 1e-2,
            "epochs": 3,
            "images_per_step": 2,
            "pairs_per_step": 4,
            "augmentation": "three_augment",
            "validation_images": 1,
        },
    }
    whole, broken = prepare("whole", **settings), prepare("broken", **settings)
    run(whole)
    apart = partial(train_apart, broken, tiny_share, "relations")
    assert apart(prepare=partial(kill_before_step, killed_after)) == -signal.SIGKILL
    folder = folder_of(broken)
    seen = load_state(folder / relation_run.STATE)["batches_seen"]
    assert 0 < seen < 6
    assert apart(resume=True) == 0
    assert rows_of(folder) == rows_of(folder_of(whole))
    assert [row["epoch"] for row in rows_of(folder)] == [1, 2, 3]
    for name in (relations.WEIGHTS, relation_run.LAST_WEIGHTS):
        assert (folder / name).read_bytes() == (folder_of(whole) / name).read_bytes()


@pytest.mark.slow
def test_resume_goes_on_in_the_second_stage(write_config, tiny_share):
    config = write_config(minutes_between_checkpoints=0, relations={"learning_rate": 1e-2})
    killed = train_apart(config, tiny_share, "all", prepare=partial(kill_before_step, 1))
    assert killed == -signal.SIGKILL
    folder = folder_of(config)
    segmenter = (folder / "segmenter.safetensors").read_bytes()
    assert load_state(folder / relation_run.STATE)["batches_seen"] == 1
    train.run(config, resume=True)
    assert (folder / "segmenter.safetensors").read_bytes() == segmenter
    assert [row["epoch"] for row in rows_of(folder)] == [1, 2]
    assert train.load_run(folder)[1].relations.epochs == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"images_per_step": 3},
        {"images_per_step": 5, "pairs_per_step": 3},
        {"augmentation": "three_augment", "frozen": False},
    ],
    ids=str,
)
def test_two_processes_learn_what_one_learns(prepare, tiny_share, changes):
    settings = {"precision": "float32", "learning_rate": 1e-3, "epochs": 2, **changes}
    alone, shared = prepare("alone", relations=settings), prepare("shared", relations=settings)
    run(alone)
    assert train_as_ranks(shared, tiny_share, "relations") == [0, 0]
    pairs = zip(rows_of(folder_of(alone)), rows_of(folder_of(shared)), strict=True)
    for expected, found in pairs:
        assert found == pytest.approx(expected, rel=1e-4)
    expected, found = (load_weights(folder_of(c) / relations.WEIGHTS) for c in (alone, shared))
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=2e-4, rtol=1e-3)


VARIANTS = [
    {"swap_training": False},
    {"consistency_target": "hidden"},
    {"reverse_unlabelled": "ignore"},
    {"positive_weights": False},
    {"mask_resolution": "raw"},
    {"augmentation": "three_augment"},
    {"frozen": False},
    {"augmentation": "three_augment", "frozen": False, "pairs_per_step": 2},
    {"precision": "float32"},
    {"validation_images": 2},
    {"feature_cache": "cache", "validation_images": 2},
]


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_every_variant_trains_to_its_end(prepare, tmp_path, monkeypatch, changes):
    monkeypatch.chdir(tmp_path)
    folder = run(prepare(relations={"learning_rate": 1e-3, "epochs": 1, **changes}))
    (row,) = rows_of(folder)
    assert math.isfinite(row["bce"])
    assert ("consistency" in row) == changes.get("swap_training", True)
    assert ("PredCls mR@50" in row) == ("validation_images" in changes)
    model, _, _ = train.load_run(folder)
    start = load_weights(folder / "segmenter.safetensors")
    moved = {
        name.split(".")[0]
        for name, value in model.segmenter.state_dict().items()
        if not value.equal(start[name])
    }
    if changes.get("frozen", True):
        assert not moved
    else:
        assert {"stem", "blocks", "queries"} <= moved
        assert not moved & {"class_head", "mask_head", "upscale", "norm"}


def test_a_feature_cache_gives_the_run_that_memory_gives(prepare, tmp_path):
    settings = {"learning_rate": 1e-2, "validation_images": 1}
    cached = {**settings, "feature_cache": str(tmp_path / "cache")}
    folders = [run(prepare("memory", relations=settings))]
    folders += [run(prepare(name, relations=cached)) for name in ("first", "second")]
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {"train", "validation"}
    weights = [(folder / relations.WEIGHTS).read_bytes() for folder in folders]
    assert weights[0] == weights[1] == weights[2]
    assert rows_of(folders[0]) == rows_of(folders[1]) == rows_of(folders[2])


def test_the_best_epoch_is_kept_and_the_last_one_beside_it(prepare, monkeypatch):
    scores = iter([30.0, 50.0, 50.0, 40.0])

    def judged(*args, **kwargs):
        return dict.fromkeys(relations.REPORTED, next(scores))

    monkeypatch.setattr(relations, "evaluate_relations", judged)
    kept = []
    save = relation_run.RelationRun.save_weights

    def noted(self, folder, *, last=False):
        save(self, folder, last=last)
        kept.append((self.batches_seen // 2, last))

    monkeypatch.setattr(relation_run.RelationRun, "save_weights", noted)
    config = prepare(
        relations={"epochs": 4, "images_per_step": 2, "validation_images": 1, "learning_rate": 0.1}
    )
    folder = run(config)
    assert [epoch for epoch, last in kept if not last] == [1, 2]
    assert [epoch for epoch, last in kept if last] == [1, 2, 3, 4]
    assert [row["PredCls mR@50"] for row in rows_of(folder)] == [30, 50, 50, 40]
    best, last = (load_weights(folder / n) for n in (relations.WEIGHTS, relation_run.LAST_WEIGHTS))
    assert any(not value.equal(last[name]) for name, value in best.items())


def test_a_loss_that_is_not_finite_names_its_images(prepare, monkeypatch):
    config = prepare(relations={"images_per_step": 5})
    init = relation_run.RelationRun.__init__

    def poisoned(self, model, *args):
        init(self, model, *args)
        with torch.no_grad():
            model.relations.neck.class_embedding[0] = float("nan")

    monkeypatch.setattr(relation_run.RelationRun, "__init__", poisoned)
    with pytest.raises(
        FloatingPointError, match=r"not finite \(bce nan.*\) at images [0-4], [0-4]"
    ):
        run(config)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"feature_cache": "c", "augmentation": "three_augment"}, "feature_cache holds features"),
        ({"feature_cache": "c", "frozen": False}, "frozen: false changes them in every step"),
        ({"masks": "inferred", "augmentation": "three_augment"}, "inferred are found once"),
        ({"masks": "guessed"}, "masks must be one of true, inferred, not 'guessed'"),
        ({"epochs": 0}, "epochs must be 1 or more, not 0"),
        ({"negatives_per_positive": 0}, "negatives_per_positive must be above 0, not 0.0"),
        ({"clip_norm": 0}, "clip_norm must be above 0, not 0.0"),
        ({"validation_images": 5}, "validation_images 5 of 5 images with relations; choose fewer"),
        ({"validation_images": 1, "validation_split": "val"}, "val"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_before_anything_is_computed(write_config, changes, said):
    config = write_config(relations=changes)
    with pytest.raises(ValueError, match=said):
        train.run(config)
    assert not (config.parent / "run").exists()


def test_pictures_are_not_mirrored_where_relations_tell_left_from_right(
    write_config, tiny_share, tiny_psg, tmp_path
):
    folder = shutil.copytree(tiny_psg, tmp_path / "sided")
    sided = ["left of", "on"]
    change_json(folder / "psg.json", lambda content: content.update(predicate_classes=sided))
    labels = tiny_share / "config" / "labels" / "tiny.yaml"
    content = yaml.safe_load(labels.read_text())
    labels.write_text(yaml.safe_dump({**content, "predicates": [{"name": n} for n in sided]}))
    config = write_config(data=str(folder), relations={"augmentation": "three_augment"})
    with pytest.raises(ValueError, match="mirrors pictures, in which left of would be wrong"):
        train.run(config)
    assert not (config.parent / "run").exists()


@pytest.mark.parametrize("size", ["s", "b", "l"])
def test_the_recipe_of_the_paper_is_there_in_every_size(size):
    folder = REPOSITORY / "config"
    config = train.load_config(train.TrainConfig, folder / "train" / f"dsflash_{size}.yaml")
    recipe = config.relations
    assert (recipe.learning_rate, recipe.weight_decay, recipe.clip_norm) == (1e-5, 0.02, 1)
    assert (recipe.epochs, recipe.negatives_per_positive) == (20, 0.2)
    assert recipe.augmentation == "three_augment" and recipe.swap_training and recipe.frozen
    assert (folder / "model" / f"{config.model}.yaml").is_file()
    assert (folder / "labels" / f"{config.labels}.yaml").is_file()


@pytest.fixture
def with_words(tiny_share, tiny_network, monkeypatch) -> None:
    """Let the relation stage of the small network compare with words."""
    shutil.copy(REPOSITORY / "config" / "labels" / "psg.yaml", tiny_share / "config" / "labels")
    sizes = {**tiny_network["relations"], "text_encoder": "bag_of_words"}
    network = tiny_share / "config" / "model" / "tiny.yaml"
    network.write_text(yaml.safe_dump({**tiny_network, "relations": sizes}))
    monkeypatch.setattr(word_heads, "STEPS", 2)
    monkeypatch.setattr(gain_search, "best_gain", lambda shares: 2.5)


def test_a_run_with_words_ends_with_the_gain_of_unseen_ones(prepare, with_words):
    folder = run(prepare(relations={"epochs": 1, "precision": "float32"}))
    (row,) = rows_of(folder)
    assert 0 < row["prior"] < 2
    scores = word_scores(train.load_run(folder)[0].relations)
    assert scores.gain == 2.5 and scores.taught.all()
    torch.testing.assert_close(scores.words.norm(dim=1), torch.ones(len(scores.words)))


def test_the_whole_stage_learns_with_its_words(prepare, with_words):
    """Not the head alone; the segmenter and the vectors of the words stay as they are."""
    settings = {"epochs": 1, "precision": "float32"}
    before, after = (
        train.load_run(run(prepare(name, relations={**settings, "learning_rate": rate})))[0]
        for name, rate in (("still", 1e-20), ("learned", 1e-2))
    )
    for name, value in before.relations.named_parameters():
        assert not torch.equal(value, after.relations.get_parameter(name)), name
    for name, value in before.segmenter.state_dict().items():
        assert torch.equal(value, after.segmenter.state_dict()[name]), name
    assert torch.equal(word_scores(before.relations).words, word_scores(after.relations).words)


def test_a_resumed_run_hears_the_same_words(prepare, with_words, interrupt):
    """Which way to say a word is heard belongs to the step, not to the process."""
    settings = {"epochs": 3, "precision": "float32", "learning_rate": 1e-2}
    whole = run(prepare("whole", minutes_between_checkpoints=0, relations=settings))
    config = prepare("killed", minutes_between_checkpoints=0, relations=settings)
    with interrupt(relation_run.RelationRun, lambda one: one.batches_seen == 4):
        run(config)
    folder = run(config, resume=True)
    assert (folder / relations.WEIGHTS).read_bytes() == (whole / relations.WEIGHTS).read_bytes()


def test_the_best_relations_keep_the_segmenter_that_they_were_trained_with(
    prepare, with_words, monkeypatch
):
    scores = iter((2.0, 1.0))
    made_up = lambda *_, **__: dict.fromkeys(relations.REPORTED, next(scores))  # noqa: E731
    monkeypatch.setattr(relations, "evaluate_relations", made_up)
    saved, real = [], relation_run.RelationRun.save_weights

    def save(self, folder, *, last=False):
        real(self, folder, last=last)
        if not last:
            saved.append((folder / relation_run.TUNED_SEGMENTER).read_bytes())

    monkeypatch.setattr(relation_run.RelationRun, "save_weights", save)
    settings = {"frozen": False, "validation_images": 1, "learning_rate": 1e-2, "epochs": 2}
    run(prepare(relations={**settings, "precision": "float32"}))
    assert len(saved) == 2 and saved[0] == saved[1]
