# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg label: training sets out of pictures, that stop and go on, pass the check and train."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tiny_teacher
import yaml
from picture_bytes import encoded
from recorded_bags import write_bag
from tiny_model import paint, write_tiny_model

from psg_ros.__main__ import main
from psg_ros.data.opening import open_dataset
from psg_ros.interrupts import STATUS
from psg_ros.labelling.contact_sheet import SHEET_FILE
from psg_ros.labelling.journal import JOURNAL_FILE
from psg_ros.labels import load_vocabulary
from psg_ros.media import VideoWriter, read_image

BOXES = {"yellow": (0, 60, 160, 120), "red": (16, 16, 64, 80), "blue": (80, 20, 140, 60)}
ROOT = Path(__file__).parents[2]
NUM_PHOTOS = 8


def picture(index: int) -> np.ndarray:
    """Return a picture with two things on stuff, elsewhere for every index."""
    left, top, right, bottom = BOXES["red"]
    moved = {"red": (left + 4 * index, top, right + 4 * index, bottom)}
    return paint((120, 160), BOXES | moved)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(NUM_PHOTOS):
        cv2.imwrite(str(folder / f"photo{index}.png"), picture(index)[..., ::-1])
    return folder


@pytest.fixture
def video(tmp_path: Path) -> Path:
    pytest.importorskip("av")
    path = tmp_path / "kitchen.mp4"
    with VideoWriter(path, 10.0) as writer:
        for index in range(12):
            writer.write(picture(index), index / 10)
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "labelled"


@pytest.fixture
def label(tiny_model: Path, out: Path) -> Callable[..., int]:
    """A function that runs the command with the tiny model, into `out`."""

    def run(source: Path, *arguments: object, teacher: Path = tiny_model, to: Path = out) -> int:
        given = (source, "--teacher", teacher, "-o", to, *arguments)
        return main(["label", *map(str, given)])

    return run


def entries(folder: Path) -> list[dict]:
    return json.loads((folder / "psg.json").read_text())["data"]


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_labels_are_what_the_teacher_sees(label, photos: Path, out: Path) -> None:
    assert label(photos) == 0
    vocabulary = load_vocabulary(out / "labels.yaml")
    dataset = open_dataset(out, vocabulary, "train")
    assert dataset.image_ids == [f"photo{index}" for index in range(NUM_PHOTOS)]
    truth = dataset[0].segmentation
    names = [vocabulary.label_names[label] for label in truth.labels]
    assert sorted(names) == ["blue", "red", "yellow"]
    for name, (left, top, right, bottom) in BOXES.items():
        inside = truth.label_map[top + 4 : bottom - 4, left + 4 : right - 4]
        assert (inside == names.index(name)).mean() > 0.8, name
    assert ((truth.scores > 0.5) & (truth.scores <= 1)).all()
    assert truth.label_map[5, 150] == -1, "black is void"


def test_the_set_passes_the_check(label, photos: Path, out: Path, capsys) -> None:
    assert label(photos) == 0
    checked = ["dataset", "check", str(out), "--labels", str(out / "labels.yaml"), "--workers", "0"]
    assert main(checked) == 0
    assert "usable" in capsys.readouterr().out


def test_pictures_and_pngs_have_the_size_and_pixels_of_the_source(label, photos, out) -> None:
    assert label(photos, "--frames", 1) == 0
    (entry,) = entries(out)
    stored = read_image(out / entry["file_name"])
    assert stored.shape == (entry["height"], entry["width"], 3) == (120, 160, 3)
    assert np.abs(stored.astype(int) - picture(0)).mean() < 4
    png = cv2.imread(str(out / entry["pan_seg_file_name"]))
    assert set(np.unique(png[..., 2])) == {0, *(info["id"] for info in entry["segments_info"])}
    assert not png[..., :2].any(), "id = R + 256 G + 65536 B"
    areas = [info["area"] for info in entry["segments_info"]]
    assert areas == [int((png[..., 2] == info["id"]).sum()) for info in entry["segments_info"]]


def test_doubtful_segments_are_void_and_counted(label, photos, out, tmp_path, capsys) -> None:
    assert label(photos, "--thing-score", 1.0, "--frames", 1) == 0
    assert "doubtful, now void: 2 segments" in capsys.readouterr().out
    names = load_vocabulary(out / "labels.yaml").label_names
    assert [names[info["category_id"]] for info in entries(out)[0]["segments_info"]] == ["yellow"]


