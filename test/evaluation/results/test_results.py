# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Results folders: written and read back without loss, written by others, damaged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from psg_ros.evaluation.results.format import RESULTS_FILE
from psg_ros.evaluation.results.reader import Results
from psg_ros.evaluation.results.writer import ResultsWriter
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.robot.graph_nodes import describe_nodes
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import RelationScores, SceneGraph, SceneRelation, Segmentation

VOCABULARY = Vocabulary(
    (ObjectLabel("cup", True, (255, 0, 0)), ObjectLabel("wall", False, (0, 0, 255))),
    (Predicate("on", "under"), Predicate("beside", symmetric=True)),
)


def random_graph(rng, num_segments=5, probability=0.25):
    label_map = rng.integers(-1, num_segments, (9, 12)).astype(np.int32)
    segmentation = Segmentation(
        label_map, rng.integers(0, 2, num_segments), rng.random(num_segments).astype(np.float32)
    )
    pairs = [(s, o) for s in range(num_segments) for o in range(num_segments) if s != o]
    logits = rng.normal(size=(len(pairs), 3)).astype(np.float32)
    scores = RelationScores(np.array(pairs, np.int32).reshape(-1, 2), logits)
    relations = tuple(
        SceneRelation(s, o, 1, "beside", float(rng.random()), probability) for s, o in pairs[:3]
    )
    nodes = describe_nodes(segmentation, measure_regions(label_map, num_segments), VOCABULARY)
    return SceneGraph(segmentation, nodes, relations, scores)


def write(folder: Path, graphs: dict[str, SceneGraph]) -> Path:
    with ResultsWriter(folder, VOCABULARY, "SGDet", {"name": "mine"}) as writer:
        for image_id, graph in graphs.items():
            writer.add(image_id, graph)
    return folder


def change(folder: Path, **changes) -> Path:
    """Overwrite keys of the first entry; None takes one away."""
    content = json.loads((folder / RESULTS_FILE).read_text())
    entry = content["images"][0] | changes
    content["images"][0] = {key: value for key, value in entry.items() if value is not None}
    (folder / RESULTS_FILE).write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize("num_segments", [0, 1, 5, 300])
def test_a_graph_comes_back_bit_for_bit(tmp_path, num_segments):
    graph = random_graph(np.random.default_rng(num_segments), num_segments)
    results = Results(write(tmp_path / "r", {"a/7": graph}))
    read = results.read("a/7").graph
    for part in ("label_map", "labels", "scores"):
        old, new = getattr(graph.segmentation, part), getattr(read.segmentation, part)
        assert old.dtype == new.dtype and np.array_equal(old, new)
    assert np.array_equal(graph.relation_scores.pairs, read.relation_scores.pairs)
    assert np.array_equal(graph.relation_scores.logits, read.relation_scores.logits)
    assert read.relations == graph.relations and read.nodes == graph.nodes


def test_a_method_s_own_rank_comes_back(tmp_path):
    graph = random_graph(np.random.default_rng(0))
    rank = np.arange(20.0)[::-1].copy()
    graph = replace(graph, relation_scores=replace(graph.relation_scores, rank=rank))
    read = Results(write(tmp_path / "r", {"a": graph})).read("a").graph
    assert read.relation_scores.rank.tolist() == rank.tolist()


def test_task_model_and_vocabulary_come_back(tmp_path):
    results = Results(write(tmp_path / "r", {"a": random_graph(np.random.default_rng(0))}))
    assert (results.task, results.model) == ("SGDet", {"name": "mine"})
    assert results.vocabulary == VOCABULARY
    assert results.image_ids == {"a"} and results.read("b") is None


def test_what_was_predicted_on_comes_back_where_it_is_known(tmp_path):
    data = {"images": 3, "sha256": "ab"}
    with ResultsWriter(tmp_path / "r", VOCABULARY, "SGDet", {}, data):
        pass
    assert Results(tmp_path / "r").data == data
    assert Results(write(tmp_path / "other", {})).data is None


