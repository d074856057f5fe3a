# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ROS 2 bags, written by the rosbags library."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from picture_bytes import encoded, jpeg
from recorded_bags import write_bag as write_compressed

from psg_ros.media import MediaError, open_media
from psg_ros.pictures.image_error import ImageError

rosbag2 = pytest.importorskip("rosbags.rosbag2")
typesys = pytest.importorskip("rosbags.typesys")
STORE = typesys.get_typestore(typesys.Stores.ROS2_HUMBLE)
IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
SECOND_NS = 1_000_000_000
CASES = Path(__file__).parents[3] / "shared" / "cases"


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
    np.testing.assert_array_equal(frames[3].image, picture(3))


def test_of_several_image_topics_one_must_be_named(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", {"/left": IMAGE, "/right": COMPRESSED})
    with pytest.raises(ValueError, match="images, /left, /right; name one with --topic"):
        open_media(bag)
    assert len(list(open_media(bag, "/right").frames())) == 5
    with pytest.raises(ValueError, match="no images on '/up'"):
        open_media(bag, "/up")


def test_each_frame_has_the_header_of_its_message(tmp_path: Path) -> None:
    frames = open_media(write_bag(tmp_path / "bag", {"/camera": IMAGE})).frames()
    headers = [(frame.stamp_ns, frame.frame_id) for frame in frames]
    assert headers[:2] == [(5 * SECOND_NS, "camera"), (6 * SECOND_NS, "camera")]


def test_one_broken_picture_costs_only_itself(tmp_path: Path) -> None:
    whole = jpeg()
    media = open_media(write_compressed(tmp_path / "bag", [whole, whole[:900], whole]))
    told: list[str] = []
    assert [frame.index for frame in media.frames(told.append)] == [0, 2]
    assert len(told) == 1 and "bag /camera/image/compressed message 1: 900 bytes" in told[0]
    with pytest.raises(ImageError, match="message 1: "):
        list(media.frames())


def test_a_message_that_is_none_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "bag"
    with rosbag2.Writer(path, version=9) as writer:
        connection = writer.add_connection("/camera", IMAGE, typestore=STORE)
        whole = bytes(STORE.serialize_cdr(raw_message(0), IMAGE))
        for index, data in enumerate((whole, whole[:50], b"", whole)):
            writer.write(connection, index, data)
    told: list[str] = []
    assert [frame.index for frame in open_media(path).frames(told.append)] == [0, 3]
    assert [f"message {i}: no sensor_msgs/msg/Image" in told[i - 1] for i in (1, 2)] == [True] * 2


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
@pytest.mark.parametrize("packed", ["", "file", "message"])
@pytest.mark.parametrize("what", ["folder", "folder without metadata", "file"])
def test_a_bag_is_read_packed_or_not_with_and_without_its_metadata(
    tmp_path: Path, what: str, packed: str, storage: str
) -> None:
    bag = write_compressed(tmp_path / "bag", [jpeg()] * 3, storage=storage, packed=packed)
    if what != "folder":
        (bag / "metadata.yaml").unlink()
    (file,) = [file for file in bag.iterdir() if file.suffix != ".yaml"]
    media = open_media(file if what == "file" else bag)
    assert (media.kind, media.num_frames, len(list(media.frames()))) == ("bag", 3, 3)


def test_the_parts_of_a_split_recording_are_read_as_one(tmp_path: Path) -> None:
    folder = tmp_path / "split"
    folder.mkdir()
    for index, storage in enumerate(("mcap", "mcap", "sqlite3")):
        bag = write_compressed(tmp_path / str(index), [jpeg()] * 2, storage=storage)
        (file,) = [file for file in bag.iterdir() if file.suffix != ".yaml"]
        file.rename(folder / file.name)
    assert len(list(open_media(folder).frames())) == 6


def test_a_bag_file_among_pictures_makes_no_bag_of_the_folder(tmp_path: Path) -> None:
    bag = write_compressed(tmp_path / "bag", [jpeg()])
    (bag / "bag.mcap").rename(tmp_path / "bag.mcap")
    (tmp_path / "a.jpg").write_bytes(jpeg())
    media = open_media(tmp_path)
    assert media.kind == "folder" and media.left_out == ("bag.mcap (an MCAP bag)",)


@pytest.mark.parametrize("name", ["a#b?c%20", "2026-01-02T10:20:30", "gr\udcfcn", "with space"])
@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_a_bag_may_have_any_name(tmp_path: Path, name: str, storage: str) -> None:
    bag = write_compressed(tmp_path / "bag", [jpeg()], storage=storage)
    named = bag.rename(tmp_path / name)
    assert len(list(open_media(named).frames())) == 1
    (file,) = [file for file in named.iterdir() if file.suffix != ".yaml"]
    (named / "metadata.yaml").unlink()
    assert len(list(open_media(file.rename(named / f"{name}{file.suffix}")).frames())) == 1


@pytest.mark.parametrize("tail", [b"", bytes(5000)], ids=["cut off", "zeros"])
def test_a_recording_that_breaks_off_is_read_up_to_there(tmp_path: Path, tail: bytes) -> None:
    """What `kill -9` and power failures leave: whole records, a half one, no end."""
    noise = np.random.default_rng(0).integers(0, 256, (500, 500, 3), np.uint8)
    pictures = [encoded("JPEG", noise, quality=95)] * 9  # several chunks of a megabyte
    bag = write_compressed(tmp_path / "bag", pictures)
    (bag / "metadata.yaml").unlink()
    content = (bag / "bag.mcap").read_bytes()
    half = content.rindex(pictures[0][-100:]) - 50  # in the last picture
    (bag / "bag.mcap").write_bytes(content[:half] + tail)
    indices, told = [], []
    with pytest.raises(MediaError, match="bag is cut off, .* killed: [4-8] pictures could"):
        for frame in open_media(bag).frames(told.append):
            indices.append(frame.index)
    assert indices == list(range(len(indices))) and len(told) == bool(tail)


def test_messages_in_the_log_of_a_killed_recorder_are_not_lost(tmp_path: Path) -> None:
    bag = write_compressed(tmp_path / "bag", [jpeg()] * 3, storage="sqlite3")
    (bag / "metadata.yaml").unlink()
    killed = tmp_path / "killed"
    killed.mkdir()
    with closing(sqlite3.connect(bag / "bag.db3")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        columns = "topic_id, timestamp, data"
        database.execute(f"INSERT INTO messages ({columns}) SELECT {columns} FROM messages")
        database.commit()
        for file in bag.iterdir():  # while it is open: as a killed process leaves them
            if not file.name.endswith("-shm"):
                (killed / file.name).write_bytes(file.read_bytes())
    before = {file.name: file.read_bytes() for file in killed.iterdir()}
    assert "bag.db3-wal" in before
    assert len(list(open_media(killed).frames())) == 6
    assert {file.name: file.read_bytes() for file in killed.iterdir()} == before


def test_damage_in_the_middle_keeps_what_came_before(tmp_path: Path) -> None:
    bag = write_compressed(tmp_path / "bag", [jpeg()] * 9, packed="message")
    frames = []
    file = bag / "bag.mcap"
    content = bytearray(file.read_bytes())
    place = len(content) // 2
    content[place : place + 9] = b"\xff" * 9
    file.write_bytes(bytes(content))
    told: list[str] = []
    try:
        for frame in open_media(bag).frames(told.append):
            frames.append(frame)
    except MediaError as error:
        told.append(str(error))
    assert 0 < len(frames) < 9 and told


def test_a_bag_without_images_says_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "bag"
    kind = "std_msgs/msg/Header"
    with rosbag2.Writer(path, version=9) as writer:
        connection = writer.add_connection("/odom", kind, typestore=STORE)
        writer.write(connection, 1, bytes(STORE.serialize_cdr(header(0), kind)))
    with pytest.raises(ValueError, match=r"without images; it holds /odom \(std_msgs.*Header, 1\)"):
        open_media(path)


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_an_empty_bag_is_called_empty(tmp_path: Path, storage: str) -> None:
    bag = write_compressed(tmp_path / "bag", [], storage=storage)
    with pytest.raises(ValueError, match="bag without images; it has no message at all"):
        open_media(bag)


def damaged_metadata(bag: Path) -> None:
    (bag / "metadata.yaml").write_text("nothing: of this kind")


def no_yaml(bag: Path) -> None:
    (bag / "metadata.yaml").write_bytes(b"\xff\xfe: [")


def lost_file(bag: Path) -> None:
    (bag / "bag.mcap").unlink()


def count_that_is_text(bag: Path) -> None:
    text = (bag / "metadata.yaml").read_text()
    (bag / "metadata.yaml").write_text(re.sub(r"message_count: (\d+)", r"message_count: x\1", text))


def topic_that_is_a_number(bag: Path) -> None:
    text = (bag / "metadata.yaml").read_text()
    (bag / "metadata.yaml").write_text(re.sub(r"\bname: \S+", "name: 7", text))


@pytest.mark.parametrize("damage", [count_that_is_text, topic_that_is_a_number])
def test_metadata_of_wrong_types_is_refused(tmp_path: Path, damage) -> None:
    bag = write_compressed(tmp_path / "bag", [jpeg()], storage="sqlite3")
    damage(bag)
    with pytest.raises(ValueError, match="bag is not a readable bag: .* must be (int|str), not"):
        open_media(bag)


@pytest.mark.parametrize("damage", [damaged_metadata, no_yaml, lost_file])
def test_a_damaged_folder_is_refused_with_its_cure(tmp_path: Path, damage) -> None:
    bag = write_compressed(tmp_path / "bag", [jpeg()])
    damage(bag)
    with pytest.raises(ValueError, match="bag is not a readable bag: .*; try: ros2 bag reindex"):
        open_media(bag)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.mcap", b"\x89MCAP0\r\n", "not a readable bag: .*; try: mcap recover FILE"),
        ("a.mcap", b"\x89MCAP0\r\n" + bytes(99), "not a readable bag: "),
        (
            "a.db3",
            b"SQLite format 3\0" + bytes(5000),
            "not a readable bag: .*; try: sqlite3 FILE",
        ),
        ("a.bag", b"#ROSBAG V2.0\n", "not a readable bag: .*; try: rosbag reindex FILE"),
        ("a.mcap.zstd", b"\x28\xb5\x2f\xfd no frame", "is a compressed bag and damaged"),
    ],
)
def test_a_damaged_file_is_refused_with_its_cure(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} .*({words})"):
        open_media(tmp_path / name)


