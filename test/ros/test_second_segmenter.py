# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A segmenter of another kind drives the node, which knows nothing of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.slow]


@pytest.mark.filterwarnings("ignore")  # the exporter's own
@pytest.mark.parametrize("kind", ["toy", "pro_scale", "yoso"])
def test_a_segmenter_turns_camera_images_into_graphs(kind, session, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    from mask2former_checkpoints import PRO_SCALE
    from toy_segmenter import TOY, ToyConfig
    from yoso_checkpoints import YOSO

    from psg_ros.config import Recommendation
    from psg_ros.network.config import ModelConfig, RelationConfig
    from psg_ros.network.dsflash import build_dsflash
    from psg_ros.network.segmenters.table import SEGMENTERS
    from psg_ros.training.release import release

    monkeypatch.setitem(SEGMENTERS, "toy", TOY)
    torch.manual_seed({"yoso": 2}.get(kind, 0))  # weights that find several segments
    toy = ToyConfig(input_hw=(96, 128), num_queries=8)
    others = {"pro_scale": PRO_SCALE, "yoso": YOSO}
    segmenter = toy if kind == "toy" else replace(others[kind], input_hw=(96, 128))
    relations = RelationConfig(dim=16, depth=2, num_heads=2, head_hidden=16)
    config = ModelConfig(kind, segmenter=segmenter, relations=relations)
    model = build_dsflash(config, num_labels=133, num_predicates=56).eval()
    weights = dict(model.segmenter.named_parameters())
    spread, classes = {  # what makes queries differ, and their classes
        "toy": ("queries", "classes.bias"),
        "pro_scale": ("decoder.mask_head.4.weight", "decoder.class_head.bias"),
        "yoso": ("decoder.class_heads.1.3.weight", "decoder.class_heads.1.3.bias"),
    }[kind]
    with torch.no_grad():
        weights[spread].mul_(20)
        weights[classes][-1] = -20  # never "no object"
        folder = release(model, "psg", tmp_path / kind, Recommendation(0.0, 0.0, 0.0))

    listener = session.script("listener", "listener_process.py", "graph", "vocabulary")
    node = session.node(model=str(folder), backend="onnxruntime")
    node.wait_for_log("listening to", timeout_s=120)
    session.script("camera", "camera_process.py", "--size", 320, 240, "--rate", 2)
    graph = listener.wait(lambda p: p.of("graph"), timeout_s=120)[-1]
    assert graph["size"] == [320, 240]
    assert len(graph["nodes"]) > 1 and graph["relations"]
    assert listener.of("vocabulary")[-1]["model"] == kind
