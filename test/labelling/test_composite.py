# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The composite teacher: from its networks to segments of one picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from backends import EACH
from tiny_teacher import BLUE, CLASSES, GREEN, RED, paint, scene, write_semantic, write_tiny_recipe

from psg_ros.config import PipelineConfig
from psg_ros.labelling.composite import CompositeTeacher
from psg_ros.scene_graph import SceneGraph


def masks(graph: SceneGraph) -> dict[str, np.ndarray]:
    """Return the mask of every segment by the name of its class."""
    label_map = graph.segmentation.label_map
    return {node.class_name: label_map == node.segment for node in graph.nodes}


def test_things_lie_over_stuff_and_every_segment_has_a_score(open_composite) -> None:
    graph = open_composite()(scene())
    found = masks(graph)
    assert set(found) == {"ball", "box", "grass", "water"}
    assert found["ball"].sum() == 16 * 16 and found["ball"][32:48, 32:48].all()
    assert found["grass"][:80].mean() == pytest.approx(1 - 2 * 256 / (80 * 128), abs=0.01)
    assert found["water"][82:].all()
    scores = {node.class_name: node.score for node in graph.nodes}
    assert scores["ball"] > 0.9 and scores["grass"] > 0.9
    assert scores["box"] == pytest.approx(0.9 * scores["ball"], abs=0.02), "cut out, less trusted"


def test_what_no_network_outlines_is_cut_out(open_composite) -> None:
    box = masks(open_composite()(scene()))["box"]
    assert box[48:64, 80:96].mean() > 0.9 and box.sum() < 20 * 20


def test_scores_of_all_classes_say_the_same_as_the_best_class(open_composite, tmp_path) -> None:
    folder = tmp_path / "teacher0"
    folder.mkdir()
    net = write_semantic(folder / "scores.onnx", with_scores=True)
    semantic = [{"net": net, "classes": CLASSES, "mirrored": True}]
    graphs = [open_composite(semantic=semantic)(scene()), open_composite()(scene())]
    np.testing.assert_array_equal(*(graph.segmentation.label_map for graph in graphs))


def test_a_class_that_a_rule_forbids_is_void_only_for_a_careful_teacher(open_composite) -> None:
    rule = {"scene": [{"classes": ["pond"], "any_of": ["box"]}]}
    picture = paint({GREEN: [(0, 0, 128, 70)], (0, 255, 255): [(0, 70, 128, 128)]})
    assert "water" not in masks(open_composite(**rule)(picture))
    assert "water" in masks(open_composite(**rule, careful=False)(picture))
    assert "water" in masks(open_composite(**rule)(scene())), "the box is seen"


def test_a_picture_that_shows_nothing_known_has_no_segments(open_composite) -> None:
    graph = open_composite()(np.zeros((50, 70, 3), np.uint8))
    assert graph.nodes == () and (graph.segmentation.label_map == -1).all()


def test_the_same_picture_gets_the_same_labels(open_composite) -> None:
    teacher = open_composite()
    picture = np.random.default_rng(0).integers(0, 255, (96, 128, 3)).astype(np.uint8)
    picture[32:48, 48:64] = BLUE
    first, second = teacher(picture).segmentation, teacher(picture).segmentation
    np.testing.assert_array_equal(first.label_map, second.label_map)
    np.testing.assert_array_equal(first.scores, second.scores)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (17, 31)])
def test_odd_sizes_of_pictures_work(open_composite, size) -> None:
    picture = np.full((*size, 3), RED, np.uint8)
    assert open_composite()(picture).segmentation.image_hw == size


@pytest.mark.parametrize("backend", EACH)
def test_every_backend_runs_it(tmp_path: Path, backend: str) -> None:
    recipe = write_tiny_recipe(tmp_path)
    teacher = CompositeTeacher.open(recipe, PipelineConfig(backend=backend, precision="fp32"))
    assert set(masks(teacher(scene()))) == {"ball", "box", "grass", "water"}
    teacher.close()
    teacher.close()


def test_equal_recipes_are_equal_teachers(open_composite) -> None:
    first, second = open_composite(), open_composite()
    assert first.identity == second.identity
    assert first.identity != open_composite(careful=False).identity
    assert first.identity != open_composite(merge={"min_thing_px": 5}).identity


def open_recipe(path: Path, nets: Path | None = None) -> None:
    CompositeTeacher.open(path, PipelineConfig(), nets=nets)


def test_a_missing_network_is_named(tmp_path: Path) -> None:
    recipe = write_tiny_recipe(tmp_path)
    (tmp_path / "semantic.onnx").unlink()
    with pytest.raises(FileNotFoundError, match=r"semantic.onnx is missing.*--nets"):
        open_recipe(recipe)


def test_networks_may_lie_elsewhere(tmp_path: Path) -> None:
    recipe = write_tiny_recipe(tmp_path / "a")
    nets = tmp_path / "nets"
    nets.mkdir()
    for file in (tmp_path / "a").glob("*.onnx"):
        file.rename(nets / file.name)
    open_recipe(recipe, nets)


def test_another_network_of_the_same_name_is_refused(tmp_path: Path) -> None:
    recipe = write_tiny_recipe(tmp_path)
    (tmp_path / "detector.onnx").write_bytes(b"other")
    with pytest.raises(ValueError, match="damaged or another network"):
        open_recipe(recipe)


@pytest.mark.parametrize(
    ("tensors", "key", "value", "message"),
    [
        ("outputs", "shape", [1, 85, 7], "does not fit"),
        ("inputs", "shape", [1, 64, 64, 4], "input must be"),
        ("inputs", "name", "pictures", "does not fit its manifest"),
    ],
)
def test_tensors_that_cannot_be_are_refused(tmp_path: Path, tensors, key, value, message) -> None:
    path = write_tiny_recipe(tmp_path)
    recipe = yaml.safe_load(path.read_text())
    recipe["detector"]["net"][tensors][0][key] = value
    path.write_text(yaml.safe_dump(recipe))
    with pytest.raises(ValueError, match=message):
        open_recipe(path)


def test_a_detector_of_other_classes_is_refused(tmp_path: Path) -> None:
    path = write_tiny_recipe(tmp_path)
    recipe = yaml.safe_load(path.read_text())
    recipe["detector"]["classes"].append("")
    path.write_text(yaml.safe_dump(recipe))
    with pytest.raises(ValueError, match=r"output must be \[1, 84, 8\] .* and 3 classes"):
        open_recipe(path)


def test_scores_of_other_classes_than_the_recipe_lists_are_refused(
    open_composite, tmp_path: Path
) -> None:
    (tmp_path / "teacher0").mkdir()
    net = write_semantic(tmp_path / "teacher0" / "scores.onnx", with_scores=True)
    with pytest.raises(ValueError, match=r"scores \[1, 3, height, width\]"):
        open_composite(semantic=[{"net": net, "classes": CLASSES[:3]}])


def test_a_class_beyond_the_list_is_an_error_that_names_the_network(
    open_composite, tmp_path: Path
) -> None:
    (tmp_path / "teacher0").mkdir()
    net = write_semantic(tmp_path / "teacher0" / "semantic.onnx")
    teacher = open_composite(semantic=[{"net": net, "classes": CLASSES[:3]}])
    with pytest.raises(ValueError, match="semantic.onnx says class 3"):
        teacher(scene())
