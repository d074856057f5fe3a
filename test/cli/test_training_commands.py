# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg simulate, train and export: what they refuse before any work starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from absent_packages import hide

from psg_ros.__main__ import main


def test_simulating_nothing_is_refused(tmp_path: Path, capsys) -> None:
    assert main(["simulate", str(tmp_path / "new")]) == 2
    assert "give --train, --val or --test" in capsys.readouterr().err


def test_a_small_simulated_set_is_written(tmp_path: Path, capsys) -> None:
    pytest.importorskip("mujoco")
    arguments = ["--test", "2", "--size", "64x48", "--workers", "1"]
    status = main(["simulate", str(tmp_path / "set"), *arguments])
    output = capsys.readouterr()
    if "cannot render off screen" in output.err:
        pytest.skip("no GL library here")
    assert status == 0
    assert (tmp_path / "set" / "psg.json").is_file()
    assert output.out == f"wrote {tmp_path / 'set' / 'psg.json'}\n"


@pytest.mark.parametrize("command", [["train", "a.yaml"], ["export", "run", "out"]])
def test_without_torch_the_extra_is_named(command: list[str], capsys, monkeypatch) -> None:
    hide(monkeypatch, "torch", "psg_ros.training", "psg_ros.network")
    assert main(command) == 1
    error = capsys.readouterr().err
    assert "pip install '.[train]' in the source folder" in error and error.count("\n") == 1


def test_a_missing_config_is_named(capsys) -> None:
    pytest.importorskip("torch")
    assert main(["train", "nowhere.yaml"]) == 2
    assert "nowhere.yaml" in capsys.readouterr().err
