# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""On a GPU, backend torch makes one captured graph of a frame. Its stream is a fake here."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_gpu_stream import FakeStream
from torch_runs import LOW, digest_of_run, open_run

from psg_ros.__main__ import main
from psg_ros.backend_table import Device
from psg_ros.cli import evaluate
from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.labels import load_vocabulary
from psg_ros.network.checkpoints.exported import read_exported_segmenter
from psg_ros.network.config import ModelConfig
from psg_ros.network.dsflash import build_dsflash
from psg_ros.network.export import PrunedRelationGraph, SegmenterGraph
from psg_ros.pictures.picture_file import read_image
from psg_ros.resources import share_path
from psg_ros.robot.manifest import ModelFolder
from psg_ros.robot.pipeline import Pipeline
from psg_ros.setting_files import load_config
from psg_ros.torch_runtime.backend import TorchBackend
from psg_ros.torch_runtime.frame_backend import FrameBackend, frame_tensors
from psg_ros.training import torch_pipeline, train
from psg_ros.training.checkpoint import save_weights
from psg_ros.training.relations import relations

DEMO = share_path() / "models" / "demo"


def pretend_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch find one; its stream is a fake, and what is computed there is computed here."""
    monkeypatch.setattr(torch_pipeline, "_device_of", lambda config: Device("cuda"))
    monkeypatch.setattr(torch_pipeline, "_precisions", lambda device: ["fp32", "bf16", "fp16"])
    monkeypatch.setattr(torch_pipeline, "CudaStream", FakeStream)


@pytest.mark.parametrize("resolution", ["mask", "input", "image"])
@pytest.mark.parametrize("prune", [False, True], ids=["dense", "pruned"])
def test_on_a_gpu_one_captured_graph_says_what_two_networks_say(
    write_run, tiny_psg, monkeypatch, prune, resolution
):
    run, frame = write_run(prune=prune), Frame(read_image(tiny_psg / "0.png"))
    low = {f"{name}_threshold": value for name, value in LOW.items()}
    with open_run(run, merge_resolution=resolution, **low) as two:
        expected = two(frame)
    pretend_a_gpu(monkeypatch)
    with open_run(run, merge_resolution=resolution, **low) as one:
        assert (one.manifest.form, one.backend_name) == ("fused", "torch")
        found = one(frame)
        again = one(frame)
    assert found.segmentation.num_segments > 1
    np.testing.assert_array_equal(found.segmentation.label_map, expected.segmentation.label_map)
    np.testing.assert_array_equal(found.segmentation.labels, expected.segmentation.labels)
    np.testing.assert_array_equal(found.relation_scores.pairs, expected.relation_scores.pairs)
    # Relations are measured on the grid of the masks, whatever the size of the label map.
    tolerance = 1e-4 if resolution == "mask" else 0.05
    logits = found.relation_scores.logits, expected.relation_scores.logits
    np.testing.assert_allclose(*logits, atol=tolerance)
    np.testing.assert_array_equal(again.segmentation.label_map, found.segmentation.label_map)


def test_its_digest_is_of_both_files_of_weights(write_run, monkeypatch):
    run = write_run()
    pretend_a_gpu(monkeypatch)
    first = digest_of_run(run)
    assert digest_of_run(run) == first
    model, _, _ = train.load_run(run)
    model.relations.head.mlp[-1].bias.data += 1
    save_weights(model.relations.state_dict(), run / relations.WEIGHTS)
    assert digest_of_run(run) != first


def test_segments_from_outside_need_two_networks(write_run, tiny_psg, monkeypatch):
    run, frame = write_run(), Frame(read_image(tiny_psg / "0.png"))
    pretend_a_gpu(monkeypatch)
    with (
        open_run(run) as pipeline,
        pytest.raises(ValueError, match="with backend torch, fused_segments 0"),
    ):
        pipeline.predict_relations(frame, pipeline(frame).segmentation)


def test_evaluation_asks_for_two_networks(write_run, tiny_psg, monkeypatch):
    asked = []

    def refuse(config: PipelineConfig) -> None:
        asked.append(config.fused_segments)
        raise ValueError("enough")

    monkeypatch.setattr(evaluate.Pipeline, "open", refuse)
    assert main(["evaluate", str(tiny_psg), "--run", str(write_run())]) == 2
    assert asked == [0] and PipelineConfig().fused_segments > 0


def test_a_network_that_cannot_be_one_graph_runs_as_two_and_says_so(write_run, monkeypatch, caplog):
    model, _, vocabulary = train.load_run(write_run())
    assert torch_pipeline.frame_graph(model, vocabulary, 0) is None and not caplog.records
    assert torch_pipeline.frame_graph(model, vocabulary, 254).slots.shape == (5,)
    monkeypatch.setattr(model.relations, "cell_px", (6, 6))
    assert torch_pipeline.frame_graph(model, vocabulary, 32) is None
    (said,) = caplog.messages
    assert "merged on the processor, between two networks: a fused model needs relation" in said


@pytest.mark.parametrize("resolution", ["mask", "input"])
def test_the_demo_models_segmenter_finds_the_same_in_one_graph(resolution):
    """Its real weights, and a relation stage of its size that prunes, on a crowded picture."""
    config = load_config(ModelConfig, share_path() / "config" / "model" / "demo.yaml")
    config = dataclasses.replace(
        config, relations=dataclasses.replace(config.relations, prune=True)
    )
    vocabulary = load_vocabulary(DEMO / "labels.yaml")
    torch.manual_seed(0)
    model = build_dsflash(config, vocabulary.num_labels, vocabulary.num_predicates).eval()
    model.segmenter.load_state_dict(read_exported_segmenter(DEMO / "segmenter.onnx"))
    files = DEMO / "segmenter.onnx", DEMO / "relations.onnx"
    settings = PipelineConfig(merge_resolution=resolution, relation_threshold=0.0)

    def open_as(manifest, *backends) -> Pipeline:
        folder = ModelFolder(Path("none"), manifest, vocabulary)
        return Pipeline(settings, folder, *backends, calibrated=False)

    two = torch_pipeline.describe_run(model, files)
    networks = {
        "segmenter": SegmenterGraph(model),
        "relations": PrunedRelationGraph(model.relations),
    }
    expected = open_as(two, *(TorchBackend(n, two.artifact(k), "cpu") for k, n in networks.items()))
    graph = torch_pipeline.frame_graph(model, vocabulary, PipelineConfig().fused_segments)
    one = torch_pipeline.describe_whole(model, frame_tensors(graph), files)
    captured = open_as(one, FrameBackend(graph, one.artifact("fused"), FakeStream()))
    frame = Frame(read_image(DEMO / "pictures" / "worst.jpg"))
    truth, found = expected(frame), captured(frame)
    assert truth.segmentation.num_segments >= 10
    np.testing.assert_array_equal(found.segmentation.label_map, truth.segmentation.label_map)
    np.testing.assert_array_equal(found.relation_scores.pairs, truth.relation_scores.pairs)
    # Relations are measured on the grid of the masks, whatever the size of the label map.
    tolerance = 1e-5 if resolution == "mask" else 0.05
    logits = found.relation_scores.logits, truth.relation_scores.logits
    np.testing.assert_allclose(*logits, atol=tolerance)
