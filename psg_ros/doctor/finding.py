# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Finding: one line of the doctor's table, and how something risky is tried."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata

TRIAL_S = 60.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        group: `required`, `backend`, `optional` or `model`; the first decides alone, of the second
            one must work.
        name: what was looked at.
        state: `ok`, `missing` or `broken`.
        detail: version, place, size, or what went wrong.
        cure: the command or step that helps; empty when there is nothing to cure.
    """

    group: str
    name: str
    state: str
    detail: str
    cure: str = ""

    @property
    def is_ok(self) -> bool:
        return self.state == "ok"


def try_in_python(code: str) -> tuple[bool, str]:
    """Run code in a Python of its own, so that even a crash is only a finding.

    Returns:
        Whether it ended well, and the last line it printed (its exception otherwise).
    """
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=TRIAL_S
        )
    except subprocess.TimeoutExpired:
        return False, f"no answer within {TRIAL_S:.0f} s"
    if done.returncode < 0:
        return False, f"killed by signal {-done.returncode}"
    return done.returncode == 0, _last_line(done.stdout) if not done.returncode else _error(
        done.stderr
    )


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def _error(text: str) -> str:
    """Return the line of a traceback that names the exception: the first that is not indented."""
    block = text.rpartition("Traceback (most recent call last):")[2]
    lines = [line for line in block.splitlines() if line.strip()]
    return next((line for line in lines if not line.startswith(" ")), _last_line(text))


def version_of(distribution: str) -> str:
    """Return the installed version of a package, empty when pip does not know it."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
