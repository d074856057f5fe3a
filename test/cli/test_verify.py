# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`psg verify` sees what a backend computes differently, and says how much of what."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from backends import needs
from tiny_model import paint

from psg_ros.__main__ import main
from psg_ros.benchmark.agreement import LIMITS, Agreement
from psg_ros.cli import verify

pytestmark = needs("onnxruntime")
MEASURES = {"class", "mask signs", "tokens", "relations"}


@needs("openvino")
def test_another_backend_in_fp32_agrees(tiny_model, tmp_path, capsys):
    report = tmp_path / "report.json"
    options = ["--backend", "openvino", "--precision", "fp32", "--limit", "2"]
    assert main(["verify", str(tiny_model), *options, "--report", str(report)]) == 0
    assert "within the limits" in capsys.readouterr().out
    written = json.loads(report.read_text())
    assert written["within_limits"] and written["pictures"] == 2
    assert written["backend"].startswith("openvino ") and written["precision"] == "fp32"
    assert written["measures"].keys() == MEASURES
    assert all(m["share"] <= m["limit"] for m in written["measures"].values())


class Wrong:
    """A backend one of whose outputs is not what it should be."""

    def __init__(self, inner, output, change):
        self._inner, self._output, self._change = inner, output, change
        self.name, self.device, self.precision = inner.name, inner.device, inner.precision

    def run(self, inputs, keep=()):
        outputs = {name: np.array(a) for name, a in self._inner.run(inputs).items()}
        if self._output in outputs:
            outputs[self._output] = self._change(outputs[self._output])
        return outputs

    def close(self):
        self._inner.close()


@pytest.mark.parametrize(
    ("output", "change", "measure"),
    [
        ("class_logits", lambda a: -a, "class"),
        ("mask_logits", lambda a: a - 3, "mask signs"),
        ("patch_tokens", lambda a: a * 1.1, "tokens"),
        ("backward_logits", lambda a: -a, "relations"),
    ],
)
def test_what_differs_is_named(tiny_model, monkeypatch, capsys, output, change, measure):
    opened, really_open = [], verify.open_backend

    def open_backend(*args, **options):
        opened.append(really_open(*args, **options))
        return opened[-1] if len(opened) % 2 else Wrong(opened[-1], output, change)

    monkeypatch.setattr(verify, "open_backend", open_backend)
    assert main(["verify", str(tiny_model), "--backend", "onnxruntime", "--limit", "1"]) == 1
    said, hint = capsys.readouterr().out.splitlines()[-2:]
    assert said.startswith(f"BEYOND the limits: {measure}: ") and ";" not in said
    assert hint == verify.UNLIKE, "nobody's pictures were looked at"


def test_pictures_of_ones_own_are_taken(tiny_model, tmp_path, capsys):
    image = paint((64, 96), {"red": (8, 8, 40, 40), "blue": (50, 10, 90, 50)})
    cv2.imwrite(str(tmp_path / "picture.png"), image[..., ::-1])
    command = ["verify", str(tiny_model), str(tmp_path / "picture.png")]
    assert main([*command, "--backend", "onnxruntime"]) == 0
    assert "1 picture\n" in capsys.readouterr().out


def test_a_source_that_is_not_there_and_a_report_that_cannot_be_written(tiny_model, capsys):
    command = ["verify", str(tiny_model), "--backend", "onnxruntime"]
    assert main([*command[:2], "/nowhere", *command[2:]]) == 2
    assert main([*command, "--report", "/nowhere/report.json"]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_what_was_never_compared_is_beyond_every_limit():
    agreement = Agreement()
    empty = np.zeros((0, 5), np.float32)
    agreement.add("forward_logits", empty, empty)
    assert agreement.beyond("fp32") and not Agreement().beyond("fp32")


def test_half_precision_may_flip_half_a_percent_of_the_signs_and_int8_more():
    assert LIMITS["fp16"]["mask signs"] == LIMITS["bf16"]["mask signs"] == 0.005
    assert LIMITS["int8"]["mask signs"] == 0.015
