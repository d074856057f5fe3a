# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which kernel of torch computes attention in training, where torch's own choice is slow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

SHORT = 512
"""Tokens. Longer sequences gain nothing, and plain products need memory with their square."""


@contextmanager
def fast_attention(device: str, precision: str, num_tokens: int = 0) -> Iterator[None]:
    """Choose the kernel of attention for forward and backward passes.

    On CPUs torch's fused attention in bfloat16 is slower than plain matrix products where sequences
    are short: five to ten times backwards for those of the neck; forwards and backwards together
    twice for 150 tokens, a tenth or less for 370. Not in float32, and not on GPUs.

    Args:
        num_tokens: of a sequence; above `SHORT` torch chooses.
    """
    if torch.device(device).type != "cpu" or precision == "float32" or num_tokens > SHORT:
        yield
        return
    # Despite its name the setting acts on CPUs, too: no detour over float32.
    before = torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed()
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(before)
