# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Check this machine: try which parts of psg_ros work, and say how to fix the others."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys

from psg_ros.doctor import Finding, can_predict, examine

USAGE = "[--json]"
EXAMPLES = """\
examples:
  psg doctor
  psg doctor --json

exit status 0 if this machine can turn pictures into graphs, else 1.
"""

COLORS = {"ok": "\x1b[32m", "missing": "\x1b[33m", "broken": "\x1b[31m"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg doctor`."""
    parser.add_argument("--json", action="store_true", help="print the findings as a JSON list")


def run(args: argparse.Namespace) -> int:
    """Examine and print, line by line as the findings come."""
    findings = []
    for finding in examine():
        findings.append(finding)
        if not args.json:
            print("\n".join(_lines(finding)), flush=True)
    if args.json:
        print(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    return 0 if can_predict(findings) else 1


def _lines(finding: Finding) -> list[str]:
    state = f"{finding.state:<8}"
    if sys.stdout.isatty():
        state = f"{COLORS[finding.state]}{state}\x1b[0m"
    lines = [f"{state} {finding.name:<17} {finding.detail}"]
    if finding.cure and not finding.is_ok:
        lines.append(f"{'':<26} -> {finding.cure}")
    return lines
