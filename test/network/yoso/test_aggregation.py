# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Projecting before or after enlarging says the same, at far less cost."""

from __future__ import annotations

import time

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from psg_ros.network.segmenters.yoso.aggregation import Aggregation

WIDTHS, DIM = (1024, 512, 256, 128), 128
EXACT = {torch.float32: 1e-5, torch.float64: 1e-13}


def maps(size: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    return [
        torch.randn(1, width, size >> (3 - level), size >> (3 - level), dtype=dtype)
        for level, width in enumerate(WIDTHS)
    ]


def pair(dtype: torch.dtype = torch.float32) -> tuple[Aggregation, Aggregation]:
    """Both kinds, of the same weights."""
    torch.manual_seed(0)
    both = tuple(Aggregation(WIDTHS, DIM, kind).to(dtype) for kind in ("cfa", "ifa"))
    torch.nn.init.normal_(both[0].bias)
    both[1].load_state_dict(both[0].state_dict())
    return both


@pytest.mark.parametrize("dtype", EXACT)
def test_both_kinds_say_the_same_of_the_same_weights(dtype):
    first, last = pair(dtype)
    pyramid = maps(32, dtype)
    with torch.no_grad():
        found, expected = first(pyramid), last(pyramid)
    assert found.shape == (1, DIM, 32, 32)
    assert (found - expected).abs().max() <= EXACT[dtype] * expected.abs().max()


def test_after_enlarging_it_is_one_convolution_of_all_maps_coarsest_first():
    _, last = pair()
    pyramid = maps(8)
    enlarged = [
        torch.nn.functional.interpolate(one, size=(8, 8), mode="bilinear") for one in pyramid
    ]
    kernel = torch.cat([layer.weight for layer in last.projections], dim=1)
    assert kernel.shape == (DIM, sum(WIDTHS), 1, 1)
    expected = torch.nn.functional.conv2d(torch.cat(enlarged, dim=1), kernel) + last.bias
    torch.testing.assert_close(last(pyramid), expected)


def test_multiply_adds_are_those_of_the_paper():
    """At 256 x 256 cells, in 10^9; for each element enlarging counts 4, adding 1."""
    found = []
    with torch.device("meta"):
        pyramid = maps(256)
    for kind in ("cfa", "ifa"):
        with torch.device("meta"):
            module = Aggregation(WIDTHS, DIM, kind)
        counter = FlopCounterMode(display=False)
        with counter:
            module(pyramid)
        others = (4 + 1) * 3 * DIM if kind == "cfa" else 4 * sum(WIDTHS[:3])
        found.append((counter.get_total_flops() / 2 + others * 256**2) / 1e9)
    assert found == pytest.approx([2.139, 16.576], abs=0.006)


@pytest.mark.slow
@torch.no_grad()
def test_projecting_first_takes_less_time():
    """Time of one thread's own work, which other processes on the machine do not count into."""
    pyramid, times, num_threads = maps(128), [], torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for module in pair():
            runs = []
            for _ in range(3):
                start = time.thread_time()
                module(pyramid)
                runs.append(time.thread_time() - start)
            times.append(min(runs))
    finally:
        torch.set_num_threads(num_threads)
    assert times[0] < times[1] / 2, times
