# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Generated data sets: layout, determinism, resuming, refusals."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("mujoco")

from psg_ros.data.opening import open_dataset
from psg_ros.labels import load_vocabulary
from psg_ros.resources import share_path
from psg_ros.simulation import PREDICATES, STUFF_CLASSES, THING_CLASSES, generate_dataset
from psg_ros.simulation import dataset as dataset_module

NUM_IMAGES = {"train": 6, "val": 2, "test": 3}
SIZE_WH = (160, 120)


def generate(out: Path, *, seed: int = 0, workers: int = 1, depth: bool = True) -> Path:
    """The data set of all tests here."""
    return generate_dataset(
        out,
        num_images=NUM_IMAGES,
        size_wh=SIZE_WH,
        seed=seed,
        workers=workers,
        depth=depth,
        progress=False,
    )


def digests(folder: Path) -> dict[str, str]:
    """Content of every file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A data set made by one process."""
    out = tmp_path_factory.mktemp("simulated") / "one"
    generate(out)
    return out


def test_the_layout_is_psgs(finished):
    content = json.loads((finished / "psg.json").read_text())
    assert content["thing_classes"] == list(THING_CLASSES)
    assert content["stuff_classes"] == list(STUFF_CLASSES)
    assert content["predicate_classes"] == list(PREDICATES)
    assert len(content["data"]) == 11
    ids = [entry["image_id"] for entry in content["data"]]
    assert len(set(ids)) == 11 and all(isinstance(i, str) for i in ids)
    assert content["val_image_ids"] == ids[6:8]
    assert content["test_image_ids"] == ids[8:]
    assert not (finished / "scenes").exists()


def test_segments_boxes_and_areas_agree_with_the_panoptic_picture(finished):
    for entry in json.loads((finished / "psg.json").read_text())["data"]:
        bgr = cv2.imread(str(finished / entry["pan_seg_file_name"])).astype(int)
        ids = bgr[..., 2] + 256 * bgr[..., 1] + 65536 * bgr[..., 0]
        assert ids.shape == (entry["height"], entry["width"]) == (120, 160)
        assert set(np.unique(ids)) - {0} == {s["id"] for s in entry["segments_info"]}
        assert len(entry["annotations"]) == len(entry["segments_info"])
        for segment, annotation in zip(entry["segments_info"], entry["annotations"], strict=True):
            rows, columns = np.nonzero(ids == segment["id"])
            assert segment["area"] == len(rows) >= 150 / 4, "the picture is a quarter of 320 x 240"
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert annotation["bbox"] == box and annotation["bbox_mode"] == 0
            assert annotation["category_id"] == segment["category_id"] < 43
            assert segment["isthing"] == (segment["category_id"] < len(THING_CLASSES))
        stuff = [s["category_id"] for s in entry["segments_info"] if not s["isthing"]]
        assert len(stuff) == len(set(stuff)), "a stuff class is one segment"
        for subject, target, predicate in entry["relations"]:
            assert subject != target
            assert 0 <= min(subject, target) <= max(subject, target) < len(entry["segments_info"])
            assert 0 <= predicate < len(PREDICATES)


def test_pictures_are_bright_enough_and_depth_is_in_millimetres(finished):
    for entry in json.loads((finished / "psg.json").read_text())["data"]:
        image = cv2.imread(str(finished / entry["file_name"]))
        assert image.shape == (120, 160, 3)
        assert image.mean() > 60
        depth = cv2.imread(str(finished / f"depth/{entry['image_id']}.png"), cv2.IMREAD_UNCHANGED)
        assert depth.dtype == np.uint16
        assert 300 < np.median(depth) < 6000


def test_our_own_reader_opens_it(finished):
    vocabulary = load_vocabulary(share_path() / "config/labels/simulation.yaml")
    assert [
        len(open_dataset(finished, vocabulary, split)) for split in ("train", "val", "test")
    ] == [
        6,
        2,
        3,
    ]


def test_the_same_seed_gives_the_same_files_with_two_workers(finished, tmp_path):
    generate(tmp_path / "two", workers=2)
    assert digests(tmp_path / "two") == digests(finished)


def test_another_seed_gives_other_pictures(finished, tmp_path):
    generate(tmp_path / "other", seed=1)
    ours, theirs = digests(finished), digests(tmp_path / "other")
    pictures = [name for name in ours if name.endswith(".jpg")]
    assert pictures and all(ours[name] != theirs[name] for name in pictures)


def test_an_interrupted_run_goes_on_without_rendering_finished_scenes_again(
    finished, tmp_path, monkeypatch
):
    rendered = []
    render_views = dataset_module.render_views

    def fail_at_third(renderer, seed, views):
        rendered.append(tuple(seed))
        if len(rendered) == 3:
            raise MemoryError("pulled the plug")
        return render_views(renderer, seed, views)

    monkeypatch.setattr(dataset_module, "render_views", fail_at_third)
    out = tmp_path / "interrupted"
    with pytest.raises(RuntimeError, match=r"val_000000 \(seed \[0, 1, 0\]\).*pulled the plug"):
        generate(out)
    assert not (out / "psg.json").exists()
    generate(out)
    assert rendered[3:] == [(0, 1, 0), (0, 2, 0)]
    assert digests(out) == digests(finished)


def test_a_finished_run_is_not_repeated(finished, monkeypatch):
    monkeypatch.setattr(dataset_module, "_render_all", lambda jobs, workers: pytest.fail("again"))
    assert generate(finished) == finished / "psg.json"


def test_a_folder_of_other_settings_or_other_files_is_refused(finished, tmp_path):
    with pytest.raises(FileExistsError, match="was made with seed .*, not seed 5; give the same"):
        generate(finished, seed=5)
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(FileExistsError, match="not empty"):
        generate(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize(
    ("num_images", "workers", "message"),
    [({"dev": 1}, 1, "unknown split dev"), ({"train": -1}, 1, "0 or more"), ({}, 0, "worker")],
)
def test_senseless_settings_are_refused(tmp_path, num_images, workers, message):
    with pytest.raises(ValueError, match=message):
        generate_dataset(tmp_path / "x", num_images=num_images, workers=workers)
    assert not (tmp_path / "x").exists()
