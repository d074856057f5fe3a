# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Image to scene graph, with a real model on each backend that is installed."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest
import yaml
from backends import EACH, INSTALLED
from tiny_model import COLORS, paint, segmenter_network, write_tiny_model

from psg_ros.config import PipelineConfig
from psg_ros.file_digest import file_sha256
from psg_ros.frame import Frame
from psg_ros.robot.forms import STEPS
from psg_ros.robot.pipeline import Pipeline
from psg_ros.scene_graph import (
    VOID,
    RelationState,
    SceneNode,
    Segmentation,
    Track,
    TrackState,
)

SCENE = {"cyan": (0, 0, 640, 430), "red": (64, 64, 192, 256), "blue": (400, 240, 600, 400)}


@pytest.fixture(scope="module", params=EACH)
def pipeline(request, tiny_model):
    with Pipeline.open(PipelineConfig(str(tiny_model), request.param)) as opened:
        yield opened


@pytest.fixture(autouse=True)
def same_config(request):
    """Give the shared pipeline its first configuration back."""
    if "pipeline" not in request.fixturenames:
        yield
        return
    opened = request.getfixturevalue("pipeline")
    before = opened.config
    yield
    opened.replace_config(before)


def with_options(pipeline, **options):
    pipeline.replace_config(dataclasses.replace(pipeline.config, **options))
    return pipeline


def triplets(graph):
    names = [node.class_name for node in graph.nodes]
    return {(names[r.subject], r.predicate_name, names[r.object]) for r in graph.relations}


def test_nodes_name_what_was_painted(pipeline):
    graph = pipeline(Frame(paint((430, 640), SCENE)))
    assert [node.class_name for node in graph.nodes] == ["red", "blue", "cyan"]
    assert [node.is_thing for node in graph.nodes] == [True, True, False]
    assert [node.segment for node in graph.nodes] == [0, 1, 2]
    for node in graph.nodes[:2]:
        # A cell of the mask grid is 27 px of this picture.
        assert node.bbox_xyxy == pytest.approx(SCENE[node.class_name], abs=27)
        left, top, right, bottom = SCENE[node.class_name]
        assert node.centroid_xy == pytest.approx([(left + right) / 2, (top + bottom) / 2], abs=10)
        assert not node.truncated and node.score > 0.99
    assert graph.nodes[2].truncated


def test_node_facts_are_those_of_the_label_map(pipeline):
    graph = pipeline(Frame(paint((430, 640), SCENE)))
    for node in graph.nodes:
        rows, cols = np.nonzero(graph.segmentation.label_map == node.segment)
        assert node.area_px == len(rows)
        assert node.bbox_xyxy == (cols.min(), rows.min(), cols.max() + 1, rows.max() + 1)
        assert node.label == graph.segmentation.labels[node.segment]


def test_relations_say_how_boxes_lie(pipeline):
    graph = pipeline(Frame(paint((430, 640), SCENE)))
    found = triplets(graph)
    assert {("red", "left of", "blue"), ("blue", "right of", "red")} <= found
    assert ("cyan", "left of", "blue") in found and ("blue", "right of", "cyan") in found
    scores = [relation.score for relation in graph.relations]
    assert scores == sorted(scores, reverse=True) and 0 < min(scores) <= max(scores) <= 1


def test_relation_scores_hold_every_directed_pair_once(pipeline):
    pairs = pipeline(Frame(paint((430, 640), SCENE))).relation_scores.pairs.tolist()
    assert sorted(map(tuple, pairs)) == [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]


@pytest.mark.parametrize("resolution", ["image", "input", "mask"])
@pytest.mark.parametrize("hw", [(1, 1), (7, 300), (48, 64), (720, 405)])
def test_a_black_picture_gives_an_empty_graph_of_its_size(pipeline, resolution, hw):
    graph = with_options(pipeline, merge_resolution=resolution)(Frame(np.zeros((*hw, 3), np.uint8)))
    assert (graph.nodes, graph.relations) == ((), ())
    assert graph.segmentation.image_hw == hw
    assert graph.relation_scores.pairs.shape == (0, 2)


@pytest.mark.parametrize("resolution", ["image", "input", "mask"])
def test_one_segment_has_no_relations(pipeline, resolution):
    image = paint((48, 64), {"red": (0, 0, 64, 48)})
    graph = with_options(pipeline, merge_resolution=resolution)(Frame(image))
    assert [node.class_name for node in graph.nodes] == ["red"]
    assert graph.relations == ()


