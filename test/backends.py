# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which backends tests can use here: a developer has both of the CPU, a robot only one."""

from __future__ import annotations

import importlib.util

import pytest

from psg_ros.backend_table import BACKENDS

ON_CPU = [name for name, row in sorted(BACKENDS.items()) if "cpu" in row.packages]
INSTALLED = [
    name for name in ON_CPU if importlib.util.find_spec(BACKENDS[name].import_name) is not None
]


def needs(*names: str) -> pytest.MarkDecorator:
    """Skip a test where one of these backends is not installed."""
    missing = [name for name in names if name not in INSTALLED]
    return pytest.mark.skipif(bool(missing), reason=f"needs the backend {' and '.join(missing)}")


EACH = [pytest.param(name, marks=needs(name)) for name in ON_CPU]
"""For parametrize: every backend of the CPU, those that are not installed skipped by name."""
