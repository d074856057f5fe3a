# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`psg train`: one run from the config to the weights, and what it refuses before it starts."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from tiny_networks import every_segmenter
from tiny_psg import write_tiny_psg

from psg_ros.__main__ import main
from psg_ros.pictures.picture_file import read_image
from psg_ros.training import train
from psg_ros.training.checkpoint import load_weights, save_weights
from psg_ros.training.history import History
from psg_ros.training.relations import relation_run, relations
from psg_ros.training.relations.relation_run import RelationRun
from psg_ros.training.segmenter import segmentation, segmentation_run
from psg_ros.training.segmenter.segmentation_run import SegmentationRun
from psg_ros.training.train import CONFIG_COPY, run


def out_of(config_path: Path) -> Path:
    return Path(yaml.safe_load(config_path.read_text(encoding="utf-8"))["out"])


@every_segmenter
def test_both_stages_leave_a_run_that_can_be_loaded(write_config):
    config = write_config()
    folder = run(config)
    assert folder == out_of(config)
    assert (folder / CONFIG_COPY).read_text() == config.read_text()
    model, _, _ = train.load_run(folder)
    assert not any(value.isnan().any() for value in model.state_dict().values())


def test_stages_can_be_trained_one_after_the_other(write_config):
    whole = run(write_config("whole"))
    config = write_config("parts")
    run(config, stage="segmentation")
    folder = out_of(config)
    assert not (folder / relations.WEIGHTS).exists()
    run(config, stage="relations")
    for name in (segmentation_run.WEIGHTS, relations.WEIGHTS):
        assert (folder / name).is_file()
    segmenters = [train.load_run(f)[0].segmenter.state_dict() for f in (whole, folder)]
    assert all(value.equal(segmenters[1][name]) for name, value in segmenters[0].items())


def test_a_used_folder_is_refused_without_resume(write_config):
    config = write_config(segmentation={"phases": [{"input_hw": [16, 16], "samples": 6}]})
    folder = run(config, stage="segmentation")
    before = (folder / segmentation_run.WEIGHTS).read_bytes()
    with pytest.raises(FileExistsError, match="holds a run; add --resume or choose another `out`"):
        run(config)
    assert (folder / segmentation_run.WEIGHTS).read_bytes() == before
    run(config, resume=True, stage="segmentation")


def test_a_folder_of_another_config_is_refused_even_with_resume(write_config):
    folder = out_of(write_config())
    folder.mkdir()
    (folder / CONFIG_COPY).write_text("model: other\n")
    with pytest.raises(FileExistsError, match="holds a run of another config"):
        run(write_config(), resume=True)
    with pytest.raises(FileExistsError, match="holds a run of another config"):
        run(write_config(), stage="relations")
    assert (folder / CONFIG_COPY).read_text() == "model: other\n"


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"data": "nowhere"}, FileNotFoundError, "nowhere does not exist; expected"),
        ({"model": "giant"}, FileNotFoundError, "giant.yaml"),
        ({"labels": "martian"}, FileNotFoundError, "martian.yaml"),
        ({"segmentation": {"phases": []}}, ValueError, "phases has no samples"),
        ({"segmentation": {"batch_size": 50}}, ValueError, "batch_size 50 exceeds the 5 images"),
        ({"segmentation": {"batchsize": 5}}, ValueError, "did you mean 'batch_size'"),
        ({"seed": "one"}, ValueError, "seed must be int"),
    ],
)
def test_what_cannot_work_is_refused_and_the_folder_stays_free(write_config, changes, error, said):
    config = write_config(**changes)
    with pytest.raises(error, match=said):
        run(config)
    assert not out_of(config).exists(), "a corrected config must be able to use it"


def test_relations_need_a_segmenter(write_config):
    config = write_config()
    with pytest.raises(FileNotFoundError, match="segmenter.safetensors is missing"):
        run(config, stage="relations")
    assert not out_of(config).exists()


def test_relations_need_a_segmenter_that_is_finished(write_config, interrupt):
    config = write_config(minutes_between_checkpoints=0.0)
    with interrupt(SegmentationRun, lambda run: run.samples_seen == 4):
        run(config)
    with pytest.raises(ValueError, match=r"not finished \(segmenter: 4 of 12 samples\).* --resume"):
        run(config, stage="relations")
    folder = run(config, resume=True)
    assert train.load_run(folder)
    whole = run(write_config("whole"))
    for name in (segmentation_run.WEIGHTS, relations.WEIGHTS):
        assert (folder / name).read_bytes() == (whole / name).read_bytes()


def test_a_segmenter_without_a_state_is_finished_and_is_not_replaced(write_config):
    config = write_config()
    folder = run(config, stage="segmentation")
    (folder / segmentation_run.STATE).unlink()
    before = (folder / segmentation_run.WEIGHTS).read_bytes()
    run(config, stage="relations")
    with pytest.raises(FileExistsError, match="stage 1 would start over and replace .*stage rel"):
        run(config, resume=True)
    (folder / CONFIG_COPY).unlink()
    with pytest.raises(FileExistsError, match="stage 1 would start over and replace"):
        run(config)
    assert (folder / segmentation_run.WEIGHTS).read_bytes() == before


