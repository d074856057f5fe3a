# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""This package beside what else there is: same picture, same segments, one run.

`settings` says which peers there are, `transformers_peers` and `our_peers` build them, `child` runs
one in a process of its own, `run` takes turns among them and refuses what does not compare.
"""
