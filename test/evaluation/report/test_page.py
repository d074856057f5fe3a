# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The HTML page and the Markdown tables, of one small evaluation."""

from __future__ import annotations

import dataclasses
import json
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.evaluation.metrics.evaluation_report import (
    ConfusionRow,
    ScoreBin,
    ScoreReliability,
    json_text,
)
from psg_ros.evaluation.metrics.evaluator import Evaluator, Task
from psg_ros.evaluation.report.cost import Cost
from psg_ros.evaluation.report.examples import Examples
from psg_ros.evaluation.report.markdown import most_confused, to_markdown
from psg_ros.evaluation.report.page import Page, write_page
from psg_ros.evaluation.report.page_parts import confusion_matrix, score_histogram
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.robot.graph_nodes import describe_nodes
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import RelationScores, SceneGraph, Segmentation

VOCABULARY = Vocabulary(
    (ObjectLabel("cup|<b>", True, (255, 0, 0)), ObjectLabel("wall", False, (0, 0, 255))),
    (Predicate("on"), Predicate("a<b")),
)
VOID_TAGS = {"meta", "img", "br"}


class Checker(HTMLParser):
    """Collects text and pictures; tags must close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.sources += [attributes[name] for name in ("src", "href") if name in attributes]
        if tag not in VOID_TAGS:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def make_page(folder: Path, task: Task = "SGDet", num_images: int = 1) -> Page:
    evaluator, examples = Evaluator(VOCABULARY, task), Examples(2)
    label_map = np.repeat(np.array([[0, 1]], np.int32), 40, axis=1).repeat(40, axis=0)
    masks = Segmentation(label_map, np.array([0, 1]), np.ones(2, np.float32))
    nodes = describe_nodes(masks, measure_regions(label_map, 2), VOCABULARY)
    scores = RelationScores(np.array([[0, 1]], np.int32), np.array([[-5, 5, 4]], np.float32))
    graph = SceneGraph(masks, nodes, (), scores)
    for number in range(num_images):
        path = folder / f"{number}.png"
        cv2.imwrite(str(path), np.full((*label_map.shape, 3), 90, np.uint8))
        triplets = np.array([[0, 1, 0], [0, 1, 1]])
        truth = AnnotatedImage(f"im<{number}>", path, masks, triplets, np.zeros(2, bool))
        examples.add(truth, graph, evaluator.add(truth.image_id, truth, graph))
    origin = {"model": "<tiny>", "backend": "x", "data": "d", "split": "test", "images": "all 1"}
    cost = Cost(forward_s=2.0, metrics_s=0.1, memory=[(1, 100.0), (2, 101.0)])
    return Page(evaluator.report(), origin, None, cost, {"processor": "p"}, examples)


def read(path: Path) -> Checker:
    checker = Checker()
    checker.feed(path.read_text(encoding="utf-8"))
    assert checker.open == []
    return checker


@pytest.mark.parametrize("task", ["SGDet", "PredCls"])
def test_the_page_stands_alone_and_says_what_was_found(tmp_path, task):
    write_page(tmp_path / "report.html", make_page(tmp_path, task), VOCABULARY)
    checker = read(tmp_path / "report.html")
    text = " ".join(checker.text)
    assert "<tiny> on x" in text and "im<0>: quality 1.00" in text
    assert "50.00" in text  # R@50: one of two predicates of the pair
    assert ("Classes" in checker.text) == (task == "SGDet")
    assert len(checker.sources) == 2  # worst and best
    assert all(source.startswith("data:image/jpeg;base64,") for source in checker.sources)
    assert "<script" not in (tmp_path / "report.html").read_text()


def test_a_page_of_nothing_is_a_page(tmp_path):
    write_page(tmp_path / "report.html", make_page(tmp_path, num_images=0), VOCABULARY)
    assert "No relation is annotated." in " ".join(read(tmp_path / "report.html").text)


def test_a_quick_look_and_another_protocol_are_called_what_they_are(tmp_path):
    page = make_page(tmp_path)
    origin = {**page.origin, "images": "the first 1 of 9"}
    page = Page(page.report, origin, {"R@20": 12.5}, page.cost, page.machine, page.examples)
    write_page(tmp_path / "report.html", page, VOCABULARY)
    text = " ".join(read(tmp_path / "report.html").text)
    assert "Only the first 1 of 9 images: a quick look" in text
    assert "MultiMPO, not comparable" in text and "12.50" in text


def test_without_photos_the_page_has_drawings_and_says_why(tmp_path):
    page = make_page(tmp_path)
    (tmp_path / "0.png").unlink()
    write_page(tmp_path / "report.html", page, VOCABULARY)
    checker = read(tmp_path / "report.html")
    assert len(checker.sources) == 2
    told = "(drawn without the photo: image im<0>: " + str(tmp_path / "0.png")
    assert " ".join(checker.text).count(told) == 2


def test_images_that_were_left_out_are_counted_on_top_and_in_the_table(tmp_path):
    page = make_page(tmp_path)
    left_out = {"images": "1 of 6", "broken_images": "2", "unlabelled_images": "3"}
    page = dataclasses.replace(page, origin={**page.origin, **left_out})
    write_page(tmp_path / "report.html", page, VOCABULARY)
    told = "Images left out: 2 broken, 3 without labels. Not a result to compare."
    checker = read(tmp_path / "report.html")
    assert told in checker.text and "unlabelled_images" in checker.text
    assert f"\n\n{told}\n\n" in to_markdown(page.report, page.origin)


def test_the_report_reads_as_tables(tmp_path):
    page = make_page(tmp_path)
    text = to_markdown(page.report, page.origin, {"R@20": 12.5})
    assert "# SGDet" in text and "| mR@20 | 50.00 |" in text
    assert "## MultiMPO, not comparable\n\n| score | % |\n| --- | ---: |\n| R@20 | 12.50 |" in text
    assert "| a<b | on | 1 |" in text
    assert text.endswith("- images: all 1\n")
    tables = [line for line in text.replace(r"\|", "").splitlines() if line.startswith("|")]
    # Scores; confusion; predicate, images and 9 recalls; 8 columns of classes.
    assert {line.count("|") for line in tables} == {3, 4, 12, 9}


def test_a_new_score_shows_in_every_output(tmp_path):
    page = make_page(tmp_path)
    scores = {**page.report.scores, "hR@20": 11.25, "PQ_dagger": 22.5}
    page = dataclasses.replace(page, report=dataclasses.replace(page.report, scores=scores))
    write_page(tmp_path / "report.html", page, VOCABULARY)
    shown = read(tmp_path / "report.html").text
    listed = to_markdown(page.report)
    for name, value in (("hR@20", "11.25"), ("PQ_dagger", "22.50")):
        assert f"| {name} | {value} |" in listed
        assert page.report.to_dict()["scores"][name] == float(value)
        assert name.split("@")[0] in shown and value in shown


def test_figures_of_another_protocol_come_only_when_asked_for(tmp_path):
    assert "MultiMPO" not in to_markdown(make_page(tmp_path).report)


def test_the_report_reads_as_json(tmp_path):
    content = make_page(tmp_path).report.to_dict()
    assert json.loads(json_text(content)) == content
    assert content["task"] == "SGDet" and content["scores"]["mR@20"] == 50.0
    assert [row["name"] for row in content["per_predicate"]] == ["on", "a<b"]
    assert content["score"]["bins"][0]["mean_score"] is None
    assert content["probability"] is None


def test_only_mistakes_are_confused_the_most_frequent_first():
    rows = [ConfusionRow("on", "on", 9), ConfusionRow("on", "in", 1), ConfusionRow("in", "on", 4)]
    assert [row.count for row in most_confused(rows)] == [4, 1]
    assert most_confused(rows, limit=1) == [rows[2]]


def test_a_matrix_shows_what_occurs_and_large_ones_only_colours():
    rows = [ConfusionRow("on", "in", 3), ConfusionRow("on", "on", 1)]
    matrix = confusion_matrix(rows, ["over", "on", "in"])
    assert "over" not in matrix
    assert 'rgba(47,111,176,0.750);color:#fff">3</td>' in matrix
    names = [f"p{number}" for number in range(30)]
    many = confusion_matrix([ConfusionRow(n, n, 7) for n in names], names)
    assert ">7</td>" not in many and "p3 said to be p3: 7 of 7" in many


def test_each_group_of_the_histogram_sums_to_one():
    bins = (ScoreBin(0.0, 0.5, 30, 1, 0, 0.2), ScoreBin(0.5, 1.0, 10, 3, 2, 0.8))
    drawn = score_histogram(ScoreReliability(0.1, bins))
    assert "0.5 to 1.0: 3 of 4 annotated pairs" in drawn
    assert "0.0 to 0.5: 30 of 40 not annotated pairs" in drawn
