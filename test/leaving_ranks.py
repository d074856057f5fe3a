# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""leaving_ranks.py ends|fails: two ranks that learn, leave, and say which threads they have left.

They are forked from a process that has imported nothing but the module under test: with torch's
compiler imported before there are ranks, as after any other training, the fault would not show.
"""

import multiprocessing
import os
import socket
import sys
from pathlib import Path

import torch
from torch import nn

from psg_ros.training.distributed import Ranks, join_ranks


def learn(ranks: Ranks, ending: str) -> None:
    """Make one step with a module that a cycle of references holds, or the frame of an error."""
    module = ranks.wrap(nn.Linear(4, 4))
    module.itself = [module]
    module(torch.ones(2, 4)).sum().backward()
    if ending == "fails":
        raise FloatingPointError("a loss is not finite")


def leave(rank: int, ending: str) -> None:
    """Be one of the ranks; the threads are counted while an error is still at hand."""
    os.environ["RANK"] = str(rank)
    try:
        with join_ranks("cpu") as ranks:
            learn(ranks, ending)
    except FloatingPointError as error:
        say(str(error))
    else:
        say("done")


def say(ending: str) -> None:
    tasks = Path("/proc/self/task").iterdir()
    threads = {(task / "comm").read_text().strip() for task in tasks}
    sys.stdout.write(f"{ending}, {sorted(threads)}\n")


if __name__ == "__main__":
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ |= {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    fork = multiprocessing.get_context("fork")
    ranks = [fork.Process(target=leave, args=(rank, sys.argv[1])) for rank in range(2)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join()
    print([rank.exitcode for rank in ranks])
