# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which pairs of tracks and segments are the best, taken together.

In most images a track may be one segment only, which may be no other track: then nothing has to be
solved. What is left falls apart into small problems. SciPy solves large ones faster, but to import
it takes a third of the node's start and 45 MiB.
"""

from __future__ import annotations

import math

import numpy as np


def best_pairs(affinity: np.ndarray, minimum: float) -> list[tuple[int, int]]:
    """Return the (row, column) pairs of highest total affinity, each row and column at most once.

    Args:
        affinity: float64 [row, column], 0 or more; what is not finite is no pair.
        minimum: pairs below are never taken; above 0.
    """
    allowed = np.where(np.isfinite(affinity) & (affinity >= minimum), affinity, 0.0)
    pairs: list[tuple[int, int]] = []
    for rows, columns in _groups(allowed > 0):
        if len(rows) == len(columns) == 1:
            pairs.append((rows[0], columns[0]))
            continue
        block = allowed[np.ix_(rows, columns)]
        solved = _solve(block) if len(rows) <= len(columns) else _turned(_solve(block.T))
        pairs += [(rows[i], columns[j]) for i, j in solved if block[i, j] > 0]
    return sorted(pairs)


def _groups(allowed: np.ndarray) -> list[tuple[list[int], list[int]]]:
    """Return the rows and the columns of each group that hangs together by allowed pairs."""
    ends = [np.flatnonzero(row).tolist() for row in allowed]
    others = [np.flatnonzero(column).tolist() for column in allowed.T]
    seen: set[int] = set()
    groups = []
    for start in range(len(ends)):
        if start in seen or not ends[start]:
            continue
        rows, columns, waiting = {start}, set[int](), [start]
        while waiting:
            for column in ends[waiting.pop()]:
                if column not in columns:
                    columns.add(column)
                    waiting += [row for row in others[column] if row not in rows]
                    rows.update(others[column])
        seen |= rows
        groups.append((sorted(rows), sorted(columns)))
    return groups


def _turned(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(column, row) for row, column in pairs]


def _solve(gain: np.ndarray) -> list[tuple[int, int]]:
    """Return a column for every row so that the sum of gains is highest.

    The Hungarian method with shortest augmenting paths and potentials; Kuhn 1955, Jonker and
    Volgenant 1987. Index 0 of rows and columns stands for "none".

    Args:
        gain: float64 [row, column], no more rows than columns.
    """
    num_rows, num_columns = gain.shape
    cost = [[0.0, *(-value for value in row)] for row in gain.tolist()]
    row_price, column_price = [0.0] * (num_rows + 1), [0.0] * (num_columns + 1)
    row_of = [0] * (num_columns + 1)
    for row in range(1, num_rows + 1):
        row_of[0], column = row, 0
        distance, came_from = [math.inf] * (num_columns + 1), [0] * (num_columns + 1)
        reached = [False] * (num_columns + 1)
        while row_of[column]:  # until a column is free
            reached[column] = True
            owner, shortest, following = row_of[column], math.inf, 0
            for other in range(1, num_columns + 1):
                if reached[other]:
                    continue
                length = cost[owner - 1][other] - row_price[owner] - column_price[other]
                if length < distance[other]:
                    distance[other], came_from[other] = length, column
                if distance[other] < shortest:
                    shortest, following = distance[other], other
            for other in range(num_columns + 1):
                if reached[other]:
                    row_price[row_of[other]] += shortest
                    column_price[other] -= shortest
                else:
                    distance[other] -= shortest
            column = following
        while column:  # hand the columns of the path on
            row_of[column] = row_of[came_from[column]]
            column = came_from[column]
    return [(row_of[c] - 1, c - 1) for c in range(1, num_columns + 1) if row_of[c]]
