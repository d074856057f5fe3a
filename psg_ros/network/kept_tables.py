# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tables that only sizes decide, as codes of positions: made once, and kept where they are needed.

Made anew on the processor, they would be copied to the GPU for every image. A CUDA graph cannot be
captured from that, and it is slower anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor

TABLES: dict[tuple[Hashable, ...], Any] = {}
"""Function, arguments and device -> what it gave. Never emptied: graphs read from these addresses,
and there are as many as a network has sizes."""

Sizes = ParamSpec("Sizes")
Made = TypeVar("Made", Tensor, tuple[Tensor, ...])


def kept(make: Callable[Sizes, Made]) -> Callable[Concatenate[torch.device, Sizes], Made]:
    """Make a function that returns tensors on the processor one that is told the device first.

    Its results are shared: nobody may write into them. Where a graph is being exported they are
    made anew, as the tensors of a trace have no numbers.
    """

    @wraps(make)
    def found(device: torch.device, /, *args: Sizes.args, **kwargs: Sizes.kwargs) -> Made:
        if torch.compiler.is_compiling():
            return _moved(make(*args, **kwargs), device)
        key = (make, device, *args, *sorted(kwargs.items()))
        if key not in TABLES:
            # Training may need them later, and it refuses tensors of inference.
            with torch.inference_mode(False), torch.no_grad():
                TABLES[key] = _moved(make(*args, **kwargs), device)
        return TABLES[key]

    return found


def _moved(made: Made, device: torch.device) -> Made:
    if isinstance(made, Tensor):
        return made.to(device)
    return tuple(table.to(device) for table in made)
