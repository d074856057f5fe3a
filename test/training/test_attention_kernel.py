# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the plain kernel is chosen."""

from __future__ import annotations

import pytest
import torch

from psg_ros.training.attention_kernel import SHORT, fast_attention


def is_plain() -> bool:
    """Return whether torch may compute attention by plain products alone."""
    return not torch.backends.cuda.flash_sdp_enabled() and torch.backends.cuda.math_sdp_enabled()


@pytest.mark.parametrize(
    ("arguments", "plain"),
    [
        (("cpu", "bfloat16"), True),
        (("cpu", "bfloat16", SHORT), True),
        (("cpu", "bfloat16", SHORT + 1), False),
        (("cpu", "float32"), False),
        (("cuda", "bfloat16"), False),
    ],
    ids=str,
)
def test_plain_products_are_for_short_sequences_in_bfloat16_on_cpus(arguments, plain):
    with fast_attention(*arguments):
        assert is_plain() == plain
    assert not is_plain(), "put back"


def test_an_error_puts_torchs_choice_back():
    with pytest.raises(FloatingPointError), fast_attention("cpu", "bfloat16"):
        raise FloatingPointError
    assert not is_plain()
    assert not torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed()
