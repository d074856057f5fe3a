# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pickles of plain containers and numpy arrays, as detectron2 writes them, read without executing.

A pickle names functions and calls them. Here the few names that arrays need stand for our own small
classes, and every other name is refused.
"""

from __future__ import annotations

import codecs
import math
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch

NUMBERS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "b1")
DAMAGE = (
    AssertionError, AttributeError, EOFError, LookupError, MemoryError, OverflowError,
    RecursionError, TypeError, ValueError, pickle.UnpicklingError,
)  # fmt: skip
"""What the standard library raises for damaged pickles."""


class ForeignNameError(ValueError):
    """A pickle asks for something that is neither a container nor an array."""


class NumberType:
    """Stands for numpy.dtype."""

    def __init__(self, code: Any, *_: Any) -> None:
        if code not in NUMBERS:
            raise ForeignNameError(f"arrays of {code!r}")
        self.code, self.order = code, "<"

    def __setstate__(self, state: Any) -> None:
        order = state[1]
        if order not in ("<", ">", "|"):
            raise ValueError(f"byte order {order!r}")
        self.order = order


class Array:
    """Stands for a numpy array; its values come with the state."""

    values: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, number, is_fortran, data = state
        data = data.encode("latin1") if isinstance(data, str) else data  # of Python 2
        if not isinstance(number, NumberType) or not isinstance(data, bytes):
            raise ForeignNameError("arrays of other things than numbers")
        shape = tuple(int(axis) for axis in shape)
        dtype = np.dtype(number.order + number.code)
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(data):
            raise ValueError(f"an array of shape {list(shape)} with {len(data)} bytes")
        flat = np.frombuffer(data, dtype).astype(dtype.newbyteorder("="))
        self.values = flat.reshape(shape, order="F" if is_fortran else "C")


class ArrayKind:
    """Stands for numpy.ndarray, which a pickle only passes on."""


def make_array(*_: Any) -> Array:
    """Stand for numpy's _reconstruct."""
    return Array()


def make_number(number: Any, data: Any = b"") -> Any:
    """Stand for numpy's scalar."""
    array = Array()
    array.__setstate__((1, (), number, False, data))
    return array.values.item() if array.values is not None else None


def encode(text: Any, encoding: Any = "latin1") -> bytes:
    """Stand for codecs.encode, by which old protocols store bytes."""
    if encoding not in ("latin1", "latin-1") or not isinstance(text, str):
        raise ForeignNameError(f"bytes encoded as {encoding!r}")
    return codecs.encode(text, "latin1")


def no_bytes() -> bytes:
    """Stand for bytes, by which old protocols store what is empty."""
    return b""


MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
KNOWN: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): ArrayKind,
    ("numpy", "dtype"): NumberType,
    ("_codecs", "encode"): encode,
    ("__builtin__", "bytes"): no_bytes,
    ("builtins", "bytes"): no_bytes,
    ("collections", "OrderedDict"): OrderedDict,
    **{(module, "_reconstruct"): make_array for module in MULTIARRAY},
    **{(module, "scalar"): make_number for module in MULTIARRAY},
}


class ArrayUnpickler(pickle.Unpickler):
    """Knows containers and arrays of numbers."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in KNOWN:
            raise ForeignNameError(f"{module}.{name}")
        return KNOWN[module, name]


def read_numpy_pickle(path: Path) -> Any:
    """Return the content of a pickle, its arrays as tensors.

    Raises:
        ValueError: damaged, or it names anything else than containers and arrays of numbers.
    """
    try:
        with path.open("rb") as file:
            return _with_tensors(ArrayUnpickler(file, encoding="latin1").load())
    except ForeignNameError as error:
        raise ValueError(
            f"{path} holds more than arrays of numbers and was not opened, because opening it "
            f"could run foreign code (it names {error})"
        ) from error
    except DAMAGE as error:
        raise ValueError(f"{path} is damaged or not a pickle of detectron2: {error}") from error


def _with_tensors(content: Any) -> Any:
    if isinstance(content, Array):
        if content.values is None:
            raise ValueError("an array without values")
        return torch.from_numpy(content.values)
    if isinstance(content, dict):
        return {name: _with_tensors(value) for name, value in content.items()}
    return content
