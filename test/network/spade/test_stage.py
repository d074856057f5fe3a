# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A trained SPADE as a whole: folders, words, images in and probabilities out."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("diffusers")
pytest.importorskip("peft")
pytest.importorskip("transformers")

from safetensors.torch import load_file, save_file
from tiny_spade import T2, some_image, some_masks, tiny_network, write_public_models

from psg_ros.network.spade import libraries
from psg_ros.network.spade.frozen import open_frozen_models
from psg_ros.network.spade.stage import SETTINGS, SpadeStage, open_text_tower, save_stage
from psg_ros.network.spade.text_vectors import relation_prompt
from psg_ros.spade_config import TrainedWords

TRAINED = TrainedWords(("person", "cup", "floor-wood"), ("on", "holding"))
IMAGE = some_image()[0].permute(1, 2, 0).numpy()
MASKS = some_masks(3).numpy() > 0.5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained stage (random weights) beside the public models that it names."""
    place = tmp_path_factory.mktemp("spade")
    config = write_public_models(place)
    models = open_frozen_models(config)
    for value in models.calibrated().values():
        value.data += 0.01
    save_stage(place / "stage", models, tiny_network(config), TRAINED)
    return place / "stage"


@pytest.fixture(scope="module")
def stage(folder: Path) -> SpadeStage:
    return SpadeStage.open(folder)


def test_probabilities_of_every_node_and_pair_sum_to_1(stage: SpadeStage) -> None:
    seen = stage(IMAGE, MASKS)
    assert seen.objects.shape == (3, 4) and seen.predicates.shape[1] == 3
    for rows in (seen.objects, seen.predicates):
        np.testing.assert_allclose(rows.sum(1), 1, atol=1e-5)
    scores = seen.triple_scores()
    (subject, end), best = seen.pairs[0], seen.objects[:, :-1].max(1)
    expected = best[subject] * best[end] * seen.predicates[0, :-1]
    np.testing.assert_allclose(scores[0], expected, rtol=1e-5)


def test_what_was_saved_answers_as_before(folder: Path, stage: SpadeStage) -> None:
    again = SpadeStage.open(folder)
    assert (again.objects, again.predicates) == (TRAINED.objects, TRAINED.predicates)
    np.testing.assert_array_equal(again(IMAGE, MASKS).predicates, stage(IMAGE, MASKS).predicates)
    assert again.models.adapter.gate.item() == pytest.approx(0.01)


def test_words_change_without_loading_anything(stage: SpadeStage) -> None:
    before, embedded = stage(IMAGE, MASKS), []
    embed = stage._embed
    stage._embed = lambda names, templates: (embedded.extend(names), embed(names, templates))[1]
    try:
        stage.set_words(("person", "worker"), ("lying on", "on", "holding"))
        seen = stage(IMAGE, MASKS)
        assert seen.objects.shape == (3, 3) and seen.predicates.shape[1] == 4
        assert embedded == ["worker", "lying on"]
        np.testing.assert_array_equal(seen.pairs, before.pairs)
        stage.set_words(TRAINED.objects, TRAINED.predicates)
        np.testing.assert_array_equal(stage(IMAGE, MASKS).objects, before.objects)
        assert embedded == ["worker", "lying on"]
    finally:
        stage._embed = embed


def test_permuting_the_masks_permutes_the_whole_answer(stage: SpadeStage) -> None:
    order = [2, 0, 1]
    plain, permuted = stage(IMAGE, MASKS), stage(IMAGE, MASKS[order])
    np.testing.assert_allclose(permuted.objects, plain.objects[order], atol=1e-5)
    wanted = {tuple(p): row for p, row in zip(plain.pairs.tolist(), plain.predicates, strict=True)}
    assert len(wanted) == len(permuted.pairs) > 0
    for (subject, end), row in zip(permuted.pairs.tolist(), permuted.predicates, strict=True):
        np.testing.assert_allclose(row, wanted[order[subject], order[end]], atol=1e-5)


def test_the_direction_of_a_pair_changes_its_scores(stage: SpadeStage) -> None:
    """Although CLIP sees both masks as one, and the product of the ends is the same."""
    seen = stage(IMAGE, MASKS)
    scores = dict(zip(map(tuple, seen.pairs.tolist()), seen.triple_scores(), strict=True))
    assert np.abs(scores[0, 1] / scores[1, 0] - 1).max() > 1e-3


def test_no_segments_and_no_words_are_ordinary(stage: SpadeStage) -> None:
    assert len(stage(IMAGE, MASKS[:0]).pairs) == 0
    stage.set_words((), ())
    try:
        assert stage(IMAGE, MASKS).triple_scores().shape[1] == 0
    finally:
        stage.set_words(TRAINED.objects, TRAINED.predicates)


def test_missing_and_damaged_files_are_named(folder: Path, tmp_path: Path) -> None:
    text = (folder / SETTINGS).read_text()
    with pytest.raises(FileNotFoundError, match="is no folder of a trained SPADE.*no spade.yaml"):
        SpadeStage.open(tmp_path / "nothing")
    (tmp_path / SETTINGS).write_text(text)
    with pytest.raises(FileNotFoundError, match="calibration.safetensors"):
        SpadeStage.open(tmp_path)
    (tmp_path / "calibration.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ValueError, match="calibration.safetensors holds no tensors"):
        SpadeStage.open(tmp_path)
    (tmp_path / SETTINGS).write_text(text.replace("rgt_layers", "rgt_layer"))
    with pytest.raises(ValueError, match="did you mean 'rgt_layers'"):
        SpadeStage.open(tmp_path)


def test_a_folder_without_the_public_model_is_refused(folder: Path, tmp_path: Path) -> None:
    config = dataclasses.replace(tiny_network().config, diffusion_model=str(tmp_path))
    with pytest.raises(FileNotFoundError, match="clip_model '' is not a folder"):
        open_frozen_models(config)
    config = dataclasses.replace(config, clip_model=str(tmp_path))
    with pytest.raises(ValueError, match="holds no CLIPT"):
        open_frozen_models(config)


def test_a_model_without_some_of_its_weights_is_refused(folder: Path, tmp_path: Path) -> None:
    models = shutil.copytree(folder.parent / "clip", tmp_path / "clip")
    weights = load_file(models / "model.safetensors")
    name = next(name for name in weights if "text_projection" in name)
    save_file({n: v for n, v in weights.items() if n != name}, models / "model.safetensors",
              metadata={"format": "pt"})  # fmt: skip
    config = dataclasses.replace(T2, clip_model=str(models))
    with pytest.raises(
        ValueError, match="lacks 1 weights of a CLIPText.*, such as text_projection"
    ):
        open_text_tower(config)


def test_loading_lists_no_weights_that_nobody_asked_for(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    SpadeStage.open(folder)
    assert caplog.text == ""


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(libraries.importlib, "import_module", missing)
    with pytest.raises(ImportError, match=r"SPADE needs peft.*open-vocabulary"):
        libraries.library("peft")


def test_the_prompt_of_an_image_names_its_relations_in_order() -> None:
    triples = [("person", "standing-on", "floor-wood"), ("cup", "on", "wall-other-merged")]
    assert relation_prompt(triples) == "person is standing on floor wood, cup is on wall"
    assert relation_prompt([]) == ""


def test_the_context_without_training_is_that_of_the_empty_prompt(stage: SpadeStage) -> None:
    adapter = stage.models.adapter
    with torch.no_grad():
        context = stage.models.context(some_image())
    assert (context[0] - adapter.empty_prompt).abs().max() < 0.1
