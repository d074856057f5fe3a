# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg predict, with a model whose answers can be foretold."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hostile_names import HOSTILE_NAMES
from picture_bytes import jpeg, zeros_png
from recorded_bags import write_bag
from tiny_model import paint

from psg_ros.__main__ import main
from psg_ros.config import PipelineConfig
from psg_ros.drawing.draw import overlay
from psg_ros.files import printable
from psg_ros.frame import Frame
from psg_ros.media import VideoWriter, open_media, read_image
from psg_ros.robot.pipeline import Pipeline
from psg_ros.scene_graph import SceneGraph

BOXES = {"red": (20, 20, 100, 100), "blue": (200, 30, 300, 120)}
SCENE = paint((240, 320), BOXES)
REAL = Path(__file__).parents[2].parent / "shared" / "data"
CASES = Path(__file__).parents[2].parent / "shared" / "cases"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), SCENE[..., ::-1])
    return path


@pytest.fixture
def video(tmp_path: Path) -> Path:
    pytest.importorskip("av")
    path = tmp_path / "video.mp4"
    with VideoWriter(path, 10.0) as writer:
        for index in range(12):
            writer.write(SCENE, index / 10)
    return path


@pytest.fixture
def predict(tiny_model: Path):
    return lambda *arguments: main(["predict", *map(str, arguments), "--model", str(tiny_model)])


def test_relations_are_printed_best_first(predict, photo: Path, capsys) -> None:
    assert predict(photo) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert "320x240  2 nodes, 2 relations" in head and "tiny" in head
    assert lines[0].split()[:-1] == ["red", "#1", "--", "left", "of", "-->", "blue", "#2"]
    scores = [float(line.split()[-1]) for line in lines]
    assert scores == sorted(scores, reverse=True)


def test_json_of_an_image_is_one_object_that_fits_the_picture(predict, photo: Path) -> None:
    file = photo.with_name("graph.json")
    assert predict(photo, "--json", file) == 0
    record = json.loads(file.read_text())
    assert list(record) == ["image", "model", "backend", "width", "height", "nodes", "relations"]
    assert (record["image"], record["model"]) == (str(photo), "tiny")
    assert record["backend"] in ("openvino", "onnxruntime")
    assert (record["width"], record["height"]) == (320, 240)
    for node, (name, box) in zip(record["nodes"], BOXES.items(), strict=True):
        assert (node["class_name"], node["is_thing"]) == (name, True)
        assert np.abs(np.array(node["bbox"]) - box).max() <= 4
        assert 0 <= node["score"] <= 1 and node["area_px"] > 0
    scores = [relation["score"] for relation in record["relations"]]
    assert scores == sorted(scores, reverse=True) and len(scores) == 2
    ids = {node["id"] for node in record["nodes"]}
    assert all({r["subject_id"], r["object_id"]} <= ids for r in record["relations"])


def test_json_to_standard_output_can_be_piped(predict, photo: Path, capsys) -> None:
    assert predict(photo, "--json", "-") == 0
    assert json.loads(capsys.readouterr().out)["image"] == str(photo)


def test_the_drawing_shows_labels_and_relations_as_the_node_draws_them(
    predict, photo: Path, tiny_model: Path, capsys
) -> None:
    drawn = photo.with_name("drawn.png")
    assert predict(photo, "--annotated", drawn) == 0
    with Pipeline.open(PipelineConfig(str(tiny_model))) as pipeline:
        graph, vocabulary = pipeline(Frame(SCENE)), pipeline.vocabulary
    expected = overlay(SCENE, graph, vocabulary, max_relations=10, track_ids=graph.node_ids)
    np.testing.assert_array_equal(read_image(drawn), expected)
    assert predict(photo, "--annotated", drawn, "--drawn-relations", 0) == 0
    assert (read_image(drawn) != expected).any()


def test_relations_are_printed_beside_a_drawing_but_not_beside_json(
    predict, photo: Path, capsys
) -> None:
    assert predict(photo) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    drawn, file = photo.with_name("drawn.png"), photo.with_name("graph.json")
    assert predict(photo, "--annotated", drawn) == 0
    assert capsys.readouterr().out.splitlines()[1:] == lines
    assert predict(photo, "--annotated", drawn, "--json", file) == 0
    assert capsys.readouterr().out == ""


@pytest.fixture
def arrival(tmp_path: Path) -> Path:
    """A video of something blue, to which something red comes, which is segment 1 then."""
    pytest.importorskip("av")
    path = tmp_path / "arrival.mp4"
    alone = paint(SCENE.shape[:2], {"blue": BOXES["blue"]})
    with VideoWriter(path, 10.0) as writer:
        for index, scene in enumerate([alone] * 2 + [SCENE] * 4):
            writer.write(scene, index / 10)
    return path


