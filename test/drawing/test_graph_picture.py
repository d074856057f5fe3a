# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The page of a scene graph, as SVG and as an image."""

from xml.etree import ElementTree

import numpy as np
import pytest

from psg_ros.drawing.graph_layout import layout_graph
from psg_ros.drawing.graph_picture import graph_picture, graph_svg
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.scene_graph import SceneGraph, SceneNode, SceneRelation, Segmentation

VOCABULARY = Vocabulary(
    (
        ObjectLabel("person", True, (220, 20, 60)),
        ObjectLabel("cat & <dog>", True, (0, 0, 142)),
        ObjectLabel("sky-other-merged", False, (70, 130, 180)),
    ),
    (Predicate("over"), Predicate("<beside>")),
)
SVG = "{http://www.w3.org/2000/svg}"


def graph_of(labels, relations):
    count = len(labels)
    spots = np.random.default_rng(count).uniform(20, 300, (count, 2))
    segmentation = Segmentation(
        np.full((320, 320), -1, np.int32), np.array(labels, np.int64), np.ones(count, np.float32)
    )
    nodes = tuple(
        SceneNode(
            i, label, VOCABULARY.labels[label].name, label < 2, 1.0,
            (0, 0, 9, 9), (float(x), float(y)), 81, False,
        )
        for i, (label, (x, y)) in enumerate(zip(labels, spots, strict=True))
    )  # fmt: skip
    relations = tuple(
        SceneRelation(s, o, p, VOCABULARY.predicates[p].name, score) for s, o, p, score in relations
    )
    return SceneGraph(segmentation, nodes, relations)


SCENE = graph_of([0, 1, 2, 0, 2], [(0, 1, 0, 0.9), (1, 0, 1, 0.8), (3, 2, 1, 0.71), (3, 2, 0, 0.6)])


def texts(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_the_svg_names_every_node_and_relation_and_escapes_them():
    svg = graph_svg(SCENE, VOCABULARY, title='a "b" & <c>')
    assert texts(svg)[0] == 'a "b" & <c>'
    assert {"person 1", "person 2", "cat & <dog>", "sky 1", "sky 2"} <= set(texts(svg))
    assert {"over 0.90", "<beside> 0.80", "<beside> 0.71, over 0.60"} <= set(texts(svg))
    assert len(list(ElementTree.fromstring(svg).iter(f"{SVG}polygon"))) == 3


def test_the_svg_says_what_it_draws_at_most():
    assert sum("0." in text for text in texts(graph_svg(SCENE, VOCABULARY, max_relations=2))) == 2


@pytest.mark.parametrize(
    ("graph", "message"),
    [(graph_of([], []), "no segments"), (graph_of([0, 2], []), "no relations")],
)
def test_an_empty_page_says_why(graph, message):
    assert message in texts(graph_svg(graph, VOCABULARY))
    picture = graph_picture(graph, VOCABULARY, (320, 240))
    assert (picture[100:140] < 100).all(axis=-1).any()


@pytest.mark.parametrize("size_wh", [(160, 120), (320, 900), (960, 720), (1920, 1080)])
def test_the_picture_has_the_size_asked_for_and_shows_the_class_colours(size_wh):
    picture = graph_picture(SCENE, VOCABULARY, size_wh)
    assert picture.dtype == np.uint8 and picture.shape == (size_wh[1], size_wh[0], 3)
    for label in VOCABULARY.labels:
        assert (picture == label.color_rgb).all(axis=-1).any()


def test_a_page_too_small_for_text_is_refused():
    with pytest.raises(ValueError, match=r"at least \(160, 120\), not \(16, 16\)"):
        graph_picture(SCENE, VOCABULARY, (16, 16))


def overlapping(boxes):
    boxes = np.array(boxes)
    a, b = boxes[:, None], boxes[None]
    extent = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    return int(((extent > 0).all(axis=-1).sum() - len(boxes)) / 2)


@pytest.mark.parametrize("seed", range(6))
def test_nodes_lie_on_the_page_and_keep_apart(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 13))
    relations = [(*rng.integers(0, count, 2).tolist(), 0, 0.5) for _ in range(14)]
    graph = graph_of(rng.integers(0, 3, count).tolist(), relations)
    page = layout_graph(graph, VOCABULARY, (960, 720))
    boxes = np.array([node.box for node in (*page.nodes, *page.loose)])
    assert len(boxes) == count
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] <= (960, 720)).all()
    assert overlapping(boxes) == 0


@pytest.mark.parametrize("size_wh", [(160, 120), (960, 120), (960, 720), (300, 900)])
def test_arrows_stay_on_the_page(size_wh):
    rng = np.random.default_rng(size_wh[0])
    for count in (2, 3, 6):
        ends = [(s, o) for s in range(count) for o in range(count) if s != o]
        relations = [(s, o, 0, 0.5) for s, o in rng.permutation(ends)[:20].tolist()]
        labels = rng.integers(0, 3, count).tolist()
        page = layout_graph(graph_of(labels, relations), VOCABULARY, size_wh)
        for relation in page.relations:
            assert (relation.path >= 0).all() and (relation.path < size_wh).all()


def test_track_ids_take_the_place_of_numbers():
    svg = graph_svg(SCENE, VOCABULARY, track_ids=(7, 12, 3, 40, 41))
    assert {"#7 person", "#40 person", "#12 cat & <dog>", "#3 sky", "#41 sky"} <= set(texts(svg))
    plain = graph_picture(SCENE, VOCABULARY)
    assert (graph_picture(SCENE, VOCABULARY, track_ids=(7, 12, 3, 40, 41)) != plain).any()
    with pytest.raises(ValueError, match="1 track ids for 5 nodes"):
        graph_picture(SCENE, VOCABULARY, track_ids=(7,))


def test_a_crowded_page_is_still_drawn():
    rng = np.random.default_rng(9)
    relations = [(*rng.integers(0, 60, 2).tolist(), 1, 0.5) for _ in range(80)]
    graph = graph_of(rng.integers(0, 3, 60).tolist(), relations)
    assert graph_picture(graph, VOCABULARY, max_relations=80).shape == (720, 960, 3)
    ElementTree.fromstring(graph_svg(graph, VOCABULARY, max_relations=80))


def test_a_title_keeps_its_room():
    page = layout_graph(SCENE, VOCABULARY, (960, 720), top_px=48)
    assert min(node.box[1] for node in page.nodes) >= 48


def test_the_page_is_the_same_every_time():
    assert graph_svg(SCENE, VOCABULARY) == graph_svg(SCENE, VOCABULARY)
