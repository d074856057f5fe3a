# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A pretrained stem under the blocks of an exported model: what is taken over, what is fitted."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from psg_ros.checkpoints.exported import read_exported_segmenter
from psg_ros.labels import load_vocabulary
from psg_ros.modeling.config import ModelConfig, RelationConfig, SegmenterConfig
from psg_ros.modeling.dsflash import DsFlash
from psg_ros.modeling.half_weights import halve
from psg_ros.modeling.segmenters.eomt import Eomt
from psg_ros.resources import share_path
from psg_ros.training.checkpoint import load_weights, save_weights
from psg_ros.training.graft import fit_projection, graft, open_donor
from psg_ros.training.initial_weights import load_initial_weights
from psg_ros.training.release import Thresholds, release
from psg_ros.training.segmentation_run import WEIGHTS, SegmentationRun
from psg_ros.training.train import run

SIZES = SegmenterConfig(
    input_hw=(32, 48), dim=16, depth=3, num_heads=2, stem="convolution", num_registers=1,
    num_queries=5, num_query_blocks=2, taps=(0, 2),
)  # fmt: skip
LABELS = share_path() / "config" / "labels"
SIMULATION, PHOTO = (load_vocabulary(LABELS / f"{name}.yaml") for name in ("simulation", "photo"))


@pytest.fixture(scope="module")
def donor_folder(tmp_path_factory) -> Path:
    return write_model(tmp_path_factory.mktemp("donor"), SIZES)


def write_model(folder: Path, segmenter: SegmenterConfig) -> Path:
    """A model folder of a tiny network, random but not plain; beside it its weights in torch."""
    torch.manual_seed(0)
    relations = RelationConfig(dim=16, depth=1, num_heads=2, head_hidden=16, cell_patches=1)
    config = ModelConfig("tiny", segmenter=segmenter, relations=relations)
    model = DsFlash(config, SIMULATION.num_labels, SIMULATION.num_predicates).eval()
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.add_(0.1 * torch.rand_like(value))
    save_weights(model.segmenter.state_dict(), folder / "weights.safetensors")
    return release(model, "simulation", folder / "model", Thresholds())


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
    folder = donor_folder if stem == SIZES.stem else write_model(tmp_path, sizes)
    original, started = (Eomt(sizes, SIMULATION.num_labels) for _ in range(2))
    original.load_state_dict(load_weights(folder.parent / "weights.safetensors"))
    assert load_initial_weights(started, str(folder), WEIGHTS) == []
    for mine, wanted in zip(outputs(started), outputs(original), strict=True):
        torch.testing.assert_close(mine, wanted, rtol=1e-3, atol=1e-3)


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
    with pytest.raises(ValueError, match="no ONNX file, or damaged"):
        read_exported_segmenter(tmp_path / "text.onnx")
    with pytest.raises(ValueError, match="is not the segmenter of a model folder"):
        read_exported_segmenter(donor_folder / "relations.onnx")


def test_a_donor_must_be_as_wide_and_as_deep(donor_folder, grafted):
    with pytest.raises(ValueError, match="has 3 blocks of width 16; needed are .* 4 of width 16"):
        open_donor(str(donor_folder), replace(grafted.config, depth=4))
    with pytest.raises(ValueError, match="needed are at least 2 of width 32"):
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


def test_a_run_starts_grafted_and_goes_on_after_a_stop(
    donor_folder, write_config, tiny_share, tiny_network, tiny_psg, interrupt
):
    """One config from several data sets and a donor to the weights; stopped or not, the same."""
    network = tiny_network | {
        "segmenter": tiny_network["segmenter"] | {"stem": "efficientnet_lite0"}
    }
    (tiny_share / "config" / "model" / "pretrained.yaml").write_text(yaml.safe_dump(network))
    settings = {
        "sources": [{"data": str(tiny_psg), "share": 2.0}, {"data": str(tiny_psg)}],
        "balance": 0.1, "graft_from": str(donor_folder), "stem_frozen_samples": 6,
        "stem_rate": 0.1, "ignore_void": True, "augmentation": "photo", "keep_in_memory": False,
        "workers": 0,
    }  # fmt: skip
    changes = {"model": "pretrained", "segmentation": settings, "minutes_between_checkpoints": 0.0}
    whole = run(write_config("whole", **changes), stage="segmentation")
    config = write_config("parts", **changes)
    with interrupt(SegmentationRun, lambda run: run.samples_seen == 8):
        run(config, stage="segmentation")
    parts = run(config, stage="segmentation", resume=True)
    weights = [load_weights(folder / WEIGHTS) for folder in (whole, parts)]
    assert all(value.equal(weights[1][name]) for name, value in weights[0].items())
