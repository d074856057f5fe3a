# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import importlib
import sys

import pytest
from absent_packages import hide

import psg_ros.data.psg


def test_what_is_hidden_is_absent_and_comes_back_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    present = psg_ros.data.psg
    with monkeypatch.context() as patch:
        hide(patch, "yaml", "psg_ros.data")
        with pytest.raises(ImportError):
            importlib.import_module("yaml")
        assert importlib.import_module("psg_ros.data.coco") is not present
        assert "psg_ros.data.psg" not in sys.modules or psg_ros.data.psg is not present
    assert importlib.import_module("yaml")
    assert sys.modules["psg_ros.data.psg"] is present and psg_ros.data.psg is present
