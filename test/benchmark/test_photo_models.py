# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`benchmarks/photo_models.py` judges every model by the classes in truth, joined by name."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from psg_ros.evaluation.metrics.panoptic_quality import PanopticCounts
from psg_ros.labels import ObjectLabel, Vocabulary
from psg_ros.scene_graph import Segmentation

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "photo_models.py"
VOCABULARY = Vocabulary(
    tuple(ObjectLabel(n, n != "wall", (0, 0, 0)) for n in ("cat", "dog", "wall")), ()
)


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("photo_models", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["photo_models"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["photo_models"]


def segmentation(label_map, labels) -> Segmentation:
    scores = np.ones(len(labels), np.float32)
    return Segmentation(np.array(label_map, np.int32), np.array(labels, np.int64), scores)


def test_pixels_are_counted_by_class_and_void_in_the_prediction_is_wrong(script):
    truth = segmentation([[0, 0, 1, -1]], [2, 0])
    found = segmentation([[0, -1, 1, 1]], [2, 1])
    counts = script.confusion(truth, found, 3)
    assert counts.tolist() == [[0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1]]


def test_a_prediction_without_segments_is_all_void(script):
    truth = segmentation([[0, 0]], [1])
    nothing = segmentation([[-1, -1]], np.zeros(0, np.int64))
    assert script.confusion(truth, nothing, 3)[1].tolist() == [0, 0, 0, 2]


def test_means_are_over_the_classes_in_truth(script):
    """A dog is said but never true: it costs neither cats nor walls, and has no row."""
    counts = PanopticCounts(
        np.array([0.8, 0.0, 0.6]), np.array([1, 0, 1]), np.array([0, 5, 0]), np.array([0, 0, 1])
    )
    pixels = np.zeros((3, 4), np.int64)
    pixels[0, 0], pixels[2, 2], pixels[2, 3] = 10, 6, 6
    figures = script.summarize(counts, pixels, VOCABULARY, images=2)
    assert figures.by_class == {"cat": 80.0, "wall": 40.0}
    assert (figures.pq, figures.pq_things, figures.pq_stuff) == pytest.approx((60, 80, 40))
    assert figures.mean_iou == pytest.approx(75)


def test_data_sets_are_named_with_their_pictures(script):
    assert script._parse_data("nyu=a/b.json:c/d") == ("nyu", Path("a/b.json"), Path("c/d"))
    assert script._parse_data("sim=data/sim") == ("sim", Path("data/sim"), None)


def test_the_demo_model_is_judged_from_start_to_end(script, tmp_path, monkeypatch, capsys):
    from tiny_psg import write_tiny_psg

    source = write_tiny_psg(tmp_path / "set") / "psg.json"
    content = json.loads(source.read_text())
    content |= {"thing_classes": ["chair", "person"], "stuff_classes": ["wall-other-merged"]}
    source.write_text(json.dumps(content))
    report = tmp_path / "report.json"
    arguments = ["--models", "demo", "--data", f"tiny={source}", "--json", str(report)]
    monkeypatch.setattr(sys, "argv", ["photo_models.py", *arguments, "--draw", str(tmp_path)])
    script.main()
    assert "tiny     demo                        1 images  PQ" in capsys.readouterr().out
    figures = json.loads(report.read_text())["tiny"]["demo"]
    assert set(figures["by_class"]) == {"chair", "person", "wall-other-merged"}
    assert (tmp_path / "tiny" / "5.png").is_file()
