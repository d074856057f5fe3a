# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Messages between the node and the process of a slow stage: JSON and arrays over a socket."""

from __future__ import annotations

import json
import math
import socket
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

MAX_HEADER = 1 << 24
"""bytes; a longer one means that the two ends lost each other."""


def send(
    channel: socket.socket,
    facts: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray] | None = None,
    end_s: float | None = None,
) -> None:
    """Send facts that JSON can hold, and arrays.

    Args:
        end_s: of `time.monotonic`, by when the other end must have taken all; None: whenever.

    Raises:
        OSError: the other end is gone; TimeoutError, which is one: it is not there in time.
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in (arrays or {}).items()}
    shapes = {name: [array.dtype.str, array.shape] for name, array in arrays.items()}
    header = json.dumps([dict(facts), shapes]).encode()
    _wait_until(channel, end_s)
    channel.sendall(len(header).to_bytes(4, "little") + header)
    for array in arrays.values():
        _wait_until(channel, end_s)
        channel.sendall(array.reshape(-1).view(np.uint8).data)


def receive(
    channel: socket.socket, end_s: float | None = None
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return facts and arrays.

    Args:
        end_s: of `time.monotonic`, by when all must be here; None: whenever.

    Raises:
        EOFError: the other end is gone.
        TimeoutError: it is not all here in time.
    """
    length = int.from_bytes(_take(channel, 4, end_s), "little")
    if length > MAX_HEADER:
        raise EOFError(f"the other end sends something else: a header of {length} bytes")
    header = _take(channel, length, end_s)
    try:
        facts, shapes = json.loads(header)
    except ValueError as error:
        raise EOFError(f"the other end sends something else: {error}") from error
    arrays = {}
    for name, (dtype, shape) in shapes.items():
        size = math.prod(shape) * np.dtype(dtype).itemsize
        arrays[name] = np.frombuffer(_take(channel, size, end_s), dtype).reshape(shape)
    return facts, arrays


def _take(channel: socket.socket, size: int, end_s: float | None) -> bytearray:
    taken = bytearray(size)
    view = memoryview(taken)
    while view:
        _wait_until(channel, end_s)
        try:
            count = channel.recv_into(view)
        except TimeoutError:
            raise
        except OSError as error:
            raise EOFError(f"the other end is gone: {error}") from error
        if not count:
            raise EOFError("the other end is gone")
        view = view[count:]
    return taken


def _wait_until(channel: socket.socket, end_s: float | None) -> None:
    """Have the next call on a channel end in time."""
    if end_s is None:
        return
    left_s = end_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    channel.settimeout(left_s)
