# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Messages between the node and the process of a slow stage: JSON and arrays over a socket."""

from __future__ import annotations

import json
import math
import socket
from collections.abc import Mapping
from typing import Any

import numpy as np

MAX_HEADER = 1 << 24
"""bytes; a longer one means that the two ends lost each other."""


def send(
    channel: socket.socket, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None
) -> None:
    """Send facts that JSON can hold, and arrays.

    Raises:
        OSError: the other end is gone.
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in (arrays or {}).items()}
    shapes = {name: [array.dtype.str, array.shape] for name, array in arrays.items()}
    header = json.dumps([dict(facts), shapes]).encode()
    channel.sendall(len(header).to_bytes(4, "little") + header)
    for array in arrays.values():
        channel.sendall(array.reshape(-1).view(np.uint8).data)


def receive(channel: socket.socket) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return facts and arrays.

    Raises:
        EOFError: the other end is gone.
    """
    length = int.from_bytes(_take(channel, 4), "little")
    if length > MAX_HEADER:
        raise EOFError(f"the other end sends something else: a header of {length} bytes")
    facts, shapes = json.loads(_take(channel, length))
    arrays = {}
    for name, (dtype, shape) in shapes.items():
        size = math.prod(shape) * np.dtype(dtype).itemsize
        arrays[name] = np.frombuffer(_take(channel, size), dtype).reshape(shape)
    return facts, arrays


def _take(channel: socket.socket, size: int) -> bytearray:
    taken = bytearray(size)
    view = memoryview(taken)
    while view:
        try:
            count = channel.recv_into(view)
        except OSError as error:
            raise EOFError(f"the other end is gone: {error}") from error
        if not count:
            raise EOFError("the other end is gone")
        view = view[count:]
    return taken
