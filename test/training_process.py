# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A training run in a process of its own: to be killed, or to be one of several ranks.

Arguments: config, share folder, stage, and after how many steps of stage 2 it kills itself (0:
never). With "resume" behind them it goes on.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch

from psg_ros import labels
from psg_ros.training import network, train
from psg_ros.training.relations.relation_run import RelationRun


def kill_after(steps: int) -> None:
    """End this process without a chance to clean up, before the next step after these."""
    step, done = RelationRun.step, 0

    def counted(self, *arguments):
        nonlocal done
        if done == steps:
            os.kill(os.getpid(), signal.SIGKILL)
        done += 1
        step(self, *arguments)

    RelationRun.step = counted


def main(config: str, share: str, stage: str, steps: str, *resume: str) -> None:
    torch.set_num_threads(1)
    labels.share_path = network.share_path = lambda: Path(share)
    if int(steps):
        kill_after(int(steps))
    train.run(Path(config), stage=stage, resume=bool(resume))


if __name__ == "__main__":
    main(*sys.argv[1:])
