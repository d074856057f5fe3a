# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg predict, with a model whose answers can be foretold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_model import paint

from psg_ros.__main__ import main
from psg_ros.media import VideoWriter, open_media, read_image

BOXES = {"red": (20, 20, 100, 100), "blue": (200, 30, 300, 120)}
SCENE = paint((240, 320), BOXES)
REAL = Path(__file__).parents[2].parent / "shared" / "data"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), SCENE[..., ::-1])
    return path


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "video.mp4"
    with VideoWriter(path, (320, 240), 10.0) as writer:
        for _ in range(12):
            writer.write(SCENE)
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


def test_the_drawing_shows_the_labels_over_the_picture(predict, photo: Path) -> None:
    drawn = photo.with_name("drawn.png")
    assert predict(photo, "--annotated", drawn) == 0
    image = read_image(drawn)
    assert image.shape == SCENE.shape and (image != SCENE).any()


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


def test_after_a_bad_picture_in_a_folder_no_list_stays(predict, photo: Path, capsys) -> None:
    (photo.parent / "z_broken.jpg").write_text("no picture")
    file = photo.parent / "graphs.json"
    file.write_text("older")
    assert predict(photo.parent, "--json", file) == 2
    assert "z_broken.jpg" in capsys.readouterr().err
    assert file.read_text() == "older"
    assert not [path for path in photo.parent.iterdir() if path.name.startswith(".")]


def test_after_damage_in_a_video_no_drawing_stays(predict, tmp_path: Path, capsys) -> None:
    path = tmp_path / "cut.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 15, (320, 240))
    for _ in range(20):
        writer.write(SCENE)
    writer.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert predict(path, "--annotated", tmp_path / "a.mp4", "--json", tmp_path / "a.json") == 2
    assert "cut.avi is damaged" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("option", "name", "reason"),
    [
        ("--json", "absent/a.json", "does not exist"),
        ("--annotated", "photo.png", "is the input"),
        ("--annotated", "a.xyz", "no image format '.xyz'"),
        ("--json", ".", "is a folder"),
    ],
)
def test_outputs_are_refused_before_the_model_is_loaded(
    photo: Path, option: str, name: str, reason: str, capsys
) -> None:
    where = str(photo.parent / name)
    assert main(["predict", str(photo), option, where, "--model", "no such model"]) == 2
    assert reason in capsys.readouterr().err
    assert read_image(photo).shape == SCENE.shape


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
    assert done.stderr.count("\n") == 1 and "a.mp4 cannot be opened" in done.stderr


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
