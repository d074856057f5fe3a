# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tables of words: what is written is read, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.word_senses import Senses
from psg_ros.word_table import GainCost, Whitening, WordTable, read_table, write_table


def no_whitening(dim):
    return Whitening(np.zeros(dim, np.float32), np.eye(dim, dtype=np.float32))


TABLE = WordTable("toy", ("cup", "café", "table"), np.eye(3, 4, dtype=np.float32), no_whitening(4))


def test_a_table_comes_back_and_equal_tables_are_equal_files(tmp_path):
    write_table(TABLE, tmp_path / "a.npz")
    write_table(TABLE, tmp_path / "b.npz")
    found = read_table(tmp_path / "a.npz")
    assert (found.encoder, found.phrases, found.dim) == ("toy", TABLE.phrases, 4)
    assert (found.vectors == TABLE.vectors).all()
    assert (found.whitening.matrix == TABLE.whitening.matrix).all()
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_names_are_found_however_data_sets_spell_them():
    assert TABLE.label_rows(["table-merged", "Cup"]).argmax(axis=1).tolist() == [2, 0]
    assert TABLE.predicate_rows([]).shape == (0, 4)
    assert TABLE.missing(["mug", "cup"]) == ["mug"]
    with pytest.raises(ValueError, match=r"no vectors of the words \['mug'\]"):
        TABLE.rows(["cup", "mug"])


@pytest.mark.parametrize(
    "phrases, vectors, complaint",
    [
        (("a", "a"), np.eye(2, dtype=np.float32), "a phrase twice"),
        (("a",), np.eye(2, dtype=np.float32), r"must be float32 \[1, dim\], not float32 \[2, 2\]"),
        (("a",), np.eye(1), "must be float32"),
        (("a",), np.full((1, 3), np.nan, np.float32), "must have the length 1"),
        (("a",), np.zeros((1, 3), np.float32), "must have the length 1"),
    ],
)
def test_what_is_no_table_is_refused(phrases, vectors, complaint):
    with pytest.raises(ValueError, match=complaint):
        WordTable("toy", phrases, vectors, no_whitening(vectors.shape[1]))


def test_words_that_join_are_whitened_first():
    mean = np.array([0, 1, 0, 0], np.float32)
    matrix = np.diag([2, 1, 1, 1]).astype(np.float32)
    table = WordTable("toy", TABLE.phrases, TABLE.vectors, Whitening(mean, matrix))
    joined = table.joined(["mug"], np.array([[1, 1, 0, 2]], np.float32))
    assert joined.phrases == (*TABLE.phrases, "mug")
    np.testing.assert_allclose(joined.rows(["mug"]), [[0.5**0.5, 0, 0, 0.5**0.5]], rtol=1e-6)
    assert (joined.rows(TABLE.phrases) == TABLE.vectors).all()


def test_predicates_are_longer_where_training_has_not_seen_them(tmp_path):
    table = WordTable(
        "toy", TABLE.phrases, TABLE.vectors, TABLE.whitening,
        predicates=Senses(frozenset({"cup"}), {"mug": "cup"}, literal=True),
        labels=Senses(literal=True), gain=2.5,
        gain_costs=(GainCost(1, 0.5, 0), GainCost(2, 0.25, 0.5)),
    )  # fmt: skip
    write_table(table, tmp_path / "words.npz")
    found = read_table(tmp_path / "words.npz")
    assert (found.labels, found.predicates) == (table.labels, table.predicates)
    assert (found.gain, found.gain_costs) == (2.5, table.gain_costs)
    rows = found.predicate_rows(["Cup", "table-merged"])
    assert np.linalg.norm(rows, axis=1).tolist() == [1, 2.5]
    assert found.joined(["mug"], np.eye(1, 4, dtype=np.float32)).gain == 2.5


@pytest.mark.parametrize("gain", [0.9, 1e39, float("inf"), float("nan")])
def test_a_gain_out_of_its_range_is_refused(gain):
    with pytest.raises(ValueError, match="the gain of predicates must be from 1 to 100"):
        WordTable("toy", TABLE.phrases, TABLE.vectors, TABLE.whitening, gain=gain)


def test_a_whitening_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="have 4 numbers, the whitening 3"):
        WordTable("toy", TABLE.phrases, TABLE.vectors, no_whitening(3))
    with pytest.raises(ValueError, match=r"must be float32 \[dim\] and \[dim, dim\]"):
        Whitening(np.zeros(3, np.float32), np.eye(4, dtype=np.float32))


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04" + bytes(40)])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "words.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"words.npz is not a table of words"):
        read_table(tmp_path / "words.npz")


def test_nothing_is_unpickled(tmp_path):
    np.savez(tmp_path / "words.npz", encoder="x", phrases=np.array([print], object), vectors=1)
    with pytest.raises(ValueError, match="is not a table of words"):
        read_table(tmp_path / "words.npz")


@pytest.mark.parametrize(
    "signature, place, value",
    [(b"PK\x01\x02", 10, 99), (b"PK\x01\x02", 8, 1), (b"PK\x03\x04", 80, 255)],
    ids=["compressed in an unknown way", "encrypted", "broken stream"],
)
def test_a_damaged_archive_is_named_whatever_python_raises(tmp_path, signature, place, value):
    path = tmp_path / "words.npz"
    np.savez_compressed(
        path, encoder="x" * 50, phrases=["cup"], vectors=np.ones((1, 1), np.float32)
    )
    content = bytearray(path.read_bytes())
    content[content.index(signature) + place] = value
    path.write_bytes(content)
    with pytest.raises(ValueError, match="words.npz is not a table of words"):
        read_table(path)
