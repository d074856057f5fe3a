# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The example programs of the documentation, run as a reader would run them."""

import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.ros

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.mark.parametrize("track", [True, False])
def test_relations_are_printed_by_name(session, tiny_model, track):
    command = [sys.executable, "-u", str(EXAMPLES / "print_relations.py")]
    example = session.start("example", command)
    session.node(tiny_model, track=track).wait_for_log("listening to")
    session.script("camera", "camera_process.py", "--rate", 5)
    example.wait(lambda process: "red #1 left of blue #2  " in process.text)
    assert "blue #2 right of red #1  " in example.text


def test_relations_are_printed_in_the_namespace_of_the_node(session, tiny_model):
    namespace = ["--ros-args", "-r", "__ns:=/robot"]
    command = [sys.executable, "-u", str(EXAMPLES / "print_relations.py"), *namespace]
    example = session.start("example", command)
    session.node(tiny_model, extra=namespace[1:]).wait_for_log("listening to")
    session.script("camera", "camera_process.py", "--rate", 5)
    example.wait(lambda process: "red #1 left of blue #2  " in process.text)


@pytest.mark.parametrize("words", [("red", "left of", "blue"), ("", "LEFT_OF", "")])
def test_a_relation_is_waited_for(session, tiny_model, words):
    command = [sys.executable, "-u", str(EXAMPLES / "wait_for_relation.py"), *words]
    example = session.start("example", command)
    session.node(tiny_model).wait_for_log("listening to")
    session.script("camera", "camera_process.py", "--rate", 5)
    example.wait(lambda process: "yes, " in process.text)
