# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tables are made once for each device and size, and anew for a graph that is exported."""

from __future__ import annotations

import pytest
import torch

from psg_ros.network import kept_tables
from psg_ros.network.kept_tables import kept

CPU = torch.device("cpu")


@pytest.fixture
def made(monkeypatch) -> list:
    """Sizes for which a table was made."""
    monkeypatch.setattr(kept_tables, "TABLES", {})
    return []


@pytest.fixture
def table(made):
    def count_up(size: int, start: int = 0) -> torch.Tensor:
        made.append((size, start))
        return torch.arange(start, start + size).float()

    return kept(count_up)


def test_a_table_is_made_once_for_each_size(table, made):
    first, again, other = table(CPU, 3), table(CPU, 3), table(CPU, 3, start=2)
    assert first is again and made == [(3, 0), (3, 2)]
    assert (first.tolist(), other.tolist()) == ([0, 1, 2], [2, 3, 4])


def test_it_goes_to_the_device_that_asks(table, made):
    assert table(torch.device("meta"), 3).device.type == "meta"
    assert table(CPU, 3).tolist() == [0, 1, 2] and len(made) == 2


def test_several_tables_are_kept_together(made):
    pair = kept(lambda size: (torch.zeros(size), torch.ones(size)))
    assert pair(CPU, 2) is pair(CPU, 2) and pair(CPU, 2)[1].tolist() == [1, 1]


def test_one_that_inference_made_serves_training_too(table):
    with torch.inference_mode():
        table(CPU, 3)
    weight = torch.ones(3, requires_grad=True)
    (weight * table(CPU, 3)).sum().backward()
    assert weight.grad.tolist() == [0, 1, 2]


def test_an_exported_graph_gets_its_own(table, made):
    class Adds(torch.nn.Module):
        def forward(self, x):
            return x + table(x.device, 3)

    table(CPU, 3)
    exported = torch.export.export(Adds(), (torch.zeros(3),), strict=False)
    assert made == [(3, 0), (3, 0)] and len(kept_tables.TABLES) == 1
    assert exported.module()(torch.ones(3)).tolist() == [1, 2, 3]
    assert table(CPU, 3).tolist() == [0, 1, 2], "what the trace made was not kept"