def test_relations_of_an_earlier_segmenter_are_removed_where_stage_1_starts_over(write_config):
    config = write_config()
    folder = run(config)
    run(config, resume=True, stage="segmentation")
    assert (folder / relations.WEIGHTS).is_file(), "it goes on, so they stay"
    for name in (segmentation_run.WEIGHTS, segmentation_run.STATE):
        (folder / name).unlink()
    run(config, resume=True, stage="segmentation")
    assert not any((folder / name).exists() for name in relation_run.LEFT)


def test_what_a_kill_has_left_is_removed_when_the_folder_is_taken(write_config):
    config = write_config()
    folder = out_of(config)
    folder.mkdir()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (folder / f".segmenter.{ended.pid}.partial.state").touch()
    run(config, stage="segmentation")
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize(
    ("name", "missing"),
    [(segmentation_run.WEIGHTS, "queries"), (relations.WEIGHTS, "neck.class_embedding")],
)
def test_weights_of_another_network_are_named(write_config, name, missing):
    config = write_config()
    folder = run(config)
    weights = load_weights(folder / name)
    weights.pop(missing)
    save_weights(weights, folder / name)
    said = f"{name} is not a checkpoint of this network, or is one of an older .*{missing}"
    with pytest.raises(ValueError, match=said):
        train.load_run(folder)
    if name == segmentation_run.WEIGHTS:
        with pytest.raises(ValueError, match=said):
            run(config, stage="relations")


def test_a_run_that_is_not_finished_is_loaded_with_a_warning(write_config, interrupt, caplog):
    config = write_config(relations={"images_per_step": 5})
    with interrupt(RelationRun, lambda run: run.batches_seen == 1):
        run(config)
    train.load_run(out_of(config))
    said = f"the training of {out_of(config)} is not finished (relations: 1 of 2 epochs)"
    assert caplog.messages == [said]
    run(config, resume=True)
    caplog.clear()
    train.load_run(out_of(config))
    assert caplog.messages == []


def test_an_unknown_stage_is_refused(write_config):
    with pytest.raises(ValueError, match="segmentation, relations, all, not 'both'"):
        run(write_config(), stage="both")


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_a_device_that_is_not_there_is_refused(write_config, monkeypatch, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match=f"device {device}: torch finds no CUDA here"):
        run(write_config(), device=device)


def test_no_run_folder_is_no_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a run folder: it has no train.yaml"):
        train.load_run(tmp_path)


def test_help_shows_options_and_examples(capsys):
    with pytest.raises(SystemExit) as left:
        main(["train", "--help"])
    shown = capsys.readouterr().out
    assert left.value.code == 0
    for word in ("usage: psg train CONFIG", "--resume", "--device", "--stage", "examples:"):
        assert word in shown


def test_the_command_trains_and_says_what_comes_next(write_config, capsys):
    config = write_config()
    assert main(["train", str(config), "--stage", "segmentation"]) == 0
    assert f"next: psg export {out_of(config)}" in capsys.readouterr().out
    assert main(["train", str(config)]) == 2
    assert "add --resume" in capsys.readouterr().err


def test_the_command_explains_a_run_that_diverged(write_config, capsys):
    config = write_config(segmentation={"learning_rate": 1e30, "warmup_samples": 0})
    assert main(["train", str(config)]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("psg train: error: ") and "not finite" in error
    assert error.endswith(f"try a smaller learning_rate in {config}")


def test_the_command_knows_the_stages_of_the_function():
    from psg_ros.cli.train import add_arguments

    class Recorder:
        choices: tuple = ()

        def add_argument(self, name, **settings):
            self.choices = settings.get("choices", self.choices)

    recorder = Recorder()
    add_arguments(recorder)
    assert set(recorder.choices) == set(train.STAGES)


def test_a_short_run_reports_at_its_end_and_draws_a_point(write_config, real_curves):
    folder = run(write_config(), stage="segmentation")
    assert segmentation.REPORT_EVERY > 6
    (row,) = History(folder / "segmentation.jsonl").rows()
    assert row["samples"] > 0 and read_image(folder / "segmentation.png").std() > 0


def test_broken_pictures_are_refused_or_left_out_with_a_count(write_config, tmp_path, capsys):
    folder = write_tiny_psg(tmp_path / "broken", num_images=8)
    (folder / "1.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"1\.png"):
        train.run(write_config(data=str(folder)))
    path = write_config(data=str(folder), skip_broken=True, out=str(tmp_path / "other"))
    assert train.run(path, stage="segmentation") == tmp_path / "other"
    assert "1 broken images of train are left out" in capsys.readouterr().out
