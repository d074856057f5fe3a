# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training on several processes that `torchrun` starts: torch's DistributedDataParallel.

Every rank draws the same batches, learns from its own part of each, and the gradients are averaged.
So that it is the run of one process, losses must be divided by what the *whole* batch holds, over
the number of ranks: see `Ranks.sum`. A layer with batch statistics (`stem: convolution`) sees the
whole batch on CUDA (SyncBatchNorm); on the CPU, which has none, only its rank's part: then the
statistics of the ranks differ, see `Ranks.equalize`.
"""

from __future__ import annotations

import gc
import os
import traceback
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch

# Before a process group is made: the functions of this module keep the one that they find as a
# default argument, for ever. DistributedDataParallel would import it when there is one.
import torch.distributed.nn  # noqa: F401
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together; without arguments the only one.

    Attributes:
        rank: 0 .. world_size - 1; only rank 0 writes files and shows progress.
        device: torch device of this rank.
    """

    device: str = "cpu"
    rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def part(self, size: int) -> slice:
        """Return which of `size` samples of a batch are this rank's.

        Raises:
            ValueError: the ranks cannot share them evenly.
        """
        if size % self.world_size:
            what = f"a batch of {size} cannot be shared evenly by {self.world_size} processes"
            raise ValueError(f"{what}; choose a multiple of {self.world_size}")
        share = size // self.world_size
        return slice(self.rank * share, (self.rank + 1) * share)

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return the module, on several ranks with averaged gradients.

        Its `forward` must use all of its parameters and must be what the losses come from.
        """
        if self.world_size == 1:
            return module
        if torch.device(self.device).type == "cuda":
            module = nn.SyncBatchNorm.convert_sync_batchnorm(module)
            return DistributedDataParallel(module, device_ids=[torch.device(self.device).index])
        return DistributedDataParallel(module)

    def equalize(self, module: nn.Module) -> None:
        """Give every rank's module what rank 0's holds, on the rank's device; all must call it."""
        if self.world_size == 1:
            return
        for value in module.to(self.device).state_dict().values():
            distributed.broadcast(value, src=0)

    def sum(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return each number's sum over the ranks; all must call it, with the same names."""
        if self.world_size == 1:
            return dict(values)
        total = torch.tensor(list(values.values()), dtype=torch.float64, device=self.device)
        distributed.all_reduce(total)
        return dict(zip(values, total.tolist(), strict=True))

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return each number's mean over the ranks; all must call it, with the same names."""
        return {name: total / self.world_size for name, total in self.sum(values).items()}

    def barrier(self) -> None:
        """Wait until all ranks are here."""
        if self.world_size > 1:
            distributed.barrier()


def is_main_process() -> bool:
    """Return whether this is the process that speaks for all that `torchrun` has started."""
    return os.environ.get("RANK", "0") == "0"


def without_averaging(module: nn.Module) -> AbstractContextManager[None]:
    """Return a context in which a wrapped module's gradients only add up, rank by rank."""
    if isinstance(module, DistributedDataParallel):
        return module.no_sync()
    return nullcontext()


@contextmanager
def join_ranks(device: str) -> Iterator[Ranks]:
    """Take part in what `torchrun` has started; alone where it has not.

    The ranks leave together: across machines `torchrun` waits minutes for the last one, no longer.
    A rank that fails leaves at once, which ends the others' waiting. What `Ranks.wrap` has returned
    belongs into a function of its own, called within: it must not be held when the ranks leave.

    Args:
        device: cpu, cuda or cuda:N; of several ranks on "cuda" each takes the one of its number.

    Raises:
        ValueError: several ranks on one numbered device.
    """
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size == 1:
        yield Ranks(device)
        return
    place = torch.device(device)
    if place.index is not None:
        what = f"{world_size} processes cannot share {device}"
        raise ValueError(f"{what}; give --device {place.type} and torchrun spreads them")
    if place.type == "cuda":
        place = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(place)
    distributed.init_process_group("nccl" if place.type == "cuda" else "gloo")
    ranks = Ranks(str(place), distributed.get_rank(), distributed.get_world_size())
    try:
        yield ranks
        ranks.barrier()
    except BaseException as error:
        _forget_locals(error)
        raise
    finally:
        _leave()


def _leave() -> None:
    """Leave the process group, and let its threads end while there is still an interpreter.

    They end with the group's last owner, which may be a wrapped module in a cycle of references.
    Threads that outlive the interpreter abort the process.
    """
    gc.collect()
    distributed.destroy_process_group()


def _forget_locals(error: BaseException | None) -> None:
    """Let go of the wrapped modules that the frames of an error hold."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
