# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the doctor finds on this machine and on broken ones."""

from __future__ import annotations

import importlib.util
import platform
import shutil
from pathlib import Path

import pytest

from psg_ros.doctor import Finding, can_predict, examine, machine
from psg_ros.doctor.finding import try_in_python
from psg_ros.doctor.machine import has_bf16
from psg_ros.doctor.models import examine_model
from psg_ros.doctor.software import Trial, automatic_backend
from psg_ros.doctor.trial import IDENTITY_ONNX


@pytest.mark.slow
def test_this_machine_can_predict_and_every_failure_has_a_cure() -> None:
    findings = list(examine())
    assert can_predict(findings), findings
    cured = [finding for finding in findings if not finding.is_ok and finding.name != "GPU"]
    assert all(finding.cure for finding in cured), cured
    names = {finding.name for finding in findings}
    assert {"Python", "psg_ros", "OpenCV", "pictures", "openvino", "onnxruntime", "videos"} <= names
    assert {"ROS 2", "GPU", "backend auto"} <= names
    torch = next(finding for finding in findings if finding.name == "torch")
    assert torch.is_ok == (importlib.util.find_spec("torch") is not None)


def test_one_backend_is_enough_but_required_things_are_not_negotiable() -> None:
    opencv, one = Finding("required", "OpenCV", "ok", ""), Finding("backend", "a", "ok", "")
    other = Finding("backend", "b", "missing", "")
    assert can_predict([opencv, one, other])
    assert not can_predict([opencv, other])
    assert not can_predict([Finding("required", "OpenCV", "broken", ""), one])


def test_the_automatic_backend_is_named_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = ["onnxruntime"]
    find = lambda name: name if name in installed else None  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", find)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    second = automatic_backend()
    assert second.is_ok
    assert second.detail == "onnxruntime: openvino, the first choice on x86_64, is not installed"
    installed.clear()
    none = automatic_backend()
    assert none.state == "missing"
    assert "pip install openvino " in none.cure and "pip install onnxruntime " in none.cure


def test_a_crash_or_an_exception_is_a_finding() -> None:
    assert try_in_python("print('a'); print('b')") == (True, "b")
    assert try_in_python("raise ValueError('two\\nlines')") == (False, "ValueError: two")
    assert try_in_python("import os; os.kill(os.getpid(), 11)") == (False, "killed by signal 11")


def test_a_package_is_missing_broken_or_well_and_has_the_cure_for_that() -> None:
    def trial(module: str, code: str, mend: str = "") -> Finding:
        return Trial("optional", "thing", ("sys", module), code, "get it", mend).run()

    absent = trial("no_such_module", "print('well')")
    assert absent == Finding(
        "optional", "thing", "missing", "no_such_module is not installed", "get it"
    )
    assert trial("json", "1 / 0", "mend it").cure == "mend it"
    assert trial("json", "1 / 0") == Finding(
        "optional", "thing", "broken", "ZeroDivisionError: division by zero", "get it"
    )
    assert trial("json", "print('well')") == Finding("optional", "thing", "ok", "well")


def test_the_trial_network_is_a_valid_identity() -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(IDENTITY_ONNX)
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == ["Identity"]


def test_a_model_folder_is_described_or_its_damage_named(tiny_model: Path, tmp_path: Path) -> None:
    well = examine_model(tiny_model)
    assert well.is_ok and "96x64 px, 6 classes, 4 predicates" in well.detail
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    with (copy / "segmenter.onnx").open("ab") as file:
        file.write(b"x")
    ill = examine_model(copy)
    assert ill.state == "broken" and "segmenter.onnx is damaged" in ill.detail


def test_bf16_is_read_from_the_flags() -> None:
    assert has_bf16("flags : fpu avx512_bf16 sse")
    assert not has_bf16("flags : fpu sse\nmodel name : not bf16x")


@pytest.mark.parametrize(
    ("size_mib", "state", "words"),
    [(64, "ok", "4 MiB free"), (24, "broken", "24 MiB a sender"), (0, "broken", "go by UDP")],
)
def test_little_shared_memory_is_a_finding_with_its_cure(
    monkeypatch: pytest.MonkeyPatch, size_mib: int, state: str, words: str
) -> None:
    monkeypatch.setattr(machine.shared_memory, "segment_mib", lambda: size_mib)
    monkeypatch.setattr(machine.shared_memory, "describe", lambda: "4 MiB free")
    finding = machine._shared_memory()
    assert finding.state == state and words in finding.detail
    assert ("--shm-size=512m" in finding.cure) == (state == "broken")