@pytest.mark.parametrize("hw", [(20, 30), (64, 96), (300, 200), (1080, 1920)])
def test_every_resolution_finds_the_same_graph(pipeline, hw):
    height, width = hw
    middle = width // 2
    image = paint(hw, {"green": (0, 0, middle, height), "yellow": (middle, 0, width, height)})
    for resolution in ("image", "input", "mask"):
        graph = with_options(pipeline, merge_resolution=resolution)(Frame(image))
        assert {("green", "left of", "yellow"), ("yellow", "right of", "green")} <= triplets(graph)
        assert graph.segmentation.image_hw == hw


def test_earlier_results_stay_as_they_were(pipeline):
    first = pipeline(Frame(paint((430, 640), SCENE)))
    label_map = first.segmentation.label_map.copy()
    logits = first.relation_scores.logits.copy()
    pipeline(Frame(paint((430, 640), {"green": (0, 0, 640, 200), "white": (0, 200, 640, 430)})))
    np.testing.assert_array_equal(first.segmentation.label_map, label_map)
    np.testing.assert_array_equal(first.relation_scores.logits, logits)


def test_the_image_is_left_alone_and_may_be_read_only(pipeline):
    image = paint((430, 640), SCENE)
    before = image.copy()
    image.flags.writeable = False
    pipeline(Frame(image))
    np.testing.assert_array_equal(image, before)


def test_times_are_measured_for_every_stage(pipeline):
    times = dataclasses.astuple(pipeline(Frame(paint((430, 640), SCENE))).times)
    assert all(0 < milliseconds < 10_000 for milliseconds in times)


def test_thresholds_can_change_between_frames(pipeline):
    image = paint((430, 640), SCENE)
    everything = pipeline(Frame(image))
    assert len(with_options(pipeline, max_relations=2)(Frame(image)).relations) == 2
    assert with_options(pipeline, max_relations=0)(Frame(image)).relations == ()
    assert (
        with_options(pipeline, relation_threshold=1.0, max_relations=100)(Frame(image)).relations
        == ()
    )
    pipeline.replace_config(dataclasses.replace(pipeline.config, relation_threshold=0.0))
    assert len(pipeline(Frame(image)).relations) == 6 >= len(everything.relations)
    assert len(with_options(pipeline, max_segments=2)(Frame(image)).relation_scores.pairs) == 2
    assert with_options(pipeline, score_threshold=1.0)(Frame(image)).nodes == ()


@pytest.mark.parametrize("resolution", ["image", "input", "mask"])
def test_small_segments_are_left_out_with_their_relations(pipeline, resolution):
    scene = {"red": (64, 64, 192, 256), "blue": (560, 380, 600, 420)}  # 9 % and 0.6 %
    sees = with_options(pipeline, merge_resolution=resolution)
    assert [node.class_name for node in sees(Frame(paint((430, 640), scene))).nodes] == [
        "red",
        "blue",
    ]
    graph = with_options(pipeline, min_segment_area=0.03)(Frame(paint((430, 640), scene)))
    assert [node.class_name for node in graph.nodes] == ["red"]
    assert graph.relations == () and set(np.unique(graph.segmentation.label_map)) == {-1, 0}


def test_minus_one_takes_the_threshold_of_the_model(pipeline):
    image = paint((430, 640), SCENE)
    recommended = pipeline(Frame(image)).relations
    explicit = with_options(pipeline, relation_threshold=pipeline.manifest.relation_threshold)
    assert explicit(Frame(image)).relations == recommended


def test_what_needs_a_new_model_cannot_change_while_it_is_loaded(pipeline):
    with pytest.raises(ValueError, match="threads cannot change from 0 to 2 .*open a new pipeline"):
        with_options(pipeline, threads=2)
    assert pipeline.config.threads == 0


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 0, 3), np.uint8),
        None,
    ],
)
def test_what_is_not_an_rgb_image_is_refused(pipeline, image):
    with pytest.raises(ValueError, match=r"non-empty RGB array uint8 \[height, width, 3\]"):
        pipeline(Frame(image))


def test_a_refused_image_does_not_disturb_the_next(pipeline):
    image = paint((430, 640), SCENE)
    before = pipeline(Frame(image)).segmentation.label_map
    with pytest.raises(ValueError, match="RGB"):
        pipeline(Frame(image[:, :, 0]))
    np.testing.assert_array_equal(pipeline(Frame(image)).segmentation.label_map, before)


