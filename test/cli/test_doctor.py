# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg doctor prints its findings as lines or as JSON."""

from __future__ import annotations

import json

import pytest

from psg_ros.__main__ import main
from psg_ros.cli import doctor
from psg_ros.doctor import Finding

WELL = Finding("backend", "openvino", "ok", "2026.4")
ILL = Finding("required", "OpenCV", "missing", "", "pip install opencv-python-headless")


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch):
    return lambda *findings: monkeypatch.setattr(doctor, "examine", lambda: iter(findings))


def test_a_cure_stands_below_what_needs_it(found, capsys) -> None:
    found(WELL, ILL)
    assert main(["doctor"]) == 1
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "ok openvino 2026.4",
        "missing OpenCV",
        "-> pip install opencv-python-headless",
    ]


def test_json_holds_every_finding(found, capsys) -> None:
    found(WELL)
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {"group": "backend", "name": "openvino", "state": "ok", "detail": "2026.4", "cure": ""}
    ]