def test_equal_graphs_give_equal_bytes(tmp_path):
    graph = random_graph(np.random.default_rng(0))
    first, second = (write(tmp_path / name, {"a": graph}) for name in ("first", "second"))
    names = sorted(path.name for path in first.iterdir())
    assert names == ["000000.npz", "000000.png", "labels.yaml", "results.json"]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_after_an_error_there_is_no_list_of_results(tmp_path):
    with (
        pytest.raises(RuntimeError),
        ResultsWriter(tmp_path / "r", VOCABULARY, "SGDet", {}) as writer,
    ):
        writer.add("a", random_graph(np.random.default_rng(0)))
        raise RuntimeError
    with pytest.raises(FileNotFoundError, match="results are a folder with results.json"):
        Results(tmp_path / "r")


def test_results_never_go_into_a_folder_that_holds_something(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(FileExistsError, match="a folder of their own"):
        ResultsWriter(tmp_path, VOCABULARY, "SGDet", {})


def test_a_graph_without_scores_cannot_be_kept(tmp_path):
    graph = random_graph(np.random.default_rng(0))
    bare = SceneGraph(graph.segmentation, graph.nodes, graph.relations)
    with (
        pytest.raises(ValueError, match="image a: .* no relation_scores"),
        ResultsWriter(tmp_path / "r", VOCABULARY, "SGDet", {}) as writer,
    ):
        writer.add("a", bare)


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """What another method might write: a PNG by hand, plain scores, no list of relations."""
    (tmp_path / "labels.yaml").write_text(
        yaml.safe_dump(
            {
                "things": [{"name": "cup", "color": "#ff0000"}],
                "stuff": [{"name": "wall", "color": "#0000ff"}],
                "predicates": [{"name": "on"}, {"name": "beside"}],
            }
        )
    )
    cv2.imwrite(str(tmp_path / "seg.png"), np.array([[1, 1, 2], [0, 2, 2]], np.uint8))
    pairs = np.array([[0, 1], [1, 0]])
    np.savez(tmp_path / "rel.npz", pairs=pairs, scores=np.array([[0.2, 0.6], [0.9, 0.1]]))
    entry = {
        "image_id": "7", "labels": [0, 1], "scores": [0.9, 0.8], "segments": "seg.png",
        "relations": "rel.npz",
    }  # fmt: skip
    content = {"format": 1, "task": "SGDet", "model": {"name": "other"}, "images": [entry]}
    (tmp_path / RESULTS_FILE).write_text(json.dumps(content))
    return tmp_path


def test_another_method_needs_no_more_than_a_png_and_scores(foreign):
    graph = Results(foreign).read("7").graph
    assert graph.segmentation.label_map.tolist() == [[0, 0, 1], [-1, 1, 1]]
    listed = [(r.subject, r.object, r.predicate_name) for r in graph.relations]
    assert listed == [(1, 0, "on"), (0, 1, "beside")]
    assert [r.score for r in graph.relations] == pytest.approx([0.9, 0.6])
    assert all(np.isnan(r.probability) for r in graph.relations)


def test_overlapping_masks_are_reduced_and_kept(foreign):
    masks = [
        {"size": [2, 3], "counts": [0, 4, 2]},
        {"size": [2, 3], "counts": [2, 4]},
        {"size": [2, 3], "counts": [0, 3, 3]},
    ]
    np.savez(foreign / "rel.npz", pairs=[[0, 1], [2, 1]], logits=np.zeros((2, 3), np.float32))
    change(foreign, masks=masks, segments=None, labels=[0, 1, 0], scores=[0.9, 0.8, 0.7])
    stored = Results(foreign).read("7")
    assert stored.overlapping.masks.shape == (3, 2, 3)
    assert stored.graph.segmentation.label_map.tolist() == [[0, 0, 1], [0, 0, 1]]
    assert stored.graph.relation_scores.pairs.tolist() == [[0, 1]]


def broken_files(folder: Path) -> None:
    """Write files that an entry could name."""
    cv2.imwrite(str(folder / "color.png"), np.zeros((2, 3, 3), np.uint8))
    cv2.imwrite(str(folder / "many.png"), np.full((2, 3), 9, np.uint8))
    (folder / "text.png").write_text("no picture")
    (folder / "text.npz").write_text("no arrays")
    np.savez(folder / "float.npz", pairs=np.zeros((1, 2)), logits=np.zeros((1, 3)))
    np.savez(folder / "bare.npz", pairs=np.zeros((0, 2), int))
    np.savez(folder / "wide.npz", pairs=np.array([[2**32, 1]]), logits=np.zeros((1, 3)))
    (folder / "empty.npz").write_bytes(b"")
    np.savez(folder / "high.npz", pairs=np.array([[0, 1]]), scores=np.array([[1.5, 0]]))
    pickled = np.array([{"a": 1}], dtype=object)
    np.savez(folder / "pickled.npz", pairs=pickled, logits=np.zeros((1, 3)))
    good = {"pairs": np.array([[0, 1]]), "logits": np.zeros((1, 3))}
    for name, listed in (("ends", [[0, 5, 0]]), ("predicate", [[0, 1, 9]])):
        np.savez(folder / f"{name}.npz", **good, listed=listed, listed_scores=[[0.5, np.nan]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": [0, 2]}, "labels must be integers in 0 .. 1"),
        ({"labels": [0, 0.5]}, "labels must be integers"),
        ({"labels": None}, "no 'labels'"),
        ({"labels": 3}, "image 7"),
        ({"scores": [0.5]}, "2 labels but 1 scores"),
        ({"scores": [0.5, 7]}, "scores must be numbers in 0 .. 1"),
        ({"scores": ["x", 1]}, "image 7"),
        ({"segments": "color.png"}, "must be grey, of 8 or 16 bit"),
        ({"segments": "many.png"}, "names segment 8 of 2"),
        ({"segments": "text.png"}, "text.png is not a readable picture"),
        ({"segments": None}, "no 'segments'"),
        ({"segments": 5}, "image 7"),
        ({"segments": "../up.png"}, "lies outside the folder"),
        ({"relations": "/etc/hostname"}, "lies outside the folder"),
        ({"relations": "text.npz"}, "image 7: text.npz: empty, truncated or not an .npz file"),
        ({"relations": "empty.npz"}, "image 7: empty.npz: empty, truncated or not an .npz file"),
        ({"relations": "float.npz"}, "pairs must be integers"),
        ({"relations": "bare.npz"}, "image 7: bare.npz has no 'scores'"),
        ({"relations": "wide.npz"}, "beyond 32 bit"),
        ({"relations": "high.npz"}, "scores must be .pair, predicate. in 0 .. 1"),
        ({"relations": "pickled.npz"}, "allow_pickle"),
        ({"relations": "ends.npz"}, "listed must name two of 2 segments"),
        ({"relations": "predicate.npz"}, "a predicate beyond the 2"),
        ({"masks": []}, "masks is empty"),
        ({"masks": [{"size": [2, 3], "counts": [9]}]}, "do not fill a mask"),
    ],
)
def test_damaged_entries_are_refused_by_file_and_image(foreign, changes, message):
    broken_files(foreign)
    results = Results(change(foreign, **changes))
    with pytest.raises(ValueError, match=f"{RESULTS_FILE}, image 7: ") as caught:
        results.read("7")
    caught.match(message)


def test_a_missing_file_is_named_with_its_image(foreign):
    (foreign / "seg.png").unlink()
    with pytest.raises(FileNotFoundError, match="image 7: .*seg.png is missing"):
        Results(foreign).read("7")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "reads format 1, not 'list'"),
        ('{"format": 2}', "reads format 1, not 2"),
        ('{"format": 1, "task": "SGCls"}', "task must be one of PredCls, SGDet, not 'SGCls'"),
        ('{"format": 1, "task": "SGDet"}', "model must be"),
        ('{"format": 1, "task": "SGDet", "model": {}}', "images must be a list"),
        ('{"format": 1, "task": "SGDet", "model": {}, "data": 3, "images": []}', "data must be"),
        ('{"format": 1, "task": "SGDet", "model": {}, "images": [{"image_id": 7}]}', "be text"),
        (
            '{"format": 1, "task": "SGDet", "model": {}, "images": [{"image_id": "7"}, '
            '{"image_id": "7"}]}',
            "more than once",
        ),
    ],
)
def test_a_damaged_list_is_refused(foreign, content, message):
    (foreign / RESULTS_FILE).write_text(content)
    with pytest.raises(ValueError, match=message):
        Results(foreign)
