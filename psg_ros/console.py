# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The program `psg` as it is installed: quiet on Ctrl-C before anything else is imported."""

from psg_ros.interrupts import end_on_interrupt


def main() -> int:
    """Run `psg_ros.__main__.main` on the command line of the process."""
    end_on_interrupt()
    from psg_ros.__main__ import main as run

    return run()
