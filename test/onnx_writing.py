# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Just enough of ONNX's file format to write a test's network where the package onnx is missing.

Fields are numbered in onnx.proto3; test_onnx_writing.py compares the bytes with onnx's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from psg_ros.robot.manifest import TensorSpec

IR_VERSION, OPSET = 10, 18
DTYPES = {"float32": 1, "uint8": 2, "int32": 6, "int64": 7}
"""numpy dtype name -> TensorProto.DataType."""
FLOAT = DTYPES["float32"]
INT, INTS = 2, 7  # AttributeProto.AttributeType
FREE_AXIS = "pair"


def network(
    name: str,
    nodes: Sequence[bytes],
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    constants: Mapping[str, np.ndarray],
    *,
    free_axes: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """Return a whole ONNX file.

    Args:
        free_axes: by tensor, what its axes of -1 are called if not `FREE_AXIS`.
        metadata: notes of the file's makers, key -> text.
    """
    axes = free_axes or {}
    graph = b"".join([
        *(_bytes(1, one) for one in nodes),
        _bytes(2, name.encode()),
        *(_bytes(5, _constant(key, np.asarray(array))) for key, array in constants.items()),
        *(_bytes(11, _value(tensor, axes.get(tensor.name, FREE_AXIS))) for tensor in inputs),
        *(_bytes(12, _value(tensor, axes.get(tensor.name, FREE_AXIS))) for tensor in outputs),
    ])  # fmt: skip
    opset = _bytes(1, b"") + _number(2, OPSET)
    notes = (
        _bytes(14, _bytes(1, key.encode()) + _bytes(2, text.encode()))
        for key, text in (metadata or {}).items()
    )
    return _number(1, IR_VERSION) + _bytes(7, graph) + _bytes(8, opset) + b"".join(notes)


def node(
    operator: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    **attributes: int | Sequence[int],
) -> bytes:
    """Return one node of a graph."""
    return b"".join([
        *(_bytes(1, name.encode()) for name in inputs),
        *(_bytes(2, name.encode()) for name in outputs),
        _bytes(4, operator.encode()),
        *(_bytes(5, _attribute(*item)) for item in sorted(attributes.items())),
    ])  # fmt: skip


def _attribute(name: str, value: int | Sequence[int]) -> bytes:
    if isinstance(value, int):
        return _bytes(1, name.encode()) + _number(3, value) + _number(20, INT)
    numbers = b"".join(_number(8, one) for one in value)
    return _bytes(1, name.encode()) + numbers + _number(20, INTS)


def _constant(name: str, array: np.ndarray) -> bytes:
    shape = b"".join(_number(1, size) for size in array.shape)
    data_type = _number(2, DTYPES[array.dtype.name])
    return shape + data_type + _bytes(8, name.encode()) + _bytes(9, array.tobytes())


def _value(tensor: TensorSpec, free_axis: str) -> bytes:
    axes = (
        _bytes(2, free_axis.encode()) if size < 0 else _number(1, size) for size in tensor.shape
    )
    shape = b"".join(_bytes(1, axis) for axis in axes)
    kind = _bytes(1, _number(1, DTYPES[tensor.dtype]) + _bytes(2, shape))
    return _bytes(1, tensor.name.encode()) + _bytes(2, kind)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the top bit says that more follow. No negative ones."""
    groups = [value & 127]
    while value := value >> 7:
        groups.append(value & 127)
    return bytes([*(group | 128 for group in groups[:-1]), groups[-1]])