def test_it_tells_what_it_runs(pipeline, tiny_model, tmp_path):
    assert pipeline.model_name == "tiny"
    assert pipeline.backend_name == pipeline.config.backend
    assert pipeline.precision in ("fp32", "bf16"), "never auto"
    assert pipeline.vocabulary.predicate_names[0] == "left of"
    other = write_tiny_model(tmp_path / "other", num_queries=4)
    with Pipeline.open(dataclasses.replace(pipeline.config, model=str(other))) as changed:
        assert changed.model_sha256 != pipeline.model_sha256
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    with Pipeline.open(dataclasses.replace(pipeline.config, model=str(copy))) as same:
        assert same.model_sha256 == pipeline.model_sha256 and len(same.model_sha256) == 64


def test_after_closing_it_says_so(tiny_model):
    opened = Pipeline.open(PipelineConfig(str(tiny_model)))
    opened.close()
    opened.close()
    with pytest.raises(RuntimeError, match="was closed"):
        opened(Frame(np.zeros((4, 4, 3), np.uint8)))


def test_a_wrong_model_name_is_refused():
    with pytest.raises(FileNotFoundError, match="no model 'nowhere'"):
        Pipeline.open(PipelineConfig("nowhere"))


@pytest.mark.skipif(not INSTALLED, reason="needs a backend")
def test_other_sizes_of_network_work_too(tmp_path):
    folder = write_tiny_model(
        tmp_path / "large", input_hw=(160, 120), num_queries=7, mask_stride=8, cell_px=(40, 24)
    )
    with Pipeline.open(PipelineConfig(str(folder))) as opened:
        image = paint((300, 100), {"red": (0, 0, 100, 150), "white": (0, 150, 100, 300)})
        graph = opened(Frame(image))
    assert ("red", "above", "white") in triplets(graph)


def test_given_segments_are_kept_and_related(pipeline):
    image = paint((430, 640), SCENE)
    found = pipeline(Frame(image))
    given = pipeline.predict_relations(Frame(image), found.segmentation)
    np.testing.assert_array_equal(given.segmentation.label_map, found.segmentation.label_map)
    np.testing.assert_array_equal(given.relation_scores.pairs, found.relation_scores.pairs)
    np.testing.assert_allclose(
        given.relation_scores.logits, found.relation_scores.logits, atol=0.05
    )


def test_given_segments_of_another_size_are_refused(pipeline):
    image = paint((430, 640), SCENE)
    segmentation = pipeline(Frame(image)).segmentation
    with pytest.raises(ValueError, match="does not fit"):
        pipeline.predict_relations(Frame(image[:-1]), segmentation)


def tiles(count: int) -> Segmentation:
    """Return an image of 6 x 10 tiles, the first `count` of them segments of changing size."""
    label_map = np.full((240, 400), -1, np.int32)
    for segment in range(count):
        top, left = segment // 10 * 40, segment % 10 * 40
        label_map[top : top + 8 + segment % 32, left : left + 39 - segment % 31] = segment
    return Segmentation(label_map, np.arange(count) % 6, np.full(count, 0.9, np.float32))


