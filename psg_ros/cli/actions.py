# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Commands of commands, such as `psg dataset check`: each with a help that teaches, too."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

Act = Callable[[argparse.Namespace], int]


def add_actions(parser: argparse.ArgumentParser) -> Any:
    """Return what `add_action` adds to; the parser then demands one of them."""
    return parser.add_subparsers(prog=parser.prog, dest="action", metavar="ACTION", required=True)


def add_action(
    actions: Any, name: str, act: Act, *, help: str, usage: str, description: str, examples: str
) -> argparse.ArgumentParser:
    """Add an action and return its parser.

    Args:
        act: what runs it, as `args.act`; returns the exit status.
        help: one line for the list of actions.
        usage: what follows its name.
        description: what it does, wrapped.
        examples: commands that use it, after the line "examples:".
    """
    parser: argparse.ArgumentParser = actions.add_parser(
        name,
        help=help,
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.usage = f"{parser.prog} {usage}"
    # Given after the action as well; what was given before it must stay.
    parser.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )
    parser.set_defaults(act=act)
    return parser