def test_in_a_video_a_thing_keeps_its_id_and_relations_name_it(
    predict, arrival: Path, capsys
) -> None:
    file = arrival.with_suffix(".json")
    assert predict(arrival, "--json", file, "--track-confirm-s", "0.2") == 0
    records = json.loads(file.read_text())
    ids = [{node["class_name"]: node["id"] for node in record["nodes"]} for record in records]
    assert ids == [{"blue": 1}] * 2 + [{"red": 2, "blue": 1}] * 4
    red, blue = records[-1]["nodes"]
    assert (red["segment_id"], blue["segment_id"]) == (1, 2)
    assert (red["track_state"], blue["track_state"]) == ("confirmed", "confirmed")
    assert records[2]["nodes"][0]["track_state"] == "tentative"
    assert blue["first_seen"] == {"sec": 0, "nanosec": 0}
    assert red["first_seen"] == {"sec": 0, "nanosec": 200_000_000}
    assert {r["subject_id"] for r in records[-1]["relations"]} == {1, 2}
    capsys.readouterr()
    assert predict(arrival) == 0
    assert "red #2 -- left of --> blue #1" in capsys.readouterr().out


def test_without_tracking_ids_number_the_segments_of_each_image(predict, arrival: Path) -> None:
    file = arrival.with_suffix(".json")
    assert predict(arrival, "--json", file, "--no-track") == 0
    records = json.loads(file.read_text())
    ids = [{node["class_name"]: node["id"] for node in record["nodes"]} for record in records]
    assert ids == [{"blue": 1}] * 2 + [{"red": 1, "blue": 2}] * 4
    assert not any({"track_state", "first_seen", "segment_id"} & set(records[0]["nodes"][0]))


def test_pictures_of_a_folder_are_not_linked(predict, tmp_path: Path) -> None:
    alone = paint(SCENE.shape[:2], {"blue": BOXES["blue"]})
    for index, scene in enumerate((alone, SCENE, SCENE)):
        cv2.imwrite(str(tmp_path / f"{index}.png"), scene[..., ::-1])
    file = tmp_path / "graphs.json"
    assert predict(tmp_path, "--json", file) == 0
    records = json.loads(file.read_text())
    assert [[node["id"] for node in record["nodes"]] for record in records] == [[1], [1, 2], [1, 2]]
    assert all("track_state" not in node for record in records for node in record["nodes"])


def test_a_folder_gives_a_list_and_a_folder_of_drawings(predict, photo: Path) -> None:
    cv2.imwrite(str(photo.with_name("p2.jpg")), np.zeros((90, 30, 3), np.uint8))
    file, drawn = photo.parent / "graphs.json", photo.parent / "drawn"
    assert predict(photo.parent, "--json", file, "--annotated", drawn) == 0
    records = json.loads(file.read_text())
    assert [Path(record["image"]).name for record in records] == ["p2.jpg", "photo.png"]
    assert records[0]["nodes"] == [] and (records[0]["width"], records[0]["height"]) == (30, 90)
    assert sorted(path.name for path in drawn.iterdir()) == ["p2.jpg.png", "photo.png.png"]


def test_a_video_gives_frames_with_times_and_a_video_of_the_same_length(
    predict, video: Path
) -> None:
    file, drawn = video.with_name("g.jsonl"), video.with_name("drawn.mp4")
    assert predict(video, "--every", 3, "--json", file, "--annotated", drawn) == 0
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert [record["frame"] for record in records] == [0, 3, 6, 9]
    assert [record["time_s"] for record in records] == pytest.approx([0, 0.3, 0.6, 0.9])
    media = open_media(drawn)
    assert media.num_frames == 4 and media.num_frames / media.rate_hz == pytest.approx(
        1.2, rel=1e-3
    )


def test_frames_limits_the_work(predict, video: Path, capsys) -> None:
    assert predict(video, "--frames", 2, "--show", 1) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2 * (1 + 1)


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 900, 3), (900, 7, 3), (1200, 1600, 3)])
def test_any_size_and_proportion_works(predict, tmp_path: Path, shape, capsys) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full(shape, 255, np.uint8))
    assert predict(tmp_path / "a.png", "--json", "-", "--annotated", tmp_path / "b.png") == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["height"], record["width"]) == shape[:2]


def test_thresholds_reach_the_pipeline(predict, photo: Path, capsys) -> None:
    assert predict(photo, "--json", "-", "--max-relations", 1) == 0
    assert len(json.loads(capsys.readouterr().out)["relations"]) == 1
    assert predict(photo, "--json", "-", "--relation-threshold", 1.0) == 0
    assert json.loads(capsys.readouterr().out)["relations"] == []


