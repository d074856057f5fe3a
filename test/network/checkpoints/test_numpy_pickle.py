# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pickles of arrays are read without calling anything that they name."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch

from psg_ros.network.checkpoints.numpy_pickle import read_numpy_pickle


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL))
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.float16).reshape(2, 3)),
        np.arange(3, dtype=">f8"),
        np.array(7, dtype=np.int64),
        np.zeros((0, 3), np.float32),
    ],
    ids=["float32", "fortran", "big endian", "number", "empty"],
)
def test_arrays_come_back_as_tensors(array, protocol, tmp_path):
    file = tmp_path / "arrays.pkl"
    content = {"model": OrderedDict(one=array, again=array), "by": "somebody", "n": np.float64(2.5)}
    file.write_bytes(pickle.dumps(content, protocol))
    found = read_numpy_pickle(file)
    expected = torch.from_numpy(array.astype(array.dtype.newbyteorder("=")))
    assert found["model"]["one"].equal(expected) and found["model"]["again"].equal(expected)
    assert (found["by"], found["n"]) == ("somebody", 2.5)


class Command:
    def __reduce__(self):
        return os.mkdir, ("ran",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (Command(), r"more than arrays of numbers.*(posix|nt)\.mkdir"),
        (np.array([Command()], dtype=object), r"more than arrays of numbers"),
        (np.array(["text"]), "arrays of 'U4'"),
        (np.zeros(2, [("a", "f4")]), "arrays of 'V4'"),
        ({"model": torch.ones(2)}, "it names torch"),
        ({1, 2}, "must hold a state dict"),
    ],
)
def test_everything_else_is_refused_and_never_called(content, said, tmp_path, monkeypatch):
    from psg_ros.network.checkpoints.reading import read_source

    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd.pkl").write_bytes(pickle.dumps(content, 4))
    with pytest.raises(ValueError, match=said):
        read_source("odd.pkl")
    assert not (tmp_path / "ran").exists()


def test_damaged_files_are_refused(tmp_path):
    whole = pickle.dumps({"model": {"a": np.arange(40, dtype=np.float32)}}, 4)
    file = tmp_path / "damaged.pkl"
    for content in (b"", b"PK", whole[:-20], whole.replace(b"f4", b"f8"), whole[::-1]):
        file.write_bytes(content)
        with pytest.raises(ValueError, match="damaged.pkl"):
            read_numpy_pickle(file)
