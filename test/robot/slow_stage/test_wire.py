# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Messages over a socket: what is sent arrives, and nobody waits longer than it wants."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from psg_ros.robot.slow_stage.wire import MAX_HEADER, receive, send

Ends = tuple[socket.socket, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    first, second = socket.socketpair()
    with first, second:
        yield first, second


def soon(seconds: float = 0.1) -> float:
    return time.monotonic() + seconds


def test_facts_and_arrays_arrive_as_they_were(ends: Ends) -> None:
    arrays = {"image": np.arange(24, dtype=np.uint8).reshape(2, 4, 3)[:, ::-1],
              "none": np.zeros((0, 2), np.int32), "one": np.array(0.5)}  # fmt: skip
    send(ends[0], {"words": ["on", "näher an"]}, arrays)
    facts, found = receive(ends[1], soon(20))
    assert facts == {"words": ["on", "näher an"]}
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_nobody_waits_for_what_does_not_come(ends: Ends) -> None:
    with pytest.raises(TimeoutError):
        receive(ends[1], soon())
    with pytest.raises(TimeoutError):
        receive(ends[1], soon(-1))


def test_a_message_that_drips_is_late_as_a_whole(ends: Ends) -> None:
    def drip() -> None:
        ends[0].sendall((100).to_bytes(4, "little"))
        for _ in range(100):
            ends[0].sendall(b" ")
            time.sleep(0.05)

    thread = threading.Thread(target=drip)
    thread.start()
    with pytest.raises(TimeoutError):
        receive(ends[1], soon(0.5))
    thread.join()


def test_nobody_waits_for_an_end_that_takes_nothing(ends: Ends) -> None:
    with pytest.raises(TimeoutError):
        send(ends[0], {}, {"image": np.zeros(50_000_000, np.uint8)}, soon())


def test_an_end_that_is_gone_is_told(ends: Ends) -> None:
    ends[0].sendall(b"\x10\x00")
    ends[0].close()
    with pytest.raises(EOFError, match="gone"):
        receive(ends[1])


@pytest.mark.parametrize("header", [b"no JSON at all!!", b"\xff\xfe\x00\x00"])
def test_an_end_that_sends_something_else_is_told(ends: Ends, header: bytes) -> None:
    ends[0].sendall(len(header).to_bytes(4, "little") + header)
    with pytest.raises(EOFError, match="sends something else"):
        receive(ends[1])


def test_a_header_that_is_too_long_is_not_waited_for(ends: Ends) -> None:
    ends[0].sendall((MAX_HEADER + 1).to_bytes(4, "little"))
    with pytest.raises(EOFError, match=f"a header of {MAX_HEADER + 1} bytes"):
        receive(ends[1])