def test_what_is_not_a_picture_in_a_folder_is_named_and_costs_nothing(
    predict, photo: Path, capsys
) -> None:
    (photo.parent / "notes.jpg").write_text("no picture")
    (photo.parent / "z_cut.png").write_bytes(photo.read_bytes()[:-40])
    file = photo.parent.parent / f"{photo.parent.name}.json"
    assert predict(photo.parent, "--json", file) == 1
    assert [record["image"] for record in json.loads(file.read_text())] == [str(photo)]
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "psg predict: 1 left out, no pictures: notes.jpg (unknown content)"
    assert lines[1] == f"wrote {file} (1 picture)"
    assert lines[2].startswith("psg predict: 1 left out, unreadable: ") and "z_cut.png" in lines[2]


def test_a_picture_above_the_limit_is_refused_before_it_is_decoded(
    predict, photo: Path, capsys
) -> None:
    large = photo.with_name("large.png")
    large.write_bytes(zeros_png(1100, 1000))
    assert predict(large, "--max-megapixels", 1) == 2
    error = capsys.readouterr().err
    assert "large.png is not a readable picture: 1100 x 1000 px are 1.1 megapixels" in error
    assert "the limit is 1 (max_megapixels)" in error
    assert predict(large, "--max-megapixels", 2) == 0


