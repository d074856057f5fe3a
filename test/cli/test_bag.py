# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg bag: bags of images in, bags of graphs out, with a model whose answers can be foretold."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from graph_bags import IMAGE_TOPIC, content, label_image, pictures, read_alone, write_images
from picture_bytes import jpeg
from recorded_bags import SECOND_NS, write_bag

from psg_ros.__main__ import main
from psg_ros.graph_delta import DeltaFollower

pytest.importorskip("rosbags", reason="needs the extra 'bags'")

ROOT = Path(__file__).parents[2]
CASES = ROOT.parent / "shared" / "cases"


@pytest.fixture
def bag(tiny_model: Path):
    return lambda *arguments: main(["bag", *map(str, arguments), "--model", str(tiny_model)])


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_images(tmp_path / "images")


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_the_graphs_have_stamps_and_frames_of_their_images_and_need_no_other_definitions(
    bag, tmp_path: Path, storage: str
) -> None:
    out = tmp_path / "graphs"
    assert bag(write_images(tmp_path / "images", storage=storage), "-o", out) == 0
    found = read_alone(out)
    assert {file.suffix for file in out.iterdir()} == {
        ".yaml",
        {"mcap": ".mcap", "sqlite3": ".db3"}[storage],
    }
    graphs = found["/scene_graph"]
    for index, (time_ns, graph) in enumerate(graphs):
        assert time_ns == 100 * SECOND_NS + index * SECOND_NS // 10
        header = graph.header
        assert (header.stamp.sec, header.stamp.nanosec) == (6 + index, 250)
        assert header.frame_id == "camera" and graph.sequence == index + 1
        assert {node.class_name for node in graph.nodes} == {"red", "blue"}
        assert graph.timing.received_frames == graph.sequence
    assert len({node.id for _, graph in graphs for node in graph.nodes}) == 2, "ids stay"
    (vocabulary,) = (message for _, message in found["/scene_graph_node/vocabulary"])
    assert vocabulary.version == graphs[0][1].vocabulary_version
    (_, first), *_ = found["/scene_graph_node/segmentation"]
    assert first.header == graphs[0][1].header
    ids = {node.segment_id for node in graphs[0][1].nodes}
    assert set(np.unique(label_image(first))) == {0, *ids}


def test_a_recording_that_begins_at_0_is_one_activation(bag, tmp_path: Path) -> None:
    """As of simulated time."""
    images = write_images(tmp_path / "images", count=3, start_ns=0)
    assert bag(images, "-o", tmp_path / "graphs") == 0
    found = read_alone(tmp_path / "graphs")
    assert {graph.activated.nanosec for _, graph in found["/scene_graph"]} == {0}
    assert len(found["/scene_graph_node/vocabulary"]) == 1


def test_the_same_bag_gives_the_same_bytes(bag, images: Path, tmp_path: Path) -> None:
    for place in "ab":
        (tmp_path / place).mkdir()
        assert bag(images, "-o", tmp_path / place / "graphs", "--copy", "all") == 0
    first, second = (content(tmp_path / place / "graphs") for place in "ab")
    assert first == second and len(first) == 2


def test_one_process_or_two_give_the_same_bytes(bag, tmp_path: Path) -> None:
    sources = [write_images(tmp_path / name, count) for name, count in (("a", 3), ("b", 5))]
    for jobs in (1, 2):
        out = tmp_path / f"out{jobs}"
        assert bag(*sources, "-o", out, "--jobs", jobs, "--threads", 1) == 0
    for name in "ab":
        assert content(tmp_path / "out1" / name) == content(tmp_path / "out2" / name)


