# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The file of relations in a results folder: what it says, and every way in which it may be bad."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psg_ros.evaluation.results.relations import logits_without_no_relation, read_relations

GOOD = {
    "pairs": np.array([[0, 1], [1, 0]]),
    "logits": np.zeros((2, 3), np.float32),
    "listed": np.array([[0, 1, 1]]),
    "listed_scores": np.array([[0.5, np.nan]]),
}


def save(path: Path, write: Callable[..., Any] = np.savez, **changes: Any) -> Path:
    write(path, **{**GOOD, **changes})
    return path


def test_scores_become_logits_and_back():
    scores = np.array([[0.0, 0.25, 1.0]])
    logits = logits_without_no_relation(scores)
    assert logits.dtype == np.float32 and np.isneginf(logits[0, 0])
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(1 / (1 + np.exp(-logits[:, 1:])), scores, atol=1e-7)


def test_a_sound_file_is_read(tmp_path):
    stored = read_relations(save(tmp_path / "a.npz"), 2)
    assert stored.scores.pairs.tolist() == [[0, 1], [1, 0]]
    ((*triplet, score, probability),) = stored.listed
    assert (triplet, score) == ([0, 1, 1], 0.5) and np.isnan(probability)


@pytest.mark.parametrize("rank", [[2, 1], [0.25, -1e9], [np.inf, 0]])
def test_a_rank_of_any_numbers_is_read(tmp_path, rank):
    stored = read_relations(save(tmp_path / "a.npz", rank=np.array(rank)), 2)
    assert stored.scores.rank.dtype == np.float64 and stored.scores.rank.tolist() == rank


def test_without_a_rank_there_is_none(tmp_path):
    assert read_relations(save(tmp_path / "a.npz"), 2).scores.rank is None


@pytest.mark.parametrize(
    ("rank", "said"),
    [
        ([1.0], "2 pairs but 1 ranks"),
        ([[1.0], [2.0]], "rank must be float64"),
        ([1.0, np.nan], "rank holds NaN"),
        (["first", "second"], "rank must be numbers, not <U6"),
        ([True, False], "rank must be numbers, not bool"),
        ([1j, 2], "rank must be numbers, not complex128"),
    ],
)
def test_other_ranks_are_refused_by_file(tmp_path, rank, said):
    with pytest.raises(ValueError, match=f"^a.npz: {said}"):
        read_relations(save(tmp_path / "a.npz", rank=np.array(rank)), 2)


@pytest.mark.parametrize("row", [[0.0, 0.0], [1.0, 1.0], [0.3, np.nan]])
def test_scores_and_probabilities_of_listed_relations_reach_from_0_to_1(tmp_path, row):
    stored = read_relations(save(tmp_path / "a.npz", listed_scores=[row]), 2)
    assert stored.listed[0][3] == row[0]


@pytest.mark.parametrize(
    "row", [[0.5, 1.5], [0.5, -0.1], [0.5, np.inf], [1.5, 0.5], [-0.1, 0.5], [np.nan, 0.5]]
)
def test_other_scores_of_listed_relations_are_refused_by_file(tmp_path, row):
    path = save(tmp_path / "a.npz", listed=[[0, 1, 1]] * 2, listed_scores=[[0.5, 0.5], row])
    said = f"^a.npz: listed_scores must be a score in 0 .. 1 and .* not .{row[0]}, {row[1]}"
    with pytest.raises(ValueError, match=said):
        read_relations(path, 2)


@pytest.mark.parametrize("scores", [[["0.5", "x"]], [0.5], [[0.5, 0.5, 0.5]]])
def test_scores_of_another_kind_are_refused_by_file(tmp_path, scores):
    with pytest.raises(ValueError, match="^a.npz: "):
        read_relations(save(tmp_path / "a.npz", listed_scores=np.array(scores)), 2)


def test_a_single_array_is_no_npz(tmp_path):
    np.save(tmp_path / "a.npy", GOOD["pairs"])
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="^a.npz: empty, truncated or not an .npz file"):
        read_relations(tmp_path / "a.npz", 2)


def test_damaged_compression_is_an_error_of_the_file(tmp_path):
    path = save(tmp_path / "a.npz", np.savez_compressed)
    content = bytearray(path.read_bytes())
    name_length, extra_length = content[26], content[28]
    begin = 30 + name_length + extra_length
    content[begin : begin + 8] = b"\xff" * 8
    path.write_bytes(content)
    with pytest.raises(ValueError, match="^a.npz: .*decompressing") as caught:
        read_relations(path, 2)
    assert type(caught.value.__cause__).__name__ == "error"  # zlib's


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
@pytest.mark.filterwarnings("ignore")  # zipfile's, about odd sizes
def test_whatever_byte_is_damaged_the_file_is_named_or_what_it_says_is_read(tmp_path, write):
    path = save(tmp_path / "a.npz", write)
    whole, refused = path.read_bytes(), 0
    for place in range(0, len(whole), 3):
        content = bytearray(whole)
        content[place] ^= 0xFF
        for damaged in (content, whole[:place]):
            path.write_bytes(damaged)
            try:
                read_relations(path, 2)
            except ValueError as error:
                assert str(error).startswith("a.npz")
                refused += 1
    assert refused > len(whole) / 3
