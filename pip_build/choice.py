# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether pip builds the ROS messages: the one choice of this build, named by a variable."""

import os

VARIABLE = "PSG_ROS_MESSAGES"
SKIP_HINT = f"To install the part without ROS messages, set {VARIABLE}=skip."


def messages_wanted() -> bool:
    """Return whether to build the messages: yes unless the variable says `skip`.

    Raises:
        SystemExit: the variable holds something else than `build` or `skip`.
    """
    value = os.environ.get(VARIABLE, "build")
    if value not in ("build", "skip"):
        raise SystemExit(f"psg_ros: {VARIABLE} must be 'build' or 'skip', not {value!r}")
    return value == "build"