def test_nothing_is_overwritten(bag, images: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "graphs"
    out.mkdir()
    assert bag(images, "-o", out) == 2
    assert "exists and is not overwritten" in capsys.readouterr().err
    assert list(out.iterdir()) == []


def test_topics_of_the_source_are_copied_to_the_byte(bag, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "graphs"
    assert bag(images, "-o", out, "--copy", IMAGE_TOPIC) == 0
    copied = [bytes(message.data) for _, message in read_alone(out)[IMAGE_TOPIC]]
    assert copied == pictures(4)
    assert bag(out, "-o", tmp_path / "again", "--topic", IMAGE_TOPIC, "--copy", "all") == 2
    assert bag(out, "-o", tmp_path / "again", "--copy", "/nothing") == 2


def test_a_bag_of_graphs_converts_again_without_them(bag, images: Path, tmp_path: Path) -> None:
    assert bag(images, "-o", tmp_path / "one", "--copy", "all", "--no-label-images") == 0
    assert bag(tmp_path / "one", "-o", tmp_path / "two", "--copy", IMAGE_TOPIC) == 0
    assert len(read_alone(tmp_path / "two")["/scene_graph"]) == 4


def test_each_of_several_cameras_has_graphs_and_tracks_of_its_own(bag, tmp_path: Path) -> None:
    source = two_cameras(tmp_path)
    assert bag(source, "-o", tmp_path / "none") == 2, "one must be named"
    topics = ["--topic", "/front/image", "--topic", "/rear/image"]
    assert bag(source, "-o", tmp_path / "out", *topics) == 0
    found = read_alone(tmp_path / "out")
    for camera in ("front/image", "rear/image"):
        graphs = [graph for _, graph in found[f"/{camera}/scene_graph"]]
        assert [graph.sequence for graph in graphs] == [1, 2, 3]
        assert {graph.camera for graph in graphs} == {camera}
        assert sorted({node.id for graph in graphs for node in graph.nodes}) == [1, 2]
        assert len(found[f"/{camera}/scene_graph_node/segmentation"]) == 3
        assert len(found[f"/{camera}/scene_graph_node/vocabulary"]) == 1


def two_cameras(tmp_path: Path) -> Path:
    folder = tmp_path / "both"
    folder.mkdir()
    for name in ("front", "rear"):
        part = write_bag(tmp_path / name, pictures(3), topic=f"/{name}/image")
        (file,) = part.glob("*.mcap")
        file.rename(folder / file.name)
    return folder


def test_an_unreadable_image_is_left_out_counted_and_named(bag, tmp_path: Path, capsys) -> None:
    whole = jpeg()
    source = write_bag(tmp_path / "images", [whole, whole[:900], whole])
    assert bag(source, "-o", tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert "1 left out" in error and "image 2: 900 bytes" in error
    graphs = [graph for _, graph in read_alone(tmp_path / "out")["/scene_graph"]]
    assert [graph.sequence for graph in graphs] == [1, 2]
    assert (graphs[1].timing.received_frames, graphs[1].timing.failed_frames) == (3, 1)


def test_of_a_damaged_bag_the_readable_part_is_used_and_says_so(bag, tmp_path: Path, capsys):
    noise = np.random.default_rng(0).integers(0, 256, (12, 400, 400, 3), np.uint8)
    pictures = [cv2.imencode(".png", image)[1].tobytes() for image in noise]
    source = write_bag(tmp_path / "images", pictures)
    (file,) = source.glob("*.mcap")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) * 2 // 3])
    assert bag(file, "-o", tmp_path / "out") == 1
    assert "images.mcap is cut off" in capsys.readouterr().err
    assert 4 < len(read_alone(tmp_path / "out")["/scene_graph"]) < 9
    assert "psg_ros_ending" in (tmp_path / "out" / "metadata.yaml").read_text()
    file.write_bytes(whole[:1000])
    assert bag(file, "-o", tmp_path / "nothing") == 2
    assert "is cut off before its first message" in capsys.readouterr().err


def test_deltas_lead_to_the_graphs_of_the_same_bag(bag, images: Path, tmp_path: Path) -> None:
    assert bag(images, "-o", tmp_path / "out") == 0
    found = read_alone(tmp_path / "out")
    follower = DeltaFollower()
    pairs = zip(found["/scene_graph/delta"], found["/scene_graph"], strict=True)
    for (delta_ns, delta), (graph_ns, graph) in pairs:
        assert follower.apply(delta) and delta_ns == graph_ns
        rebuilt = follower.graph
        assert rebuilt and rebuilt.header == graph.header and rebuilt.sequence == graph.sequence
        assert [node.id for node in rebuilt.nodes] == [node.id for node in graph.nodes]
        assert [(r.subject_id, r.predicate_id, r.object_id) for r in rebuilt.relations] == [
            (r.subject_id, r.predicate_id, r.object_id) for r in graph.relations
        ]
    assert bag(images, "-o", tmp_path / "without", "--no-deltas") == 0
    assert "/scene_graph/delta" not in read_alone(tmp_path / "without")


@pytest.mark.parametrize(
    "damage", ["no bag", "a folder of pictures", "no image", "half a database", "missing"]
)
def test_a_bag_that_gives_nothing_is_one_line_and_leaves_nothing(
    bag, tmp_path: Path, damage: str, capsys
) -> None:
    source = tmp_path / "source.mcap"
    if damage == "no bag":
        source.write_bytes(b"hello" * 100)
    elif damage == "a folder of pictures":
        source.mkdir()
        (source / "0.png").write_bytes(b"hello" * 100)
    elif damage == "no image":
        source = write_bag(tmp_path / "source", [])
    elif damage == "half a database":
        source = write_images(tmp_path / "source", storage="sqlite3")
        (file,) = source.glob("*.db3")
        file.write_bytes(file.read_bytes()[:5000])
    assert bag(source, "-o", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert error.startswith("psg bag: error: ") and error.count("\n") == 1
    assert str(source) in error and "unexpected" not in error
    assert not [path for path in tmp_path.iterdir() if path.name not in (source.name,)]


def test_of_several_bags_a_failed_one_costs_only_itself(bag, tmp_path: Path, capsys) -> None:
    good = write_images(tmp_path / "good")
    bad = write_bag(tmp_path / "bad", [b"no picture"] * 2)
    assert bag(bad, good, "-o", tmp_path / "out", "--jobs", 2) == 1
    assert "bad gives no graph" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good"]


def test_two_bags_of_one_name_are_refused(bag, images: Path, tmp_path: Path, capsys) -> None:
    shutil.copytree(images, tmp_path / "other" / "images")
    assert bag(images, tmp_path / "other" / "images", "-o", tmp_path / "out") == 2
    assert "2 bags are called images" in capsys.readouterr().err


def test_resuming_does_the_rest_and_refuses_results_of_other_options(
    bag, tmp_path: Path, capsys
) -> None:
    one, two = write_images(tmp_path / "one", 2), write_images(tmp_path / "two", 3)
    out = tmp_path / "out"
    assert bag(one, two, "-o", out) == 0
    before = {path.name: path.stat().st_mtime_ns for path in (out / "one").iterdir()}
    shutil.rmtree(out / "two")
    assert bag(one, two, "-o", out, "--resume") == 0
    assert "1 of 2 bags were done before" in capsys.readouterr().err
    assert {path.name: path.stat().st_mtime_ns for path in (out / "one").iterdir()} == before
    assert len(read_alone(out / "two")["/scene_graph"]) == 3
    assert bag(one, two, "-o", out, "--resume", "--max-relations", 1) == 2
    assert "with other options" in capsys.readouterr().err


def test_a_kill_leaves_no_half_a_bag_and_the_next_run_cleans_up(
    bag, tiny_model: Path, tmp_path: Path
) -> None:
    source = write_images(tmp_path / "images", 9)
    out = tmp_path / "here" / "graphs"
    out.parent.mkdir()
    rests_at_the_fourth = (
        "import itertools, sys, time\n"
        "from psg_ros.__main__ import main\n"
        "from psg_ros.robot.pipeline import Pipeline\n"
        "call, turns = Pipeline.__call__, itertools.count()\n"
        "Pipeline.__call__ = lambda *a: (time.sleep(600 * (next(turns) > 2)), call(*a))[1]\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", rests_at_the_fourth, "bag", str(source), "-o", str(out)]
    process = subprocess.Popen([*command, "--model", str(tiny_model)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(out.parent.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    (left,) = out.parent.iterdir()
    assert left.name == f".graphs.{process.pid}.partial"
    assert bag(write_images(tmp_path / "small", 2), "-o", out, "--resume") == 0
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_full_disk_is_one_line_and_leaves_nothing(
    tiny_model: Path, tmp_path: Path, storage: str
) -> None:
    """A limit on the size of files stands for the disk."""
    source = write_images(tmp_path / "images", 20)
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (12_000,) * 2);"
        "from psg_ros.__main__ import main; sys.exit(main())"
    )
    arguments = ["bag", source, "-o", tmp_path / "out", "--model", tiny_model]
    arguments += ["--storage", storage]
    command = [sys.executable, "-c", limited, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 1
    assert done.stderr.startswith("psg bag: error: ") and done.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images"]


def test_a_name_that_sqlite_reads_as_options_is_refused(bag, images: Path, tmp_path, capsys):
    assert bag(images, "-o", tmp_path / "a?mode=ro", "--storage", "sqlite3") == 2
    assert "take mcap" in capsys.readouterr().err


def test_the_bag_says_what_made_it(bag, images: Path, tmp_path: Path) -> None:
    import yaml

    assert bag(images, "-o", tmp_path / "out", "--max-relations", 1) == 0
    metadata = yaml.safe_load((tmp_path / "out" / "metadata.yaml").read_text())
    notes = json.loads(metadata["rosbag2_bagfile_information"]["custom_data"]["psg_ros"])
    assert notes["pipeline"]["max_relations"] == 1 and len(notes["model_sha256"]) == 64
    assert notes["source"] == {"name": "images", "messages": 4}


@pytest.mark.skipif(not CASES.is_dir(), reason="no shared/cases")
def test_the_case_of_a_recording_with_one_bad_picture(bag, tmp_path: Path, capsys) -> None:
    assert bag(CASES / "bag_one_bad_picture" / "bag", "-o", tmp_path / "out") == 1
    assert "1 left out" in capsys.readouterr().err


@pytest.mark.skipif(not CASES.is_dir(), reason="no shared/cases")
@pytest.mark.parametrize("name", ["mcap", "sqlite", "packed"])
def test_the_cases_of_recordings_without_metadata(bag, tmp_path: Path, name: str) -> None:
    assert bag(CASES / "bag_without_metadata" / name, "-o", tmp_path / "out") == 0
