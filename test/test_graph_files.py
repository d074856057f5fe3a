# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Scene graphs as JSON and as lines."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest

from psg_ros.graph_files import GraphFile, graph_record, relation_line
from psg_ros.scene_graph import (
    Position,
    Quality,
    RelationSource,
    RelationState,
    SceneGraph,
    SceneNode,
    SceneRelation,
    Segmentation,
    Track,
    TrackState,
)


@pytest.fixture
def graph() -> SceneGraph:
    label_map = np.zeros((4, 6), np.int32)
    label_map[:, 3:] = 1
    nodes = (
        SceneNode(0, 7, "person", True, 0.9, (0, 0, 3, 4), (1.0, 1.5), 12, True),
        SceneNode(1, 9, "chair", True, 0.8, (3, 0, 6, 4), (4.0, 1.5), 12, True),
    )
    segmentation = Segmentation(
        label_map, np.array([7, 9], np.int64), np.array([0.9, 0.8], np.float32)
    )
    return SceneGraph(segmentation, nodes, (SceneRelation(0, 1, 3, "on", 0.83),))


def test_a_record_names_nodes_and_relations_by_the_same_ids(graph: SceneGraph) -> None:
    record = graph_record(graph)
    assert (record["width"], record["height"]) == (6, 4)
    assert record["nodes"][1] == {
        "id": 2,
        "class_name": "chair",
        "class_id": 9,
        "is_thing": True,
        "score": 0.8,
        "bbox": [3, 0, 6, 4],
        "area_px": 12,
    }
    assert record["relations"] == [
        {
            "subject_id": 1,
            "object_id": 2,
            "predicate_name": "on",
            "predicate_id": 3,
            "score": 0.83,
            "probability": None,
            "source": "model",
        }
    ]


def test_a_record_has_what_was_tracked_and_measured(graph: SceneGraph) -> None:
    person, chair = graph.nodes
    person = dataclasses.replace(
        person,
        track=Track(41, TrackState.CONFIRMED, 7_000_000_009),
        position=Position((1.0, 2.0, 3.0), (0.25,) * 9, (1.5, 0.5, 0.0)),
    )
    on = SceneRelation(
        *(0, 1, 3, "on", float("nan"), 0.5),
        source=RelationSource.GEOMETRY,
        state=RelationState.FADING,
        since_ns=-1,
    )
    changes = {"nodes": (person, chair), "relations": (on,), "spatial_frame_id": "map"}
    record = graph_record(dataclasses.replace(graph, quality=Quality.STALE, **changes))
    assert (record["spatial_frame_id"], record["quality"]) == ("map", "stale")
    assert record["nodes"][0] == {
        **graph_record(graph)["nodes"][0],
        "id": 41,
        "segment_id": 1,
        "track_state": "confirmed",
        "first_seen": {"sec": 7, "nanosec": 9},
        "position": [1.0, 2.0, 3.0],
        "position_covariance": [0.25] * 9,
        "size": [1.5, 0.5, 0.0],
    }
    (relation,) = record["relations"]
    assert (relation["subject_id"], relation["object_id"]) == (41, 2)
    assert (relation["score"], relation["source"], relation["state"]) == (
        None,
        "geometry",
        "fading",
    )
    assert relation["since"] == {"sec": -1, "nanosec": 999_999_999}


def test_a_relation_reads_as_a_line(graph: SceneGraph) -> None:
    line = relation_line(graph, graph.relations[0])
    assert line.split() == ["person", "#1", "--", "on", "-->", "chair", "#2", "0.83"]


def test_a_line_shows_the_number_that_relations_are_sorted_by(graph: SceneGraph) -> None:
    calibrated = SceneRelation(0, 1, 3, "on", 0.83, probability=0.41)
    assert relation_line(graph, calibrated).endswith(" 0.41")


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_list_is_json_whatever_its_length(tmp_path: Path, count: int) -> None:
    with GraphFile(tmp_path / "a.json", is_single=False) as file:
        for index in range(count):
            file.write({"n": index})
    assert json.loads((tmp_path / "a.json").read_text()) == [{"n": i} for i in range(count)]


def test_the_ending_jsonl_gives_a_record_a_line(tmp_path: Path) -> None:
    with GraphFile(tmp_path / "a.jsonl", is_single=False) as file:
        file.write({"name": "Tür"})
        file.write({"n": 1})
    lines = (tmp_path / "a.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"name": "Tür"}, {"n": 1}]


def test_a_name_that_is_not_utf8_comes_back_as_the_same_bytes(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9 \xff \xc3\xa9.jpg")
    with GraphFile(tmp_path / "a.json", is_single=True) as file:
        file.write({"image": name})
    assert os.fsencode(json.loads((tmp_path / "a.json").read_text())["image"]) == os.fsencode(name)


def test_a_dash_writes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    with GraphFile(Path("-"), is_single=True) as file:
        file.write({"n": 1})
    assert json.loads(capsys.readouterr().out) == {"n": 1}


def test_nothing_stays_of_a_file_whose_writing_failed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), GraphFile(tmp_path / "a.json", is_single=False) as file:
        file.write({"n": 1})
        raise RuntimeError
    assert not list(tmp_path.iterdir())
