# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A pretrained stem under the blocks of an exported model: what is taken over, what is fitted."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_donor import SIZES, write_donor

from psg_ros.labels import load_vocabulary
from psg_ros.network.checkpoints.exported import read_exported_segmenter, read_model_folder
from psg_ros.network.checkpoints.graft import fit_projection, graft, open_donor
from psg_ros.network.half_weights import halve
from psg_ros.network.segmenters.eomt import Eomt
from psg_ros.resources import share_path
from psg_ros.training.checkpoint import load_weights
from psg_ros.training.segmenter.initial_weights import load_initial_weights
from psg_ros.training.segmenter.segmentation_run import WEIGHTS

LABELS = share_path() / "config" / "labels"
SIMULATION, PHOTO = (load_vocabulary(LABELS / f"{name}.yaml") for name in ("simulation", "photo"))


@pytest.fixture(scope="module")
def donor_folder(tmp_path_factory) -> Path:
    return write_donor(tmp_path_factory.mktemp("donor"))


@pytest.fixture
def grafted() -> Eomt:
    """An untrained segmenter with a pretrained kind of stem and two of the donor's three blocks."""
    torch.manual_seed(1)
    config = replace(SIZES, stem="efficientnet_lite0", depth=2, num_queries=7, taps=(1,))
    segmenter = Eomt(config, PHOTO.num_labels)
    for layer in segmenter.stem.network.modules():  # features as large as those of a trained one
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight)
    return segmenter


def pictures(count: int, hw: tuple[int, int] = (32, 48)) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    coarse = [torch.rand(4, 3, 4, 6, generator=generator) * 255 for _ in range(count)]
    return [torch.nn.functional.interpolate(c, hw, mode="bilinear").byte() for c in coarse]


def outputs(segmenter: Eomt) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.no_grad():
        return segmenter.eval()(pictures(1)[0].float())[:2]


@pytest.mark.parametrize("stem", ["convolution", "efficientnet_lite0"])
@pytest.mark.filterwarnings("ignore")  # the exporter's own
def test_a_training_can_start_from_an_exported_model(donor_folder, tmp_path, stem):
    sizes = replace(SIZES, stem=stem)
    folder = donor_folder if stem == SIZES.stem else write_donor(tmp_path, sizes)
    original, started = (Eomt(sizes, SIMULATION.num_labels) for _ in range(2))
    original.load_state_dict(load_weights(folder.parent / "weights.safetensors"))
    assert load_initial_weights(started, str(folder), WEIGHTS) == []
    for mine, wanted in zip(outputs(started), outputs(original), strict=True):
        torch.testing.assert_close(mine, wanted, rtol=1e-3, atol=1e-3)


def test_an_export_of_a_segmenter_that_cannot_be_read_back_is_refused(donor_folder):
    with pytest.raises(ValueError, match="exports of the segmenter toy cannot be read back"):
        read_model_folder(donor_folder, "toy")


def test_a_halved_export_is_read_back(donor_folder, tmp_path):
    path = tmp_path / "segmenter.onnx"
    shutil.copyfile(donor_folder / "segmenter.onnx", path)
    halve(path)
    whole = read_exported_segmenter(donor_folder / "segmenter.onnx")
    for name, value in read_exported_segmenter(path).items():
        torch.testing.assert_close(value, whole[name], rtol=1e-3, atol=1e-3)


def test_other_files_are_refused(donor_folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="is missing"):
        read_exported_segmenter(tmp_path / "nothing.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ValueError, match="not an ONNX file, or damaged"):
        read_exported_segmenter(tmp_path / "text.onnx")
    with pytest.raises(ValueError, match="is not the segmenter of a model folder"):
        read_exported_segmenter(donor_folder / "relations.onnx")


def test_a_donor_must_be_as_wide_and_as_deep(donor_folder, grafted):
    with pytest.raises(ValueError, match="has 3 blocks of width 16; expected .* 4 of width 16"):
        open_donor(str(donor_folder), replace(grafted.config, depth=4))
    with pytest.raises(ValueError, match="expected at least 2 of width 32"):
        open_donor(str(donor_folder), replace(grafted.config, dim=32))


def test_blocks_heads_and_known_labels_are_taken_over(donor_folder, grafted):
    donor = open_donor(str(donor_folder), grafted.config)
    graft(grafted, donor, PHOTO, pictures(3))
    own, taken = grafted.state_dict(), donor.segmenter.state_dict()
    for mine, theirs in (
        ("blocks.0.mlp.fc1.weight", "blocks.1.mlp.fc1.weight"),
        ("blocks.1.attention.k_proj.weight", "blocks.2.attention.k_proj.weight"),
        ("mask_head.4.bias", "mask_head.4.bias"),
        ("upscale.1.conv1.weight", "upscale.1.conv1.weight"),
        ("register_tokens", "register_tokens"),
    ):
        assert own[mine].equal(taken[theirs]), mine
    assert own["queries"][:5].equal(taken["queries"])
    assert own["queries"][5:].std() > 0
    mine, theirs = PHOTO.label_index(["cup", "cat"]), SIMULATION.label_index(["cup"])
    assert own["class_head.weight"][mine[0]].equal(taken["class_head.weight"][theirs[0]])
    assert own["class_head.weight"][-1].equal(taken["class_head.weight"][-1]), "no object"
    assert own["class_head.bias"][mine[1]] < taken["class_head.bias"][:-1].mean() - 1


def test_the_projection_is_the_best_linear_one(donor_folder, grafted):
    """Where the donor's tokens are a linear function of the features, it is found."""
    donor = open_donor(str(donor_folder), grafted.config).segmenter
    other = Eomt(grafted.config, PHOTO.num_labels).eval()
    other.stem.network.load_state_dict(grafted.stem.network.state_dict())
    batches = pictures(40, (64, 96))
    explained = fit_projection(grafted, grafted.stem, other, 0, batches)
    assert explained > 0.99
    with torch.no_grad():
        mine, wanted = (each.embed(batches[-1].float())[0][:, 2:] for each in (grafted, other))
    torch.testing.assert_close(mine, wanted, rtol=0, atol=1e-2)
    assert fit_projection(grafted, grafted.stem, donor, 1, pictures(6)) < 0.99


def test_a_stem_without_pretraining_is_refused(donor_folder, grafted):
    donor = open_donor(str(donor_folder), grafted.config)
    with pytest.raises(ValueError, match="needs a pretrained stem, not convolution"):
        graft(donor.segmenter, donor, donor.vocabulary, pictures(2))
