# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A region, classes and pairs of interest, with a real model: what is left out, and what is not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from backends import EACH
from tiny_model import paint

from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.robot.forms.view import Window
from psg_ros.robot.pipeline import Pipeline
from psg_ros.scene_graph import VOID

HW = (430, 640)
SCENE = {"cyan": (0, 0, 640, 430), "red": (64, 64, 192, 256), "blue": (400, 240, 600, 400)}
LEFT_HALF = (0.0, 0.0, 0.5, 1.0)


@pytest.fixture(scope="module", params=EACH)
def run(request, tiny_model):
    """Return a function that runs the model with options on the scene."""
    with Pipeline.open(PipelineConfig(str(tiny_model), request.param)) as opened:
        plain = opened.config

        def call(image=None, **options):
            opened.replace_config(dataclasses.replace(plain, **options))
            frame = Frame(paint(HW, SCENE) if image is None else image)
            return opened(frame)

        yield call


def names(graph):
    return [node.class_name for node in graph.nodes]


def triplets(graph):
    return {
        (names(graph)[r.subject], r.predicate_name, names(graph)[r.object]) for r in graph.relations
    }


def scores_by_name(graph):
    found = graph.relation_scores
    return {
        (names(graph)[a], names(graph)[b]): row
        for (a, b), row in zip(found.pairs.tolist(), found.logits, strict=True)
    }


def test_segments_of_other_classes_are_void_and_the_rest_is_as_before(run):
    full, some = run(), run(classes=("red", "blue"))
    assert names(some) == ["red", "blue"]
    for node in some.nodes:
        (same,) = [n for n in full.nodes if n.class_name == node.class_name]
        assert node == dataclasses.replace(same, segment=node.segment)
    left_out = full.segmentation.label_map == names(full).index("cyan")
    assert (some.segmentation.label_map[left_out] == VOID).all()
    for pair, row in scores_by_name(some).items():
        np.testing.assert_allclose(row, scores_by_name(full)[pair], rtol=1e-4, atol=1e-4)
    assert len(some.relation_scores.pairs) == 2
    assert triplets(some) == {t for t in triplets(full) if "cyan" not in t}


def test_only_pairs_that_are_asked_for_are_computed(run):
    full, some = run(), run(pairs=("red - blue",))
    assert names(some) == names(full), "all segments stay"
    assert set(scores_by_name(some)) == {("red", "blue"), ("blue", "red")}
    assert triplets(some) == {t for t in triplets(full) if "cyan" not in t}
    anything = run(pairs=("blue - anything",))
    assert set(scores_by_name(anything)) == {
        ("red", "blue"), ("blue", "red"), ("cyan", "blue"), ("blue", "cyan"),
    }  # fmt: skip
    assert run(pairs=("red - red",)).relations == ()


def test_pairs_count_for_geometry_too(run):
    full = run(relation_source="geometry")
    some = run(relation_source="geometry", pairs=("red - blue",))
    assert triplets(some) == {t for t in triplets(full) if "cyan" not in t}


def test_a_region_is_worked_on_alone_and_told_in_px_of_the_whole_image(run):
    graph = run(region=LEFT_HALF)
    assert names(graph) == ["red", "cyan"] and graph.segmentation.image_hw == HW
    assert (graph.segmentation.label_map[:, 320:] == VOID).all()
    alone = run(np.ascontiguousarray(paint(HW, SCENE)[:, :320])).segmentation
    assert (graph.segmentation.label_map[:, :320] == alone.label_map).all()
    red, cyan = graph.nodes
    assert red.bbox_xyxy == pytest.approx(SCENE["red"], abs=27)
    assert not red.truncated and cyan.truncated


def test_a_region_off_the_corner_shifts_what_is_found_and_marks_what_it_cuts(run):
    graph = run(region=(0.5, 0.5, 0.4, 0.5))
    assert names(graph) == ["blue", "cyan"]
    (blue, _) = graph.nodes
    left, top, right, bottom = blue.bbox_xyxy
    assert (left, right, bottom) == pytest.approx((400, 576, 400), abs=20) and top >= 215
    assert blue.truncated, "the region cuts it at 576 px"
    assert triplets(graph) <= triplets(run())


def test_what_is_outside_of_the_region_has_no_say(run):
    noise = np.random.default_rng(1).integers(0, 255, (*HW, 3), np.uint8)
    scene = paint(HW, SCENE)
    noise[:, :320] = scene[:, :320]
    ours, theirs = run(noise, region=LEFT_HALF), run(scene, region=LEFT_HALF)
    assert (ours.segmentation.label_map == theirs.segmentation.label_map).all()
    assert ours.nodes == theirs.nodes and ours.relations == theirs.relations


def test_all_three_together(run):
    graph = run(region=(0.0, 0.0, 1.0, 1.0), classes=("red", "blue"), pairs=("red - anything",))
    assert names(graph) == ["red", "blue"] and len(graph.relation_scores.pairs) == 2
    nothing = run(classes=("green",))
    assert nothing.nodes == () and nothing.relations == ()
    assert (nothing.segmentation.label_map == VOID).all()


@pytest.mark.parametrize("hw", [(1, 1), (1, 7), (3, 2), (430, 640)])
@pytest.mark.parametrize("region", [(0, 0, 1, 1), (0.999, 0.999, 0.001, 0.001), (0.3, 0, 0.1, 1)])
def test_a_window_has_pixels_whatever_the_image(hw, region):
    window = Window.of(region, hw)
    assert window.cut(np.zeros(hw)).size > 0
    assert window.right <= hw[1] and window.bottom <= hw[0]


def test_the_smallest_images_pass_with_a_region(run):
    for hw in ((1, 1), (2, 3)):
        assert run(np.zeros((*hw, 3), np.uint8), region=(0.4, 0.4, 0.2, 0.2)) is not None


@pytest.mark.parametrize(
    "region",
    [
        (0.0, 0.0, 0.0, 1.0), (0.5, 0.0, 0.6, 1.0), (-0.1, 0.0, 1.0, 1.0), (0.0, 0.0, 640.0, 480.0),
        (float("nan"), 0.0, 1.0, 1.0), (0.0, 0.0, 1.0), (), (0.0, 0.0, 1.0, float("inf")),
    ],
)  # fmt: skip
def test_what_is_no_region_is_refused_with_an_example(region):
    with pytest.raises(ValueError, match="region must be x, y, width and height as shares"):
        PipelineConfig(region=region)


def test_a_label_that_the_model_does_not_know_is_refused_when_opened_and_when_changed(tiny_model):
    config = PipelineConfig(str(tiny_model), classes=("rde",))
    with pytest.raises(ValueError, match="no label 'rde' .did you mean 'red'"):
        Pipeline.open(config)
    with Pipeline.open(dataclasses.replace(config, classes=())) as opened:
        with pytest.raises(ValueError, match="did you mean 'red'"):
            opened.replace_config(config)
        assert opened.config.classes == ()
