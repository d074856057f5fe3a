# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a machine lacks: a package that cannot be imported."""

from __future__ import annotations

import sys

import pytest


def hide(monkeypatch: pytest.MonkeyPatch, package: str, *ours: str) -> None:
    """Make a package absent until the test ends.

    Args:
        ours: our packages that may have imported it already; they are imported again when somebody
            asks for them. Afterwards the present ones are back, as attributes of their parents too.
    """
    hidden = [n for n in sys.modules if any(n == o or n.startswith(f"{o}.") for o in ours)]
    for name in hidden:
        parent, _, child = name.rpartition(".")
        if parent not in hidden:
            monkeypatch.delattr(sys.modules[parent], child, raising=False)
    for name in hidden:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
