# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A backend that one line adds to the table works everywhere, and keeps what it computed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_model import paint

pytest.importorskip("onnx", reason="its reference evaluator is the toy's engine")
import onnx
from toy_backend import TOY, ToyBackend, ToyTensor

from psg_ros.__main__ import main
from psg_ros.backend_table import BACKENDS, device_kinds, installation
from psg_ros.config import PipelineConfig
from psg_ros.doctor.trial import run_identity
from psg_ros.frame import Frame
from psg_ros.node_config import node_parameters
from psg_ros.robot.pipeline import Pipeline
from psg_ros.robot.runtime.backend import choose_backend
from psg_ros.robot.runtime.tensors import to_host

IMAGE = paint((64, 96), {"red": (8, 8, 40, 40), "blue": (50, 10, 90, 50)})
FRAME = Frame(IMAGE)


@pytest.fixture(autouse=True)
def toy(monkeypatch, tmp_path) -> None:
    monkeypatch.setitem(BACKENDS, "toy", TOY)
    monkeypatch.setattr(ToyBackend, "handed_on", 0)
    monkeypatch.setenv("PSG_CACHE", str(tmp_path / "cache"))


def config(model: Path, **settings) -> PipelineConfig:
    return PipelineConfig(model=str(model), relation_threshold=0.0, precision="fp32", **settings)


def test_it_says_what_the_others_say_and_the_host_never_sees_the_features(tiny_model):
    with (
        Pipeline.open(config(tiny_model)) as known,
        Pipeline.open(config(tiny_model, backend="toy", device="toy:1")) as toy,
    ):
        expected, found = known(FRAME), toy(FRAME)
        assert (toy.backend_name, toy.device, toy.precision) == ("toy", "toy:1", "fp32")
    assert found.relations and [n.class_name for n in found.nodes] == ["red", "blue"]
    np.testing.assert_array_equal(found.segmentation.label_map, expected.segmentation.label_map)
    np.testing.assert_allclose(
        found.relation_scores.logits, expected.relation_scores.logits, rtol=1e-4, atol=1e-4
    )
    assert ToyBackend.handed_on == 1, "the features went from network to network on the device"


def test_given_segments_are_related_on_the_device_too(tiny_model):
    with Pipeline.open(config(tiny_model, backend="toy")) as toy:
        graph = toy.predict_relations(FRAME, toy(FRAME).segmentation)
    assert graph.relations and ToyBackend.handed_on == 2


def test_this_check_can_fail():
    tensor = ToyTensor(np.zeros(3))
    for touch in (to_host, np.asarray, len, list, lambda t: t[0]):
        with pytest.raises(AssertionError, match="the host reads"):
            touch(tensor)


def test_settings_commands_and_messages_know_it(tiny_model, tmp_path, capsys):
    (table,) = (p for p in node_parameters() if p.name == "backend")
    assert "toy" in table.choices and device_kinds()[-1] == "toy"
    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), IMAGE[..., ::-1])
    options = ["--model", str(tiny_model), "--backend", "toy", "--device", "toy", "--json"]
    assert main(["predict", str(picture), *options, str(tmp_path / "graph.json")]) == 0
    assert json.loads((tmp_path / "graph.json").read_text())["backend"] == "toy"
    times = tmp_path / "times.json"
    benchmark = ["--stages", "--image", str(picture), "--frames", "1", "--warmup", "0"]
    assert main(["benchmark", *benchmark, *options, str(times)]) == 0
    record = json.loads(times.read_text())
    assert record["machine"]["toy"] == onnx.__version__, "no package of the backend's own name"
    assert (record["backend"], record["device"], record["precision"]) == ("toy", "toy:0", "fp32")
    capsys.readouterr()
    assert main(["predict", str(picture), *options[:3], "toy", "--device", "cuda"]) == 2
    assert "toy runs on toy, not on cuda" in capsys.readouterr().err
    assert installation("toy", "toy") == "pip install toy-runtime (extra 'toy-extra')"
    one, other = run_identity("toy").split("; ")[1:]
    assert one == "toy:0 (a toy, fp32) ran a network"
    assert other == "toy:1 (another, fp32) ran a network"


def test_auto_takes_it_only_where_its_device_is_asked_for(monkeypatch):
    assert choose_backend("toy:1")[0] == "toy"
    assert choose_backend()[0] != "toy"
    missing = dataclasses.replace(TOY, import_name="no_such_module")
    monkeypatch.setitem(BACKENDS, "toy", missing)
    with pytest.raises(ImportError, match=r"expected toy: pip install toy-runtime \(extra 'toy-e"):
        choose_backend("toy:1")


def test_its_networks_are_kept_like_those_of_others(tiny_model, tmp_path):
    for _ in range(2):
        Pipeline.open(config(tiny_model, backend="toy")).close()
    assert len(list((tmp_path / "cache" / "toy").glob("*.blob"))) == 2, "one an artifact"
