# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Snapshots: the next frame as files: its image, its graph, and the one drawn into the other."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rclpy.task import Future

from psg_ros.drawing.annotated_files import write_image
from psg_ros.files import scratch_beside, write_text
from psg_ros.graph_files import graph_record, stamp_record
from psg_ros.node_config import NodeConfig
from psg_ros.ros.finished_frame import FinishedFrame
from psg_ros.ros.products import annotated

PATIENCE_S = 5.0
"""How long a request waits for an image: five times the period of a camera of 1 Hz (our choice)."""


class SnapshotError(ValueError):
    """No snapshot; the text says why and what to do."""


@dataclass
class _Request:
    """`result` gets the folder that was written, or the error."""

    result: Future
    end_s: float


class Snapshots:
    """Waits for a frame and writes it, in the worker's thread, which owns the pixels.

    Everything but `write` is called by the executor's thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[_Request] = []

    def request(self, config: NodeConfig) -> Future:
        """Return what will be the folder with the next frame, or a SnapshotError.

        Raises:
            SnapshotError: the folder of snapshots cannot be written or is full.
        """
        try:
            folder = snapshot_folder(config)
        except RuntimeError as error:  # there is no such user, or no home
            raise SnapshotError(f"snapshot_folder cannot be used: {error}") from None
        check_room(folder, config.snapshot_limit)
        request = _Request(Future(), time.monotonic() + PATIENCE_S)
        with self._lock:
            self._requests.append(request)
        return request.result

    def write(self, finished: FinishedFrame) -> None:
        """Write the frame if anybody asked for one; in the worker's thread."""
        requests = self._take(lambda request: True)
        if not requests:
            return
        outcome: Path | SnapshotError
        try:
            outcome = write_snapshot(snapshot_folder(finished.config), finished)
        except Exception as error:  # noqa: BLE001 - whoever waits must get an answer
            outcome = SnapshotError(f"not written: {error}")
        for request in requests:
            request.result.set_result(outcome)

    def expire(self, why: str, *, now: bool = False) -> None:
        """Answer those that waited too long, or all `now`, with why there was no image."""
        time_s = time.monotonic()
        for request in self._take(lambda request: now or request.end_s <= time_s):
            request.result.set_result(SnapshotError(why))

    def _take(self, chosen: Callable[[_Request], bool]) -> list[_Request]:
        with self._lock:
            taken = [request for request in self._requests if chosen(request)]
            self._requests = [request for request in self._requests if request not in taken]
        return taken


def snapshot_folder(config: NodeConfig) -> Path:
    """Return where snapshots of this camera go."""
    folder = Path(config.snapshot_folder or _ros_home() / "psg_ros" / "snapshots").expanduser()
    return folder / config.camera if config.camera else folder


def check_room(folder: Path, limit: int) -> None:
    """Raise SnapshotError if the folder cannot take one more snapshot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        count = sum(1 for entry in folder.iterdir() if entry.is_dir())
    except (OSError, ValueError) as error:
        raise SnapshotError(f"snapshot_folder cannot be used: {error}") from None
    if not os.access(folder, os.W_OK):
        raise SnapshotError(f"snapshot_folder {folder} is not writable")
    if count >= limit:
        raise SnapshotError(
            f"{folder} holds {count} snapshots, snapshot_limit is {limit}: move some away or raise "
            "the limit"
        )


def write_snapshot(folder: Path, finished: FinishedFrame) -> Path:
    """Write image.png, annotated.jpg and graph.json into a new folder there and return it.

    Raises:
        OSError, ValueError: it cannot be written; nothing is left behind.
    """
    message = finished.message
    stamp = message.header.stamp
    # Of which activation: sequences begin again with each.
    name = f"{stamp.sec}.{stamp.nanosec:09d}_{message.activated.sec}_{message.sequence:06d}"
    target = folder / name
    with scratch_beside(target) as scratch:
        write_image(scratch / "image.png", finished.frame.image)
        write_image(scratch / "annotated.jpg", annotated(finished))
        write_text(scratch / "graph.json", json.dumps(_record(finished), indent=1) + "\n")
        (scratch / "whole").mkdir()
        for path in list(scratch.glob("*.*")):
            path.rename(scratch / "whole" / path.name)
        (scratch / "whole").rename(target)
    return target


def _record(finished: FinishedFrame) -> dict[str, object]:
    header = finished.header
    stamp_ns = header.stamp.sec * 1_000_000_000 + header.stamp.nanosec
    return {
        "header": {"stamp": stamp_record(stamp_ns), "frame_id": header.frame_id},
        "camera": finished.message.camera,
        "sequence": finished.message.sequence,
        "model": finished.config.model,
        **graph_record(finished.graph),
    }


def _ros_home() -> Path:
    """Return where ROS keeps what its nodes write."""
    return Path(os.environ.get("ROS_HOME") or Path.home() / ".ros")
