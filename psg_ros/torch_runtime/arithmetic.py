# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a module computes in: fp32, or torch's autocast to bf16 or fp16."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

NARROW = {"bf16": torch.bfloat16, "fp16": torch.float16}
WIDE = "fp32"


@contextmanager
def computing_in(precision: str, device: str) -> Iterator[None]:
    """Compute without gradients and in a precision while this is open.

    Args:
        precision: fp32, bf16 or fp16. The last two are torch's autocast: products in them,
            normalisation, softmax and sums over pixels in fp32.
        device: torch's name of it, as `cpu` or `cuda:0`.
    """
    with ExitStack() as modes:
        modes.enter_context(torch.inference_mode())
        # cuDNN's convolutions would round to TF32 otherwise, which is not fp32.
        modes.enter_context(torch.backends.cudnn.flags(enabled=True, allow_tf32=False))
        if precision in NARROW:
            kind = torch.device(device).type
            # Nothing is kept from call to call: a captured graph must not read what others write.
            modes.enter_context(torch.autocast(kind, NARROW[precision], cache_enabled=False))
        yield


def store_narrow(module: nn.Module, precision: str) -> None:
    """Store the weights of products in the type that they are multiplied in.

    Autocast would convert them in every frame, to the same numbers.
    """
    if precision in NARROW:
        for layer in module.modules():
            if isinstance(layer, nn.Linear | _ConvNd):
                layer.to(NARROW[precision])
