# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What of the package works on this machine, tried for real, and what cures the rest."""

from __future__ import annotations

from collections.abc import Iterator

from psg_ros.doctor.finding import Finding
from psg_ros.doctor.machine import examine_basics, examine_machine

__all__ = ["Finding", "examine", "can_predict"]


def examine() -> Iterator[Finding]:
    """Yield findings one after the other, as they are made; takes a few seconds."""
    yield from examine_machine()
    basics = list(examine_basics())
    yield from basics
    if not all(finding.is_ok for finding in basics):
        return
    # Only now: these import the basics.
    from psg_ros.doctor.models import examine_models
    from psg_ros.doctor.software import examine_software

    yield from examine_software()
    yield from examine_models()


def can_predict(findings: list[Finding]) -> bool:
    """Whether pictures can become graphs here: all required things and one backend work."""
    required = all(finding.is_ok for finding in findings if finding.group == "required")
    return required and any(finding.is_ok for finding in findings if finding.group == "backend")
