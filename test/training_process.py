# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A training run in a process of its own: to be killed, or to be one of several ranks.

The processes are forked from one that has imported torch and nothing else has happened to. As a
program, for `torchrun`: training_process.py SHARE CONFIG; it trains, keeps each rank's features and
checks that no thread of the process group is left, see leaving_ranks.py.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from psg_ros import labels
from psg_ros.training import network, train
from psg_ros.training.checkpoint import save_weights
from psg_ros.training.relations import relations
from psg_ros.training.relations.relation_run import RelationRun
from psg_ros.training.segmenter import segmentation

Preparation = Callable[[], None]


def train_apart(
    config: Path,
    share: Path,
    stage: str,
    *,
    resume: bool = False,
    prepare: Preparation | None = None,
) -> int:
    """Train in a process of its own; return its exit status, negative where a signal ended it.

    Args:
        share: the share folder that it takes for the package's own.
        prepare: called in the process before it trains; what can be pickled.
    """
    (status,) = _train((config, share, stage, resume, prepare), [{}])
    return status


def train_as_ranks(
    config: Path,
    share: Path,
    stage: str,
    num_ranks: int = 2,
    *,
    prepare: Preparation | None = None,
) -> list[int]:
    """Train in processes with the environment that `torchrun` gives; return the exit statuses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    together = {
        "WORLD_SIZE": num_ranks,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
    }
    ranks = [together | {"RANK": rank, "LOCAL_RANK": rank} for rank in range(num_ranks)]
    return _train((config, share, stage, False, prepare), ranks)


def keep_statistics() -> None:
    """Let batch norms use what they have learned instead of the batch, which ranks do not share."""
    nn.BatchNorm2d.forward = normed_as_after_training


def normed_as_after_training(self: nn.BatchNorm2d, features: Tensor) -> Tensor:
    """Stand for `nn.BatchNorm2d.forward`."""
    learned = self.running_mean, self.running_var, self.weight, self.bias
    return nn.functional.batch_norm(features, *learned, eps=self.eps)


def kill_before_step(step: int) -> None:
    """Let stage 2 end without a chance to clean up, before the step of this number."""
    take_step, done = RelationRun.step, 0

    def counted(self: RelationRun, *arguments: Any) -> None:
        nonlocal done
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)
        done += 1
        take_step(self, *arguments)

    RelationRun.step = counted


def kill_while_saving(samples: int) -> None:
    """Let stage 1 end in the middle of writing the checkpoint after so many samples."""
    save = torch.save

    def save_half(state: dict[str, Any], path: Path) -> None:
        if state["samples_seen"] == samples:
            Path(path).write_bytes(b"half of a fi")
            os.kill(os.getpid(), signal.SIGKILL)
        save(state, path)

    torch.save = save_half


def keep_features() -> None:
    """Let every rank write what stage 2 learns from to `RANK.safetensors` beside the run folder."""
    opened = relations.open_relation_data

    def kept(model: Any, *arguments: Any, **options: Any) -> Any:
        data = opened(model, *arguments, **options)
        _, features = next(data.source.batches([[(0, 0), (0, 1)]]))
        tensors = {"features": features, **model.segmenter.state_dict()}
        save_weights(tensors, Path(f"{os.environ['RANK']}.safetensors").absolute())
        return data

    relations.open_relation_data = kept


def _train(job: tuple, environments: list[dict[str, object]]) -> list[int]:
    context = multiprocessing.get_context("forkserver")
    # The first optimizer would import torch's compiler in every process.
    context.set_forkserver_preload([train.__name__, "torch._dynamo"])
    processes = [context.Process(target=_train_here, args=(*job, e)) for e in environments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def _train_here(
    config: Path,
    share: Path,
    stage: str,
    resume: bool,
    prepare: Preparation | None,
    environment: dict[str, object],
) -> None:
    os.environ |= {name: str(value) for name, value in environment.items()}
    torch.set_num_threads(1)
    labels.share_path = network.share_path = lambda: share
    segmentation.REPORT_EVERY = 1
    if prepare is not None:
        prepare()
    train.run(config, stage=stage, resume=resume)


if __name__ == "__main__":
    share, config = map(Path, sys.argv[1:])
    _train_here(config, share, "all", False, keep_features, {})
    threads = sorted((task / "comm").read_text() for task in Path("/proc/self/task").iterdir())
    assert not any("gloo" in name for name in threads), threads
