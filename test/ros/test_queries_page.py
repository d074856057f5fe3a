# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""docs/queries.md: its Python runs, its services exist with these fields."""

from __future__ import annotations

import doctest
import importlib
import re
import shlex
from pathlib import Path

import pytest
import yaml
from query_cases import scene, vocabulary

from psg_ros.client import Scene

PAGE = Path(__file__).parents[2] / "docs" / "queries.md"
TEXT = PAGE.read_text()


def test_examples_say_what_comes_out():
    filled = Scene()
    filled.take_vocabulary(vocabulary())
    graph = scene()
    graph.vocabulary_version = 1
    filled.take_graph(graph)
    blocks = "\n".join(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
    test = doctest.DocTestParser().get_doctest(blocks, {"scene": filled}, PAGE.name, None, 0)
    assert len(test.examples) >= 14
    report: list[str] = []
    runner = doctest.DocTestRunner()
    assert runner.run(test, out=report.append).failed == 0, "".join(report)


@pytest.mark.parametrize("line", re.findall(r"^ros2 service call .*", TEXT, re.MULTILINE))
def test_services_are_called_as_they_are(line: str):
    pytest.importorskip("psg_ros.srv", reason="needs ROS 2 and our messages")
    from psg_ros.ros import start

    _, _, _, name, kind, *fields = shlex.split(line)
    names = [value for key, value in vars(start).items() if key.endswith("_SERVICE")]
    assert name.replace("/scene_graph_node", "~") in names
    package, _, type_name = kind.split("/")
    service = getattr(importlib.import_module(f"{package}.srv"), type_name)
    request = service.Request(**yaml.safe_load("".join(fields) or "{}"))
    assert request.get_fields_and_field_types() is not None