def test_a_bag_of_ros_1_is_read_too(tmp_path: Path) -> None:
    rosbag1 = pytest.importorskip("rosbags.rosbag1")
    kind = "sensor_msgs/msg/CompressedImage"
    store = typesys.get_typestore(typesys.Stores.ROS1_NOETIC)
    types = store.types
    with rosbag1.Writer(tmp_path / "old.bag") as writer:
        connection = writer.add_connection("/camera", kind, typestore=store)
        for index in range(3):
            stamp = types["builtin_interfaces/msg/Time"](sec=5 + index, nanosec=0)
            head = types["std_msgs/msg/Header"](seq=index, stamp=stamp, frame_id="camera")
            data = np.frombuffer(jpeg(), np.uint8)
            message = types[kind](header=head, format="jpeg", data=data)
            writer.write(connection, index * SECOND_NS, store.serialize_ros1(message, kind))
    frames = list(open_media(tmp_path / "old.bag").frames())
    assert (frames[2].stamp_ns, frames[2].frame_id) == (7 * SECOND_NS, "camera")


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_mutated_bags_give_frames_or_one_error(tmp_path: Path, storage: str) -> None:
    bag = write_compressed(tmp_path / "bag", [jpeg()] * 2, storage=storage)
    (bag / "metadata.yaml").unlink()
    (file,) = bag.iterdir()
    whole, rng = file.read_bytes(), np.random.default_rng(2)
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(int(rng.integers(1, 30))):
            content[int(rng.integers(16, len(content)))] = int(rng.integers(256))
        file.write_bytes(bytes(content))
        try:
            for frame in open_media(file).frames(lambda text: None):
                assert frame.image.ndim == 3
        except ValueError:
            continue


@pytest.mark.skipif(not CASES.is_dir(), reason="no shared cases here")
@pytest.mark.parametrize("name", ["mcap", "sqlite", "packed", "packed/packed.mcap.zstd"])
def test_the_case_of_bags_without_metadata(name: str) -> None:
    assert len(list(open_media(CASES / "bag_without_metadata" / name).frames())) == 5
