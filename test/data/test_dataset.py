# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images of a data set: what is tolerated, refused, skipped; truth judged against itself."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from real_data import write_psg_sample
from tiny_psg import VOCABULARY, change_json, write_tiny_psg

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.data.dataset import PanopticDataset, read_picture
from psg_ros.data.opening import open_dataset
from psg_ros.evaluation.metrics.evaluator import Evaluator, Task
from psg_ros.labels import Vocabulary, load_vocabulary
from psg_ros.resources import share_path
from psg_ros.scene_graph import RelationScores, SceneGraph, SceneNode

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set whose images 0 to 4 train."""
    return write_tiny_psg(tmp_path / "set")


def train(folder: Path, **options: Any) -> PanopticDataset:
    return open_dataset(folder, VOCABULARY, "train", **options)


def change_entry(number: int, **changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        change_json(folder / "psg.json", lambda c: c["data"][number].update(changes))

    return change


def cut_off(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return change


def as_truncated_jpeg(folder: Path) -> None:
    whole = cv2.imencode(".jpg", cv2.imread(str(folder / "1.png")))[1].tobytes()
    (folder / "1.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    change_entry(1, file_name="1.jpg")(folder)


def with_larger_png(folder: Path) -> None:
    png = cv2.imread(str(folder / "1_panoptic.png"))
    cv2.imwrite(str(folder / "1_panoptic.png"), cv2.resize(png, None, fx=2, fy=2))


def with_a_photo_as_png(folder: Path) -> None:
    shutil.copy(folder / "1.png", folder / "1_panoptic.png")


BROKEN = {
    "no picture": (lambda f: (f / "1.png").unlink(), "1.png does not exist"),
    "no PNG": (lambda f: (f / "1_panoptic.png").unlink(), "1_panoptic.png does not exist"),
    "an empty picture": (lambda f: (f / "1.png").write_bytes(b""), "1.png is not a readable pict"),
    "half a PNG": (cut_off("1_panoptic.png"), "_panoptic.png is not a readable picture: inc"),
    "half a JPEG": (as_truncated_jpeg, "1.jpg is not a readable picture: damaged JPEG"),
    "a PNG of another size": (with_larger_png, "is 144 x 96 px, the annotation says 72 x 48 px"),
    "another size in the JSON": (change_entry(1, height=40), "annotation says 72 x 40 px"),
    "the PNG of another kind": (with_a_photo_as_png, "no pixel of the 3 segments"),
    "a relation to nothing": (change_entry(1, relations=[[0, 3, 0]]), "two of 3 segments"),
    "an area that is not a number": (
        change_entry(1, segments_info=[{"id": 5, "category_id": 0, "area": "big"}], relations=[]),
        "area must be a number of px, not 'big'",
    ),
    "an unknown category": (
        change_entry(1, segments_info=[{"id": 5, "category_id": 3}]), "not one of the file's 3",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_refused_by_the_name_of_its_image(folder, case):
    damage, said = BROKEN[case]
    damage(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=f"^image 1: .*{said}"):
        read_picture(train(folder)[1])


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_skipped_on_demand_and_named(folder, case):
    damage, said = BROKEN[case]
    damage(folder)
    dataset = train(folder, skip_broken=True)
    assert dataset.image_ids == ["0", "2", "3", "4"]
    assert [item.image_id for item in dataset] == dataset.image_ids
    (skipped,) = dataset.skipped
    assert skipped.image_id == "1" and said in skipped.reason


def test_skipping_in_other_processes_says_the_same(folder):
    BROKEN["half a PNG"][0](folder)
    dataset, other = train(folder, skip_broken=True), train(folder, skip_broken=True, workers=2)
    assert dataset.skipped == other.skipped and dataset.image_ids == other.image_ids


def test_nothing_is_skipped_where_nothing_is_broken(folder):
    dataset = train(folder, skip_broken=True)
    assert len(dataset) == 5 and not dataset.skipped


def test_a_set_of_which_nothing_is_left_is_refused(folder):
    for path in folder.glob("*_panoptic.png"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="all 5 images are broken, first: image 0: .*empty"):
        train(folder, skip_broken=True)


def test_images_that_are_listed_without_labels_are_counted(folder):
    change_json(folder / "psg.json", lambda c: c["test_image_ids"].extend(["elsewhere", "lost"]))
    assert open_dataset(folder, VOCABULARY, "test", partial=True).num_missing == 2
    assert train(folder).num_missing == 0


def test_a_fingerprint_is_of_the_annotations_wherever_they_lie(folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "moved")
    change_json(other / "psg.json", lambda content: content["data"].reverse())
    assert train(folder).fingerprint == train(other).fingerprint
    assert train(folder).fingerprint["images"] == 5
    assert len(train(folder).fingerprint["sha256"]) == 64


AREAS = [{"id": i, "category_id": c, "area": 9} for i, c in ((5, 2), (300, 0), (70000, 1))]


@pytest.mark.parametrize(
    "changes",
    [
        {"image_id": "x"},
        {"height": 47},
        {"relations": [[1, 2, 1], [1, 0, 1]]},
        {"segments_info": AREAS},
        {"segments_info": [{**info, "iscrowd": 1} for info in AREAS]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_other_annotations_have_another_fingerprint(folder, changes):
    before = train(folder).fingerprint
    change_entry(0, **changes)(folder)
    after = train(folder).fingerprint
    assert after["images"] == before["images"] and after["sha256"] != before["sha256"]


def test_unlisted_ids_are_void_and_segments_without_pixels_stay(folder):
    """Relations count on the positions in the list, so that no segment may disappear."""
    infos = [{"id": 300, "category_id": 0}, {"id": 77, "category_id": 1}]
    change_entry(0, segments_info=infos, relations=[[1, 0, 0]])(folder)
    item = train(folder)[0]
    assert set(np.unique(item.segmentation.label_map)) == {-1, 0}
    assert item.segmentation.num_segments == 2
    assert item.triplets.tolist() == [[1, 0, 0]]


def test_a_data_set_is_small_enough_to_be_sent_to_other_processes(folder):
    dataset = train(folder)
    assert len(pickle.dumps(dataset)) / len(dataset) < 2000
    assert pickle.loads(pickle.dumps(dataset))[0].image_id == "0"


def perfect_graph(truth: AnnotatedImage, num_predicates: int) -> SceneGraph:
    """Return truth as a prediction: of every related pair exactly what is annotated."""
    pairs = sorted({(s, o) for s, o, _ in truth.triplets.tolist() if s != o})
    logits = np.full((len(pairs), 1 + num_predicates), -8, np.float32)
    for subject, object_, predicate in truth.triplets.tolist():
        if subject != object_:
            logits[pairs.index((subject, object_)), 1 + predicate] = 8
    nodes = tuple(
        SceneNode(i, 0, "", True, 1.0, (0, 0, 1, 1), (0.0, 0.0), 1, False)
        for i in range(truth.segmentation.num_segments)
    )
    scores = RelationScores(np.array(pairs, np.int32).reshape(-1, 2), logits)
    return SceneGraph(truth.segmentation, nodes, (), scores)


def against_itself(
    dataset: PanopticDataset, vocabulary: Vocabulary, task: Task
) -> dict[str, float]:
    evaluator = Evaluator(vocabulary, task)
    for truth in dataset:
        evaluator.add(truth.image_id, truth, perfect_graph(truth, vocabulary.num_predicates))
    return dict(evaluator.report().scores)


@pytest.mark.parametrize("task", ["SGDet", "PredCls"])
def test_truth_judged_against_itself_is_perfect(folder, task):
    scores = against_itself(train(folder), VOCABULARY, task)
    assert {round(value, 6) for value in scores.values()} == {100.0}
    assert ("PQ" in scores) == (task == "SGDet")


@pytest.mark.skipif(not (SHARED / "psg_sample").is_dir(), reason="no sample of PSG here")
def test_real_truth_judged_against_itself_is_perfect(tmp_path):
    path = write_psg_sample(SHARED, tmp_path, test=True)
    # A pair with two predicates can be found only half under the constraint of one a pair.
    change_json(path, lambda content: [_one_predicate_a_pair(e) for e in content["data"]])
    vocabulary = load_vocabulary(share_path() / "config" / "labels" / "psg.yaml")
    folders = {name: SHARED / "psg_sample" / name for name in ("images", "panoptic")}
    dataset = open_dataset(path, vocabulary, "test", **folders)
    assert len(dataset) == 5
    for task in ("SGDet", "PredCls"):
        scores = against_itself(dataset, vocabulary, task)
        assert {round(value, 6) for value in scores.values()} == {100.0}


def _one_predicate_a_pair(entry: dict[str, Any]) -> None:
    entry["relations"] = list({(s, o): [s, o, p] for s, o, p in entry["relations"]}.values())


@pytest.mark.skipif(not (SHARED / "coco_panoptic").is_dir(), reason="no sample of COCO here")
def test_real_segmentation_truth_judged_against_itself_is_perfect():
    vocabulary = load_vocabulary(share_path() / "config" / "labels" / "psg.yaml")
    dataset = open_dataset(SHARED / "coco_panoptic", vocabulary, "val")
    scores = against_itself(dataset, vocabulary, "SGDet")
    assert {scores["PQ"], scores["PQ_things"], scores["PQ_stuff"]} == {100.0}
    assert np.isnan(scores["R@20"]), "there is nothing to recall"
    content = json.loads((SHARED / "coco_panoptic" / "panoptic_examples.json").read_text())
    crowds = [i for a in content["annotations"] for i in a["segments_info"] if i["iscrowd"]]
    assert sum(int(item.is_crowd.sum()) for item in dataset) == len(crowds) > 0
