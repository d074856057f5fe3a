# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One bag of images -> one bag of graphs, by a loaded pipeline.

The same bag gives the same bytes: times that a graph takes from a clock come from the recording,
and durations, which no two runs share, are left out (NaN).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psg_ros.bags.bag_file import BagFile, writing
from psg_ros.bags.camera import BagCamera
from psg_ros.bags.depth import RecordedDepth
from psg_ros.bags.job import ALL, BagJob, BagResult
from psg_ros.bags.message_types import bag_types
from psg_ros.frame import Frame
from psg_ros.media.bag_reading import DECODERS, deserialize, messages, nanoseconds, opened
from psg_ros.media.bag_storage import unpacked
from psg_ros.media.frame import MediaError
from psg_ros.pictures.image_error import ImageError
from psg_ros.robot.pipeline import Pipeline

if TYPE_CHECKING:
    from rosbags.highlevel import AnyReader

SETTINGS = "psg_ros"
"""Below custom_data of the written bag: what its graphs were made with."""

ENDING = "psg_ros_ending"
"""Below custom_data: why the graphs end before the recording should; absent where they do not."""

MOST_WAITING = 30
"""Images that wait for their depth at a time, so that a depth that stopped holds back no more."""


def convert(pipeline: Pipeline, job: BagJob, on_image: Callable[[], None]) -> BagResult:
    """Write the graphs of one bag; the result appears, whole, at the end.

    Args:
        on_image: is called after each image.

    Raises:
        FileExistsError: something lies at the target.
        ValueError: the bag cannot be read, or none of its images can.
        OSError: the disk is full, or another failure of it.
    """
    result = BagResult(job.source, job.target)
    with (
        opened(job.source) as (reader, is_cut),
        writing(job.target, job.storage, bag_types()) as bag,
    ):
        run = _Run(pipeline, job, result, reader, bag)
        try:
            for connection, time_ns, raw in messages(job.source, reader, run.connections):
                if run.take(connection, time_ns, raw):
                    on_image()
        except MediaError as error:
            result.ending = str(error)
        run.finish()
        if is_cut and not result.ending:
            result.ending = f"{job.source} is cut off, because its recorder was killed"
        if not result.num_graphs:
            why = result.ending or "; ".join(result.unreadable[:2]) or "it holds no image"
            raise ValueError(f"{job.source} gives no graph: {why}")
        bag.note(SETTINGS, job.settings)
        if result.ending:
            bag.note(ENDING, result.ending.replace(str(job.source), job.source.name))
    return result


class _Run:
    """What lasts from message to message of one bag.

    Attributes:
        connections: those of the reader whose messages are wanted.
    """

    def __init__(
        self, pipeline: Pipeline, job: BagJob, result: BagResult, reader: AnyReader, bag: BagFile
    ) -> None:
        self._job, self._result, self._reader, self._bag = job, result, reader, bag
        self._cameras = {
            topic: BagCamera(pipeline.another_stream(), bag, topic, job) for topic in job.topics
        }
        copied = job.selection.copied
        wanted = [c for c in reader.connections if ALL in copied or c.topic in copied]
        self._copies = _add_copies(job, bag, wanted)
        chosen = job.selection
        self._depth = RecordedDepth() if chosen.depth else None
        self._waiting: deque[_Waiting] = deque()
        wanted_topics = {*self._cameras, chosen.depth, chosen.camera_info if chosen.depth else ""}
        self.connections = [
            c for c in reader.connections if c.topic in wanted_topics or _key(c) in self._copies
        ]

    def take(self, connection: Any, time_ns: int, raw: bytes) -> bool:
        """Work on one message; return whether it was of a camera."""
        if (copy := self._copies.get(_key(connection))) is not None:
            self._bag.write_raw(copy, time_ns, unpacked(raw))
        if self._depth is not None:
            self._take_space(self._depth, connection, raw)
        camera = self._cameras.get(connection.topic)
        if camera is None or connection.msgtype not in DECODERS:
            return False
        camera.num_seen += 1
        try:
            message = deserialize(self._reader, connection, raw)
        except ImageError as error:
            self._leave_out(camera, camera.num_seen, error)
        else:
            image = _Waiting(camera, camera.num_seen, message, connection.msgtype, time_ns)
            self._waiting.append(image)
            self._work_on_waiting()
        return True

    def finish(self) -> None:
        """Work on images whose depth never came."""
        self._work_on_waiting(is_end=True)

    def _take_space(self, depth: RecordedDepth, connection: Any, raw: bytes) -> None:
        chosen = self._job.selection
        if connection.topic not in (chosen.depth, chosen.camera_info):
            return
        try:
            message = deserialize(self._reader, connection, raw)
        except ImageError:
            return  # the image that misses it says so
        if connection.topic == chosen.depth:
            depth.take_depth(message, connection.msgtype)
        else:
            depth.take_info(message)
        self._work_on_waiting()

    def _work_on_waiting(self, is_end: bool = False) -> None:
        while self._waiting:
            image = self._waiting[0]
            stamp_ns = nanoseconds(image.message.header.stamp)
            is_ready = self._depth is None or self._depth.is_settled(stamp_ns)
            if not (is_ready or is_end or len(self._waiting) > MOST_WAITING):
                return
            self._waiting.popleft()
            try:
                image.camera.take(image.message, image.kind, image.time_ns, self._measure)
                self._result.num_graphs += 1
            except ImageError as error:
                self._leave_out(image.camera, image.number, error)

    def _measure(self, frame: Frame) -> Frame:
        if self._depth is None:
            return frame
        try:
            return self._depth.completed(frame)
        except ValueError as error:
            self._result.without_depth.append(str(error))
            return frame

    def _leave_out(self, camera: BagCamera, number: int, error: ImageError) -> None:
        camera.num_failed += 1
        where = f"{self._job.source} {camera.topic} image {number}"
        self._result.unreadable.append(f"{where}: {error}")


@dataclass(frozen=True)
class _Waiting:
    """An image message, the how manieth of its camera, that waits for its depth."""

    camera: BagCamera
    number: int
    message: Any
    kind: str
    time_ns: int


def _add_copies(job: BagJob, bag: BagFile, connections: list[Any]) -> dict[tuple[str, str], Any]:
    """Return the topics that are copied, by name and type; parts of a split bag share them."""
    copies: dict[tuple[str, str], Any] = {}
    written = bag.topic_names
    for connection in connections:
        if connection.topic in written:
            raise ValueError(
                f"{job.source} has {connection.topic} already, of an earlier run of the node; name "
                "the other topics with --copy"
            )
        if _key(connection) not in copies:
            copies[_key(connection)] = bag.add_copy(connection)
    return copies


def _key(connection: Any) -> tuple[str, str]:
    return connection.topic, connection.msgtype