def test_nothing_sure_at_all_is_an_error_that_says_what_to_do(label, photos, out, capsys) -> None:
    assert label(photos, "--thing-score", 1, "--stuff-score", 1) == 2
    assert "lower --thing-score" in capsys.readouterr().err


def test_a_picture_that_shows_nothing_is_left_out(label, photos, out, capsys) -> None:
    cv2.imwrite(str(photos / "photo3.png"), np.zeros((50, 60, 3), np.uint8))
    assert label(photos) == 0
    assert "left out, nothing in them is sure: 1 picture" in capsys.readouterr().out
    assert "photo3" not in [entry["image_id"] for entry in entries(out)]
    assert not (out / "images" / "photo3.jpg").exists()
    assert label(photos) == 0, "and is not looked at again"
    assert f"there already: {NUM_PHOTOS} picture" in capsys.readouterr().out


def test_relations_come_with_scores_where_they_are_asked_for(label, photos, out) -> None:
    assert label(photos, "--relations") == 0
    entry = entries(out)[0]
    assert entry["relations"] and len(entry["relations"]) == len(entry["relation_scores"])
    assert all(0.3 <= score <= 1 for score in entry["relation_scores"])
    assert entry["source"] == "tiny"
    dataset = open_dataset(out, load_vocabulary(out / "labels.yaml"), "train")
    predicates = json.loads((out / "psg.json").read_text())["predicate_classes"]
    ids = [info["category_id"] for info in entry["segments_info"]]
    said = {(ids[s], predicates[p], ids[o]) for s, o, p in dataset.records[0].triplets.tolist()}
    red, blue = 0, 2
    assert (red, "left of", blue) in said


def test_without_the_flag_there_are_no_relations(label, photos, out) -> None:
    assert label(photos, "--frames", 1) == 0
    assert entries(out)[0]["relations"] == []


def test_a_teacher_without_relations_is_refused_when_they_are_asked_for(
    label, photos, out, tmp_path, capsys
) -> None:
    teacher = write_tiny_model(tmp_path / "segments", with_relations=False)
    assert label(photos, "--relations", teacher=teacher) == 2
    assert "finds no relations; leave --relations out" in capsys.readouterr().err
    assert not out.exists()


def test_names_are_mapped_onto_another_vocabulary(label, photos, out, tmp_path, capsys) -> None:
    labels, names = tmp_path / "mine.yaml", tmp_path / "names.yaml"
    content = {"things": ["cup", "red"], "stuff": ["floor"], "predicates": []}
    colored = [{"name": n, "color": "#102030"} for n in (*content["things"], *content["stuff"])]
    labels.write_text(yaml.safe_dump({
        "things": colored[:2], "stuff": colored[2:], "predicates": [],
    }))  # fmt: skip
    names.write_text("yellow: floor\n")
    assert label(photos, "--labels", labels, "--rename", names) == 0
    assert f"not in the vocabulary, void: blue {NUM_PHOTOS}" in capsys.readouterr().out
    written = json.loads((out / "psg.json").read_text())
    assert written["thing_classes"] == ["cup", "red"] and written["stuff_classes"] == ["floor"]
    found = {info["category_id"] for info in written["data"][0]["segments_info"]}
    assert found == {1, 2}


@pytest.mark.parametrize(
    ("options", "frames"),
    [
        ((), range(12)),
        (("--every", 5), [0, 5, 10]),
        (("--seconds", 0.35), [0, 4, 8]),
        (("--every", 3, "--frames", 2), [0, 3]),
    ],
)
def test_frames_of_a_video_are_chosen(label, video: Path, out: Path, options, frames) -> None:
    assert label(video, *options) == 0
    assert [e["image_id"] for e in entries(out)] == [f"kitchen_{i:06d}" for i in frames]


def test_a_bag_is_labelled(label, tmp_path: Path, out: Path) -> None:
    pytest.importorskip("rosbags")
    bag = write_bag(tmp_path / "drive", [encoded("JPEG", picture(index)) for index in range(3)])
    assert label(bag) == 0
    assert [entry["image_id"] for entry in entries(out)] == [f"drive_{i:06d}" for i in range(3)]


def test_a_second_source_adds_its_pictures(label, photos: Path, video: Path, out: Path) -> None:
    assert label(photos, "--frames", 2) == 0
    assert label(video, "--every", 6) == 0
    ids = [entry["image_id"] for entry in entries(out)]
    assert ids == ["kitchen_000000", "kitchen_000006", "photo0", "photo1"]