@pytest.mark.parametrize("count", [0, 1, 2, 60])
def test_any_number_of_segments_is_related_and_each_pair_as_if_it_were_alone(pipeline, count):
    image = np.random.default_rng(0).integers(0, 256, (240, 400, 3)).astype(np.uint8)
    given = tiles(count)
    scores = pipeline.predict_relations(Frame(image), given).relation_scores
    assert len(scores.pairs) == count * (count - 1)
    assert len({tuple(pair) for pair in scores.pairs.tolist()}) == len(scores.pairs)
    for row in range(0, len(scores.pairs) // 2, 293):
        first, second = scores.pairs[row]
        table = np.full(count + 1, -1, np.int32)
        table[[first, second]] = 0, 1
        labels, confidence = given.labels[[first, second]], given.scores[:2]
        alone = Segmentation(table[given.label_map], labels, confidence)
        expected = pipeline.predict_relations(Frame(image), alone).relation_scores.logits
        both = scores.logits[[row, row + len(scores.pairs) // 2]]
        np.testing.assert_allclose(both, expected, atol=0.05)


def test_what_was_opened_is_closed_when_the_rest_fails(tiny_model, monkeypatch):
    closed = []

    class Opened:
        name = "stand-in"

        def close(self):
            closed.append(self)

    answers = iter([Opened(), OSError("no memory left")])

    def open_backend(*_, **__):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("psg_ros.robot.opening.open_backend", open_backend)
    with pytest.raises(OSError, match="no memory left"):
        Pipeline.open(PipelineConfig(str(tiny_model)))
    assert len(closed) == 1


def test_a_model_without_relations_gives_the_same_nodes(tiny_model, tmp_path):
    image = paint((430, 640), SCENE)
    with Pipeline.open(PipelineConfig(str(tiny_model))) as pipeline:
        whole = pipeline(Frame(image))
    segments_only = write_tiny_model(tmp_path / "segments", with_relations=False)
    with Pipeline.open(PipelineConfig(str(segments_only), relation_source="model")) as pipeline:
        graph = pipeline(Frame(image))
        left_out = {"depth", "relations", "geometry", "tracking", "positions"}
        assert set(pipeline.step_ms) == set(STEPS) - left_out
        with pytest.raises(ValueError, match="finds segments only"):
            pipeline.predict_relations(Frame(image), graph.segmentation)
    assert graph.nodes == whole.nodes and len(graph.nodes) == 3
    assert graph.relations == () and graph.relation_scores.logits.shape == (0, 5)


def track_of(node: SceneNode) -> Track:
    assert node.track is not None
    return node.track


def test_nodes_of_a_stream_have_tracks_and_pictures_that_stand_alone_have_none(tiny_model):
    image = paint((430, 640), SCENE)
    with Pipeline.open(PipelineConfig(str(tiny_model), track_confirm_s=4e-9)) as pipeline:
        first, still, second = (pipeline(Frame(image, stamp_ns=stamp)) for stamp in (5, None, 9))
        assert "tracking" in pipeline.step_ms
        assert {node.track.first_seen_ns for node in second.nodes} == {5}
        assert [node.id for node in first.nodes] == [node.id for node in second.nodes]
        assert {node.track.state for node in first.nodes} == {TrackState.TENTATIVE}
        assert {node.track.state for node in second.nodes} == {TrackState.CONFIRMED}
        assert [node.track for node in still.nodes] == [None] * len(first.nodes)
        pipeline.tracker.restart()
        assert pipeline(Frame(image, stamp_ns=7)).nodes == tuple(
            dataclasses.replace(node, track=dataclasses.replace(track_of(node), first_seen_ns=7))
            for node in first.nodes
        )
        pipeline(Frame(image))
        assert "tracking" not in pipeline.step_ms


def test_tracking_can_be_switched_off(tiny_model):
    with Pipeline.open(PipelineConfig(str(tiny_model), track=False)) as pipeline:
        graph = pipeline(Frame(paint((430, 640), SCENE), stamp_ns=5))
        assert graph.nodes and all(node.track is None for node in graph.nodes)


def test_tracks_change_nothing_else_of_a_graph(pipeline):
    image = paint((430, 640), SCENE)
    still, moving = pipeline(Frame(image)), pipeline(Frame(image, stamp_ns=0))
    nodes = tuple(dataclasses.replace(node, track=None) for node in moving.nodes)
    relations = tuple(dataclasses.replace(r, state=None) for r in moving.relations)
    assert (nodes, relations) == (still.nodes, still.relations)
    assert {r.state for r in moving.relations} == {RelationState.TENTATIVE}


SECOND_NS = 1_000_000_000
WITHOUT_RED = {name: box for name, box in SCENE.items() if name != "red"}


def film(pipeline, *scenes, rate_hz=10):
    """Return the graphs of scenes at a steady rate, in a stream of their own."""
    pipeline.tracker.restart()
    images = [paint((430, 640), scene) for scene in scenes]
    period_ns = SECOND_NS // rate_hz
    return [pipeline(Frame(im, stamp_ns=place * period_ns)) for place, im in enumerate(images)]


def test_a_node_that_is_hidden_stays_in_the_graph_as_it_was_seen_last(pipeline):
    *_, before, hidden, after = film(pipeline, *[SCENE] * 8, WITHOUT_RED, SCENE)
    red = next(node for node in before.nodes if node.class_name == "red")
    coasting = hidden.nodes[-1]
    assert red.track.state == TrackState.CONFIRMED
    track = dataclasses.replace(red.track, state=TrackState.COASTING)
    assert coasting == dataclasses.replace(red, segment=VOID, track=track)
    assert hidden.segmentation.num_segments == len(hidden.nodes) - 1 == 2
    assert [node.id for node in after.nodes] == [node.id for node in before.nodes]


def test_a_hidden_node_leaves_the_graph_when_its_time_is_over(pipeline):
    with_options(pipeline, track_coast_s=0.5)
    graphs = film(pipeline, *[SCENE] * 8, *[WITHOUT_RED] * 8)
    assert [len(graph.nodes) for graph in graphs] == [3] * 13 + [2] * 3


def test_relations_of_a_stream_are_confirmed_and_know_since_when(pipeline):
    with_options(
        pipeline, track_relation_confirm=0.2, track_relation_dwell_s=0.3, track_confirm_s=0.2
    )
    graphs = film(pipeline, *[SCENE] * 6)
    listed = [{(r.subject, r.predicate, r.object) for r in graph.relations} for graph in graphs]
    assert listed[0] and all(one == listed[0] for one in listed)
    strong = {r[:3] for r in map(dataclasses.astuple, graphs[0].relations) if r[4] >= 0.2}
    assert strong
    for place, graph in enumerate(graphs):
        confirmed = [r for r in graph.relations if r.state == RelationState.CONFIRMED]
        found = {(r.subject, r.object, r.predicate) for r in confirmed}
        assert found == (strong if place >= 3 else set())
        assert {r.since_ns for r in confirmed} <= {3 * SECOND_NS // 10}


def test_relations_of_a_hidden_node_fade_and_keep_their_score(pipeline):
    with_options(pipeline, track_relation_confirm=0.2)
    *_, before, hidden = film(pipeline, *[SCENE] * 8, WITHOUT_RED)
    place = len(hidden.nodes) - 1
    fading = [r for r in hidden.relations if place in (r.subject, r.object)]
    assert fading and {r.state for r in fading} == {RelationState.FADING}
    assert {r.score for r in fading} <= {r.score for r in before.relations}
    assert all(r.since_ns is not None for r in fading)


def test_relations_without_memory_are_those_of_each_image(pipeline):
    with_options(pipeline, track_relations=False)
    still = pipeline(Frame(paint((430, 640), SCENE)))
    for graph in film(pipeline, *[SCENE] * 3):
        assert graph.relations == still.relations


def test_at_most_max_relations_are_listed_in_a_stream_too(pipeline):
    with_options(pipeline, max_relations=2)
    assert {len(graph.relations) for graph in film(pipeline, *[SCENE] * 4)} == {2}


def test_weak_segments_are_in_no_picture_and_only_continue_nodes_of_a_stream(pipeline):
    score = min(node.score for node in pipeline(Frame(paint((430, 640), SCENE))).nodes)
    film(pipeline, *[SCENE] * 8)
    with_options(pipeline, score_threshold=min(score * 1.2, 1.0), track_weak_score=0.7)
    image = paint((430, 640), SCENE)
    still, moving = pipeline(Frame(image)), pipeline(Frame(image, stamp_ns=SECOND_NS))
    assert len(still.nodes) < 3
    assert [node.id for node in moving.nodes] == [1, 2, 3]
    assert VOID not in {node.segment for node in moving.nodes}
    pipeline.tracker.restart()
    alone = pipeline(Frame(image, stamp_ns=0))
    assert len(alone.nodes) == len(still.nodes)
    assert alone.relation_scores.pairs.max(initial=-1) < len(alone.nodes)


def test_a_bare_array_is_refused_with_what_to_write(pipeline):
    image = paint((48, 64), {"red": (0, 0, 64, 48)})
    for call in (pipeline, lambda array: pipeline.predict_relations(array, None)):
        with pytest.raises(TypeError, match=r"as in Frame\(image\), not ndarray"):
            call(image)


@pytest.mark.parametrize("name", EACH)
def test_int8_runs_the_files_made_for_it_and_says_so(tiny_model, tmp_path, name):
    """The twin of this test confuses the colours, so that one sees which file ran."""
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    twin = folder / "segmenter.int8.onnx"
    colors = list(COLORS.values())[5::-1]
    twin.write_bytes(segmenter_network((64, 96), colors, 4, (16, 16)).content)
    manifest = yaml.safe_load((folder / "manifest.yaml").read_text())
    entry = {"file": "segmenter.int8.onnx", "sha256": file_sha256(twin)}
    manifest["int8"] = {"files": {"segmenter": entry}}
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    frame = Frame(paint((430, 640), SCENE))
    with Pipeline.open(PipelineConfig(str(folder), name, precision="int8")) as pipeline:
        assert pipeline.precision.startswith("int8+")
        assert {n.class_name for n in pipeline(frame).nodes} == {"magenta", "yellow", "green"}
    with Pipeline.open(PipelineConfig(str(folder), name)) as pipeline:
        assert not pipeline.precision.startswith("int8"), "its loss was not measured"
        assert {n.class_name for n in pipeline(frame).nodes} == {"red", "blue", "cyan"}
