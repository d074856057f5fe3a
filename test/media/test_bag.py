# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ROS 2 bags, written by the rosbags library."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from psg_ros.media import open_media

rosbag2 = pytest.importorskip("rosbags.rosbag2")
typesys = pytest.importorskip("rosbags.typesys")
STORE = typesys.get_typestore(typesys.Stores.ROS2_HUMBLE)
IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
SECOND_NS = 1_000_000_000


def picture(index: int) -> np.ndarray:
    image = np.zeros((12, 16, 3), np.uint8)
    image[..., 0] = 10 * index
    return image


def header(index: int) -> object:
    types = STORE.types
    stamp = types["builtin_interfaces/msg/Time"](sec=5 + index, nanosec=0)
    return types["std_msgs/msg/Header"](stamp=stamp, frame_id="camera")


def raw_message(index: int) -> object:
    padded = np.zeros((12, 64), np.uint8)  # rows of 48 bytes in a step of 64
    padded[:, :48] = picture(index).reshape(12, 48)
    return STORE.types[IMAGE](
        header=header(index),
        height=12,
        width=16,
        encoding="rgb8",
        is_bigendian=0,
        step=64,
        data=padded.ravel(),
    )


def compressed_message(index: int) -> object:
    data = cv2.imencode(".png", picture(index)[..., ::-1])[1].ravel()
    return STORE.types[COMPRESSED](header=header(index), format="png", data=data)


def write_bag(path: Path, topics: dict[str, str], storage: str = "sqlite3") -> Path:
    plugin = rosbag2.StoragePlugin[storage.upper()]
    with rosbag2.Writer(path, version=9, storage_plugin=plugin) as writer:
        for topic, kind in topics.items():
            connection = writer.add_connection(topic, kind, typestore=STORE)
            make = raw_message if kind == IMAGE else compressed_message
            for index in range(5):
                data = STORE.serialize_cdr(make(index), kind)
                writer.write(connection, (100 + index // 2) * SECOND_NS, data)
    return path


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
@pytest.mark.parametrize("kind", [IMAGE, COMPRESSED])
def test_images_come_with_the_times_of_the_recording(
    tmp_path: Path, kind: str, storage: str
) -> None:
    media = open_media(write_bag(tmp_path / "bag", {"/camera": kind}, storage))
    frames = list(media.frames())
    assert (media.kind, media.num_frames) == ("bag", 5)
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0, 1, 1, 2])
    np.testing.assert_array_equal(frames[3].image_rgb, picture(3))


def test_of_several_image_topics_one_must_be_named(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", {"/left": IMAGE, "/right": COMPRESSED})
    with pytest.raises(ValueError, match=r"\['/left', '/right'\].*--topic"):
        open_media(bag)
    assert len(list(open_media(bag, "/right").frames())) == 5
    with pytest.raises(ValueError, match="no images on '/up'"):
        open_media(bag, "/up")


def test_a_damaged_bag_is_refused_by_name(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", {"/camera": IMAGE})
    (bag / "metadata.yaml").write_text("nothing: of this kind")
    with pytest.raises(ValueError, match="bag is no readable bag"):
        open_media(bag)
