# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The planner of docs/examples: its plans, and its words about the simulated world."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("psg_ros.srv", reason="needs ROS 2 and our messages")

from psg_ros.client import GraphIndex
from psg_ros.msg import SceneGraph, SceneNode, SceneRelation

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "fetch_planner.py"
CUP, BOOK, TABLE, SHELF, BOX = 1, 2, 3, 4, 5


@pytest.fixture(scope="module")
def planner():
    spec = importlib.util.spec_from_file_location("fetch_planner", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def on(*pairs):
    return frozenset(("on", upper, lower) for upper, lower in pairs)


def test_what_nothing_lies_on_is_taken_at_once(planner):
    assert planner.plan(on((CUP, TABLE)), {CUP}) == [("take", CUP, TABLE)]


def test_what_lies_on_it_goes_first_and_elsewhere(planner):
    steps = planner.plan(on((CUP, TABLE), (BOOK, CUP), (BOX, SHELF)), {CUP})
    assert [verb for verb, *_ in steps] == ["take", "put", "take"]
    assert steps[0] == ("take", BOOK, CUP) and steps[2] == ("take", CUP, TABLE)
    assert steps[1][2] in (TABLE, SHELF)


def test_a_tower_is_taken_down(planner):
    tower = on((CUP, TABLE), (BOOK, CUP), (BOX, BOOK))
    taken = [thing for verb, thing, _ in planner.plan(tower, {CUP}) if verb == "take"]
    assert taken == [BOX, BOOK, CUP]


@pytest.mark.parametrize("state", [on(), on((BOOK, TABLE)), on((CUP, BOOK), (BOOK, CUP))])
def test_what_cannot_be_taken_has_no_plan(planner, state):
    assert planner.plan(state, {CUP}) == []


def relation(state=0, probability=0.9, predicate="on"):
    return SceneRelation(
        subject_id=CUP,
        object_id=TABLE,
        predicate_name=predicate,
        probability=probability,
        score=0.6,
        state=state,
    )


@pytest.mark.parametrize(
    "entry, is_fact",
    [
        (relation(), True),
        (relation(probability=0.4), False),
        (relation(probability=float("nan")), True),  # then the score counts
        (relation(state=SceneRelation.STATE_CONFIRMED, probability=0.2), True),
        (relation(state=SceneRelation.STATE_TENTATIVE), False),
        (relation(state=SceneRelation.STATE_FADING), True),  # was confirmed
        (relation(predicate="beside"), False),
    ],
)
def test_facts_are_relations_that_are_certain(planner, entry, is_fact):
    nodes = [
        SceneNode(id=CUP, class_name="cup", is_thing=True),
        SceneNode(id=TABLE, class_name="table", is_thing=False),
    ]
    scene = GraphIndex(SceneGraph(nodes=nodes, relations=[entry]))
    assert planner.facts(scene) == (on((CUP, TABLE)) if is_fact else on())
    assert planner.wanted_things(scene, "") == planner.wanted_things(scene, "Cup") == {CUP}
    assert planner.said(("take", CUP, TABLE), scene) == "take cup #1 off table #3"
    assert planner.said(("put", CUP, TABLE), scene) == "put cup #1 on table #3"


@pytest.mark.ros
def test_it_takes_arguments_of_ros_beside_its_own(session):
    remap = ["--ros-args", "-r", "__ns:=/elsewhere"]
    command = [sys.executable, str(EXAMPLE), "cup", "--seconds", "0.1", *remap]
    assert session.start("planner", command).popen.wait(60.0) == 0


@pytest.mark.ros
@pytest.mark.slow
def test_it_acts_on_the_simulated_world(session):
    """Camera, node with the model that ships, and planner, each a process."""
    pytest.importorskip("mujoco", reason="needs the extra simulation")
    topic = "/camera/image"
    source = ["--topic", topic, "--result", "/scene_graph", "--rate", "4"]
    node = session.node("demo")
    node.wait_for_log("listening to")
    planner = session.start("planner", [sys.executable, "-u", str(EXAMPLE), "--seconds", "300"])
    size = ["--size", "320", "240", "--seed", "3"]
    session.start("camera", [sys.executable, "-m", "psg_ros.ros.demo.camera", *source, *size])
    planner.wait(lambda process: "next: take" in process.text, 120.0)
    for line in planner.text.splitlines():
        assert re.fullmatch(
            r"next: (nothing to take|(take .+ #\d+ off|put .+ #\d+ on) .+ #\d+(, then \d+ more)?)",
            line,
        )
