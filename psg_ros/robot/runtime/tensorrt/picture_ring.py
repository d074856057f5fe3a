# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""PictureRing: camera bytes on their way up, ahead of the picture that is worked on."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from psg_ros.frame import RawPicture
from psg_ros.robot.runtime.tensorrt.cuda_device import CudaDevice
from psg_ros.robot.runtime.tensorrt.memory import Twin

SLOTS = 3
"""One is worked on, one waits, and the newest may replace the waiting one."""

MOST_SLOTS = 16
"""Each further camera has one that waits, too; beyond that, pictures are sent twice."""


class Slot:
    """Room for one picture.

    Attributes:
        memory: its bytes, here and there.
        arrived: event after the copy.
        age: number of the picture.
    """

    def __init__(self, device: CudaDevice) -> None:
        self.memory = Twin(device)
        self.arrived: Any = device.event()
        self.age = 0
        self._picture: Callable[[], RawPicture | None] = _nothing

    @property
    def picture(self) -> RawPicture | None:
        """What it holds; None: nothing that counts, as what was dropped before its turn."""
        return self._picture()

    def hold(self, picture: RawPicture) -> None:
        """Hold a picture for as long as somebody else does, who may ask for it."""
        self._picture = weakref.ref(picture)

    def clear(self) -> None:
        """Hold nothing that counts."""
        self._picture = _nothing


class PictureRing:
    """Any thread may `send`, one `take`s."""

    def __init__(self, device: CudaDevice) -> None:
        self._cuda = device
        self._slots = [Slot(device) for _ in range(SLOTS)]
        self._taken: Slot | None = None
        self._count = 0
        self._lock = threading.Lock()
        self._is_open = True

    def send(self, picture: RawPicture) -> None:
        """Begin to copy a picture up, in place of one that nobody waits for."""
        with self._lock:
            if self._is_open:
                with self._cuda.current():
                    self._write(picture)

    def take(self, picture: RawPicture) -> int:
        """Return where a picture lies once the stream has got here; sends it if that was not done.

        It stays there until the next call, before which the work on it must be done.
        """
        with self._lock:
            found = next((slot for slot in self._slots if slot.picture is picture), None)
            if self._taken is not None and self._taken is not found:
                self._taken.clear()
            self._taken = found
            self._taken = found or self._write(picture)
            self._cuda.wait_for(self._taken.arrived)
            return self._taken.memory.address

    def close(self) -> None:
        """Copy nothing any more."""
        with self._lock:
            self._is_open = False

    def _write(self, picture: RawPicture) -> Slot:
        slot = self._free_slot()
        slot.clear()
        self._count += 1
        slot.age = self._count
        data, memory = picture.data, slot.memory
        memory.reserve(data.size)
        host = memory.bytes[: data.size]
        np.copyto(host.reshape(data.shape), data)
        self._cuda.upload_ahead(memory.address, host, slot.arrived)
        slot.hold(picture)
        return slot

    def _free_slot(self) -> Slot:
        """Return room for a picture: the oldest that nobody waits for, new room, or the oldest."""
        others = [slot for slot in self._slots if slot is not self._taken]
        free = [slot for slot in others if slot.picture is None]
        if not free and len(self._slots) < MOST_SLOTS:
            self._slots.append(Slot(self._cuda))
            return self._slots[-1]
        return min(free or others, key=lambda slot: slot.age)


def _nothing() -> None:
    return None