def test_a_bag_gives_the_header_of_each_image_and_names_the_broken_one(
    predict, tmp_path: Path, capsys
) -> None:
    pytest.importorskip("rosbags")
    whole = jpeg()
    bag = write_bag(tmp_path / "bag", [whole, whole, whole[: len(whole) // 2], whole])
    assert predict(bag, "--json", "-") == 1
    out, err = capsys.readouterr()
    records = [json.loads(line) for line in out.splitlines()]
    assert [record["frame"] for record in records] == [0, 1, 3]
    assert records[2]["header"] == {"stamp": {"sec": 9, "nanosec": 250}, "frame_id": "camera"}
    assert "1 left out, unreadable: " in err and "message 2: " in err and "Premature end" in err


@pytest.mark.skipif(not CASES.is_dir(), reason="no shared cases here")
def test_the_case_of_one_bad_picture_in_a_bag(predict, tmp_path: Path) -> None:
    pytest.importorskip("rosbags")
    file = tmp_path / "o.json"
    assert predict(CASES / "bag_one_bad_picture/bag", "--json", file) == 1
    assert len(json.loads(file.read_text())) == 4


def test_where_nothing_could_be_read_an_older_file_stays(predict, photo: Path, capsys) -> None:
    photo.write_bytes(photo.read_bytes()[:-40])
    file = photo.parent.parent / f"{photo.parent.name}.json"
    file.write_text("older")
    assert predict(photo.parent, "--json", file) == 2
    assert "no picture can be read: " in capsys.readouterr().err
    assert file.read_text() == "older"


@pytest.fixture
def cut_video(tmp_path: Path) -> Path:
    from video_files import encoded, steady

    shape = (240, 320, 3)
    whole = encoded("mjpeg", "avi", steady(20), pixels="yuvj420p", shape=shape, ticks_per_s=10)
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])
    return tmp_path / "cut.avi"


def test_what_came_before_damage_in_a_video_is_kept(predict, cut_video: Path, capsys) -> None:
    file, drawn = cut_video.with_name("a.json"), cut_video.with_name("a.mp4")
    assert predict(cut_video, "--annotated", drawn, "--json", file) == 1
    *wrote, error = capsys.readouterr().err.splitlines()
    records = json.loads(file.read_text())
    assert 5 <= len(records) <= 10 and records[-1]["frame"] == len(records) - 1
    assert len(list(open_media(drawn).frames())) == len(records)
    assert wrote == [f"wrote {path} ({len(records)} pictures)" for path in (file, drawn)]
    assert f"cut.avi is damaged (a piece is missing): {len(records)} pictures" in error


def test_what_was_done_before_ctrl_c_is_kept(predict, video: Path, monkeypatch) -> None:
    done = []

    def interrupted(self: Pipeline, frame: Frame) -> SceneGraph:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(original(self, frame))
        return done[-1]

    original = Pipeline.__call__
    monkeypatch.setattr(Pipeline, "__call__", interrupted)
    file, drawn = video.with_name("a.json"), video.with_name("a.mp4")
    assert predict(video, "--annotated", drawn, "--json", file) == 130
    assert len(json.loads(file.read_text())) == 3
    assert len(list(open_media(drawn).frames())) == 3


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_every_name_can_be_read_written_and_printed(
    predict, photo: Path, monkeypatch, name: str, capsys
) -> None:
    (photo.parent / "in").mkdir()
    monkeypatch.chdir(photo.parent / "in")
    photo.rename(name)
    record, drawn = f"../{name[:250]}.json", f"../{name[:250]}.png"
    source = f"./{name}"  # as for all commands, a name that begins with a dash needs this
    assert predict(source, "--json", record, "--annotated", drawn) == 0
    content = json.loads(Path(record).read_text(encoding="utf-8"))
    assert os.fsencode(content["image"]) == os.fsencode(name)
    assert read_image(Path(drawn)).shape == SCENE.shape
    assert predict(source) == 0
    output = capsys.readouterr().out
    assert printable(name) in output and len(output.splitlines()) == 3


@pytest.mark.parametrize("name", ["10:20:30.mp4", "caf\udce9.mp4", "-x.mp4", "a%d.mp4"], ids=ascii)
def test_a_process_reads_and_writes_videos_of_any_name(
    tiny_model: Path, video: Path, name: str
) -> None:
    video.rename(video.with_name(f"2026-01-02T{name}"))
    command = [sys.executable, "-m", "psg_ros", "predict", f"--annotated={name}"]
    command += ["--model", str(tiny_model), "--json", "-", "--", f"2026-01-02T{name}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, capture_output=True, env=environment, timeout=120, cwd=video.parent
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 12
    assert len(list(open_media(video.with_name(name)).frames())) == 12


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_a_model_may_lie_in_a_folder_of_any_name(
    tiny_model: Path, photo: Path, backend: str, capsys
) -> None:
    model = photo.parent / os.fsdecode(b"caf\xe9 10:20")
    shutil.copytree(tiny_model, model)
    assert main(["predict", str(photo), "--model", str(model), "--backend", backend]) == 0
    assert "2 nodes" in capsys.readouterr().out


def test_each_frame_has_its_own_time(predict, tmp_path: Path) -> None:
    pytest.importorskip("av")
    with VideoWriter(tmp_path / "pause.mp4", 10.0) as writer:
        for time_s in (0.0, 0.1, 3.0):
            writer.write(SCENE, time_s)
    assert predict(tmp_path / "pause.mp4", "--json", tmp_path / "a.jsonl") == 0
    records = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [record["time_s"] for record in records] == pytest.approx([0, 0.1, 3], abs=1e-3)


@pytest.mark.parametrize(
    ("option", "name", "reason"),
    [
        ("--json", "absent/a.json", "does not exist"),
        ("--annotated", "photo.png", "is the input"),
        ("--annotated", "a.xyz", "no image format '.xyz'"),
        ("--json", ".", "is a folder"),
        ("--json", "photo.png", "is the input"),
        ("--json", "/dev/null", "is a device"),
        ("--json", 300 * "x", "longer than 255 bytes"),
    ],
)
def test_outputs_are_refused_before_the_model_is_loaded(
    photo: Path, option: str, name: str, reason: str, capsys
) -> None:
    where = str(photo.parent / name)
    assert main(["predict", str(photo), option, where, "--model", "no such model"]) == 2
    assert reason in capsys.readouterr().err
    assert read_image(photo).shape == SCENE.shape


def test_graphs_and_drawing_need_two_names(predict, photo: Path, capsys) -> None:
    both = photo.with_name("a.png")
    assert predict(photo, "--json", both, "--annotated", both) == 2
    assert "give two names" in capsys.readouterr().err


def test_a_drawn_video_must_be_an_mp4(predict, video: Path, capsys) -> None:
    assert predict(video, "--annotated", video.with_name("a.png")) == 2
    assert "must end in .mp4" in capsys.readouterr().err


def test_an_unknown_model_names_the_known_ones(photo: Path, capsys) -> None:
    assert main(["predict", str(photo), "--model", "none"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("psg predict: error: no model 'none'") and error.count("\n") == 1


def test_a_process_prints_its_error_in_one_line(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x" * 500)
    command = [sys.executable, "-m", "psg_ros", "predict", str(tmp_path / "a.mp4")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "a.mp4 is not an image, video or bag" in done.stderr


@pytest.mark.skipif(not REAL.is_dir(), reason="no real pictures here")
def test_real_photos_and_videos_go_through(predict, tmp_path: Path) -> None:
    photos = sorted(REAL.glob("*/*.jpg")) + sorted(REAL.glob("*/images/*.jpg"))
    videos = sorted((REAL / "video").glob("*.mp4"))
    assert photos and videos
    for source in [*photos, *videos]:
        file = tmp_path / f"{source.stem}.json"
        assert predict(source, "--frames", 20, "--json", file) == 0
        content = json.loads(file.read_text())
        assert source in photos or len(content) == 20