def test_pictures_of_one_name_in_two_folders_are_told_apart(label, photos, out, tmp_path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    cv2.imwrite(str(other / "photo0.png"), picture(9)[..., ::-1])
    assert label(photos, "--frames", 1) == 0
    assert label(other) == 0
    assert [entry["image_id"] for entry in entries(out)] == ["photo0", "photo0-2"]


def test_a_short_look_goes_on_to_the_same_files(label, photos, out, tmp_path) -> None:
    assert label(photos, to=tmp_path / "at_once") == 0
    assert label(photos, "--frames", 3) == 0
    assert label(photos) == 0
    assert files(out) == files(tmp_path / "at_once")


def start(photos: Path, teacher: Path, out: Path) -> subprocess.Popen:
    """Start the command as a process that rests after some pictures, and wait for these."""
    script = (
        "import itertools, sys, time\n"
        "from psg_ros.labelling import run\n"
        "from psg_ros.__main__ import main\n"
        "label = run._label\n"
        "turns = itertools.count()\n"
        "run._label = lambda *a: (time.sleep(600 * (next(turns) > 3)), label(*a))[1]\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    arguments = ["label", str(photos), "--teacher", str(teacher), "-o", str(out)]
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    journal, deadline = out / JOURNAL_FILE, time.monotonic() + 120
    while not (journal.is_file() and journal.read_bytes().count(b"\n") >= 3):
        assert process.poll() is None and time.monotonic() < deadline, process.stderr
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_was_stopped_goes_on_to_the_same_files(
    label, photos: Path, tiny_model: Path, out: Path, tmp_path: Path, number: int, capsys
) -> None:
    process = start(photos, tiny_model, out)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == (-number if number == signal.SIGKILL else STATUS)
    if number != signal.SIGKILL:
        assert "done; the same command continues" in said and "Traceback" not in said
    # What a kill in the middle of a file leaves behind.
    leftover = out / "images" / f".photo7.{process.pid}.partial.jpg"
    leftover.write_bytes(b"half a picture")
    assert not (out / "psg.json").exists()
    assert label(photos) == 0
    assert "there already: " in capsys.readouterr().out
    assert label(photos, to=tmp_path / "at_once") == 0
    assert files(out) == files(tmp_path / "at_once")


def test_other_settings_do_not_mix_with_what_is_there(label, photos, out, capsys) -> None:
    assert label(photos, "--frames", 1) == 0
    before = files(out)
    assert label(photos, "--thing-score", 0.9) == 2
    assert "was labelled with other settings (thing_score)" in capsys.readouterr().err
    assert files(out) == before


def test_a_composite_teacher_labels_and_its_set_trains_alike(
    label, out, tmp_path: Path, capsys
) -> None:
    folder = tmp_path / "rooms"
    folder.mkdir()
    cv2.imwrite(str(folder / "scene.png"), tiny_teacher.scene()[..., ::-1])
    recipe = tiny_teacher.write_tiny_recipe(tmp_path / "teacher")
    nets = tmp_path / "nets"
    nets.mkdir()
    for file in recipe.parent.glob("*.onnx"):
        shutil.move(file, nets)
    assert label(folder, "--nets", nets, teacher=recipe) == 0
    (entry,) = entries(out)
    names = json.loads((out / "psg.json").read_text())
    classes = names["thing_classes"] + names["stuff_classes"]
    found = sorted(classes[info["category_id"]] for info in entry["segments_info"])
    assert found == ["ball", "box", "grass", "water"]
    assert entry["source"] == "tiny_composite"
    assert label(folder, "--nets", nets, "--keep-doubtful", teacher=recipe) == 2
    assert "other settings" in capsys.readouterr().err


def test_the_contact_sheet_shows_the_pictures(label, photos, out) -> None:
    assert label(photos, "--sheet", 3) == 0
    assert read_image(out / SHEET_FILE).shape[0] == 288
    shutil.rmtree(out)
    assert label(photos, "--sheet", 0) == 0
    assert not (out / SHEET_FILE).exists()


def test_unreadable_pictures_are_left_out_and_named(label, photos, out, capsys) -> None:
    whole = (photos / "photo2.png").read_bytes()
    (photos / "photo2.png").write_bytes(whole[: len(whole) // 2])
    (photos / "notes.txt").write_text("no picture")
    assert label(photos) == 1
    said = capsys.readouterr().err
    assert "2 left out" in said and "photo2.png" in said and "notes.txt" in said
    assert len(entries(out)) == NUM_PHOTOS - 1


def test_a_full_path_in_the_way_is_refused(label, photos, tmp_path, capsys) -> None:
    (tmp_path / "file").touch()
    assert label(photos, to=tmp_path / "file") == 2
    assert "expected a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--seconds", 1), "has no clock"),
        (("--keep-doubtful", "--thing-score", 0.3), "leave --thing-score out"),
        (("--nets", "."), "--nets is for the recipe of a composite"),
        (("--labels", "nowhere"), "no vocabulary 'nowhere'"),
        (("--labels", "psg"), "shares no name with the teacher's"),
        (("--rename", "nowhere.yaml"), "No such file"),
        (("--stuff-score", 2), "stuff_score must lie in"),
        (("--every", 0), "must be 1 or more"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_is_written(
    label, photos, out, capsys, options, message
) -> None:
    try:
        status = label(photos, *options)
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1
    assert not out.exists()


def test_the_input_is_no_place_for_the_result(label, photos, capsys) -> None:
    assert label(photos, to=photos) == 2
    assert "is the input" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        ("nowhere", "no model 'nowhere'"),
        ("nowhere.yaml", "nowhere.yaml"),
        ("recipe", "unknown key"),
    ],
)
def test_a_teacher_that_cannot_be_opened_is_named(
    label, photos, out, tmp_path, capsys, teacher, message
) -> None:
    if teacher == "recipe":
        teacher = str(tmp_path / "recipe.yaml")
        Path(teacher).write_text("names: [x]\n", encoding="utf-8")
    assert label(photos, teacher=teacher) == 2
    assert message in capsys.readouterr().err and not out.exists()


def test_options_of_a_model_are_refused_for_a_composite(label, photos, tmp_path, capsys) -> None:
    recipe = tiny_teacher.write_tiny_recipe(tmp_path / "teacher")
    assert label(photos, "--score-threshold", 0.3, teacher=recipe) == 2
    assert "--score-threshold is for a model folder" in capsys.readouterr().err


def test_a_camera_needs_an_end(label, capsys, monkeypatch) -> None:
    from psg_ros.cli import label as command
    from psg_ros.media import Media

    camera = Media("camera", "/dev/video0", None, 30.0, lambda on_unreadable=None: iter(()))
    monkeypatch.setattr(command, "open_media", lambda *arguments: camera)
    assert label(Path("/dev/video0")) == 2
    assert "give --frames N" in capsys.readouterr().err


@pytest.mark.slow
def test_the_set_trains(label, photos: Path, out: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    assert label(photos) == 0
    network = {
        "name": "tiny",
        "segmenter": {
            "input_hw": [32, 48], "dim": 16, "depth": 3, "num_heads": 2, "stem": "convolution",
            "num_registers": 1, "num_queries": 5, "num_query_blocks": 2, "taps": [0, 2],
        },
        "relations": {"dim": 16, "depth": 2, "num_heads": 2, "head_hidden": 16, "cell_patches": 1},
    }  # fmt: skip
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(network))
    config = {
        "model": str(tmp_path / "model.yaml"),
        "labels": str(out / "labels.yaml"),
        "data": str(out),
        "out": str(tmp_path / "run"),
        "segmentation": {
            "phases": [{"input_hw": [32, 48], "samples": 8}], "batch_size": 2,
            "warmup_samples": 4, "min_segment_px": 4, "ignore_void": True,
        },
    }  # fmt: skip
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(config))
    assert main(["train", str(tmp_path / "train.yaml"), "--stage", "segmentation"]) == 0
    model = tmp_path / "small"
    assert main(["export", str(tmp_path / "run"), str(model), "--segmenter-only"]) == 0
    assert load_vocabulary(model / "labels.yaml") == load_vocabulary(out / "labels.yaml")
    graph = str(tmp_path / "graph.json")
    photo = str(photos / "photo0.png")
    assert main(["predict", photo, "--model", str(model), "--json", graph]) == 0


def test_relations_of_longer_lists_do_not_mix_with_those_of_short_ones(
    label, photos, capsys
) -> None:
    assert label(photos, "--frames", 1, "--relations", "--max-relations", 1) == 0
    assert label(photos, "--relations", "--max-relations", 2) == 2
    assert "was labelled with other settings (teacher)" in capsys.readouterr().err
