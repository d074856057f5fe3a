# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is to be done to one bag, and what came of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psg_ros
from psg_ros.bags.depth import DEPTH_DECODERS, INFO_TYPE, info_topic
from psg_ros.config import PipelineConfig
from psg_ros.media.bag_reading import choose_topic, opened
from psg_ros.media.bag_storage import storage_name
from psg_ros.pictures.encoded_picture import DEFAULT_LIMIT
from psg_ros.quoting import listed
from psg_ros.robot.opening import digest_of

if TYPE_CHECKING:
    from rosbags.highlevel import AnyReader

ALL = "all"


@dataclass(frozen=True)
class Selection:
    """What of each bag is used and written.

    Attributes:
        topics: image topics; none: the only one there is.
        copied: topics that are copied unchanged; `all` is every one.
        storage: mcap or sqlite3; empty: that of the source (mcap for a ROS 1 bag).
        depth: topic of depth images, aligned to the images of the only camera; empty: none is used.
        camera_info: its topic; empty: the one beside the images.
        label_images, deltas: whether they are written.
        max_megapixels: larger pictures are left out.
    """

    topics: tuple[str, ...] = ()
    copied: tuple[str, ...] = ()
    storage: str = ""
    depth: str = ""
    camera_info: str = ""
    label_images: bool = True
    deltas: bool = True
    max_megapixels: int = DEFAULT_LIMIT


@dataclass(frozen=True)
class BagJob:
    """One bag, looked at but not read yet.

    Attributes:
        topics: its image topics that are used.
        num_images: about how many images they announce.
        settings: JSON of all that decides about the result, which the result carries.
    """

    source: Path
    target: Path
    topics: tuple[str, ...]
    storage: str
    selection: Selection
    num_images: int
    settings: str


@dataclass
class BagResult:
    """What became of a bag.

    Attributes:
        unreadable: each image that was left out, and why.
        without_depth: each image whose nodes have no positions although depth was asked for.
        ending: why the result ends before its source should; empty where it does not.
        failure: why there is no result; empty where there is one.
        is_bad_input: whether the source or the options are to blame for the failure.
    """

    source: Path
    target: Path
    num_graphs: int = 0
    unreadable: list[str] = field(default_factory=list)
    without_depth: list[str] = field(default_factory=list)
    ending: str = ""
    failure: str = ""
    is_bad_input: bool = False


def look_at(source: Path, target: Path, selection: Selection, config: PipelineConfig) -> BagJob:
    """Return the job of one bag; reads no message yet.

    Raises:
        FileNotFoundError, ValueError: no bag, or not with these topics.
        ImportError: `rosbags` is not installed; names the extra.
    """
    if not source.exists():
        raise FileNotFoundError(f"{source} does not exist; expected a bag")
    with opened(source) as (reader, _):
        wanted = selection.topics or ("",)
        topics = tuple(choose_topic(source, reader, topic) for topic in wanted)
        known = {connection.topic for connection in reader.connections}
        missing = [topic for topic in selection.copied if topic not in (*known, ALL)]
        if missing:
            raise ValueError(f"{source} has no topic {missing[0]}; it has {listed(sorted(known))}")
        if selection.copied and not reader.is2:
            raise ValueError(
                f"{source} is of ROS 1: nothing can be copied; rosbags-convert it first"
            )
        if selection.depth:
            selection = _with_depth(source, reader, topics, selection)
        num_images = sum(c.msgcount for c in reader.connections if c.topic in topics)
        identity = {"name": source.name, "messages": reader.message_count}
    settings = {
        "psg_ros": psg_ros.__version__,
        "model_sha256": digest_of(config),
        "pipeline": dataclasses.asdict(config),
        "source": identity,
        "selection": dataclasses.asdict(dataclasses.replace(selection, topics=topics)),
    }
    text = json.dumps(settings, sort_keys=True)
    storage = selection.storage or storage_name(source)
    return BagJob(source, target, topics, storage, selection, num_images, text)


def targets_of(sources: Sequence[Path], out: Path) -> list[Path]:
    """Return where the results go: `out` itself for one bag, else a folder in it for each.

    Raises:
        ValueError: two bags of one name.
    """
    if len(sources) == 1:
        return [out]
    names = [source.name.split(".")[0] if source.is_file() else source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{names.count(name)} bags are called {name}; give them other names")
    return [out / name for name in names]


def _with_depth(
    source: Path, reader: AnyReader, topics: tuple[str, ...], selection: Selection
) -> Selection:
    """Return the selection with the topic of the camera's intrinsics.

    Raises:
        ValueError: more than one camera, a ROS 1 bag, or a topic that is not there.
    """
    if len(topics) > 1 or not reader.is2:
        raise ValueError("depth is taken for one camera at a time, from ROS 2 bags")
    info = selection.camera_info or info_topic(topics[0])
    kinds = {connection.topic: connection.msgtype for connection in reader.connections}
    if kinds.get(selection.depth) not in DEPTH_DECODERS:
        raise ValueError(
            f"{source} has no depth images on {selection.depth}; it has {listed(sorted(kinds))}"
        )
    if kinds.get(info) != INFO_TYPE:
        raise ValueError(
            f"{source} has no {INFO_TYPE} on {info}; name its topic with --camera-info"
        )
    return dataclasses.replace(selection, camera_info=info)
