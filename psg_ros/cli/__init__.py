# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One module a subcommand of `psg`: argument parsing and printing, nothing else.

Each has a docstring (its help), `USAGE`, `EXAMPLES`, `add_arguments(parser)` and `run(args)`, which
returns the exit status.
"""
