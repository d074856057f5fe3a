# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Folders of pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from psg_ros.media import open_media
from psg_ros.media.folder import shortened

PNG = cv2.imencode(".png", np.random.default_rng(0).integers(0, 255, (9, 9, 3), np.uint8))[
    1
].tobytes()


def folder_of(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def test_a_folder_lists_its_images_as_a_person_would(tmp_path: Path) -> None:
    (tmp_path / "subfolder").mkdir()
    media = open_media(folder_of(tmp_path, dict.fromkeys(("p10.png", "p2.PNG", "P1", "p3.x"), PNG)))
    assert (media.kind, media.num_frames, media.is_moving) == ("folder", 4, False)
    assert [Path(f.name).name for f in media.frames()] == ["P1", "p2.PNG", "p3.x", "p10.png"]
    assert [f.stamp_ns for f in media.frames()] == [None] * 4  # they continue no stream
    assert media.left_out == ()


def test_files_that_are_no_pictures_are_left_out_by_name(tmp_path: Path) -> None:
    files = {
        "a.png": PNG,
        "notes.txt": b"hello",
        "photo.jpg": b"",
        "phone.jpg": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "clip.png": b"\0\0\0\x18ftypisom\0\0\0\0isommp42",
        ".hidden": b"hello",
    }
    media = open_media(folder_of(tmp_path, files))
    assert media.num_frames == 1
    assert media.left_out == (
        "clip.png (an MP4 or MOV video)",
        "notes.txt (unknown content)",
        "phone.jpg (a HEIC picture)",
        "photo.jpg (empty)",
    )


def test_a_folder_without_images_says_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no picture$"):
        open_media(tmp_path)
    folder_of(tmp_path, {"notes.txt": b"hello"})
    with pytest.raises(ValueError, match=r"what is there: notes.txt \(unknown content\)"):
        open_media(tmp_path)


def test_a_picture_that_cannot_be_read_costs_only_itself(tmp_path: Path) -> None:
    media = open_media(folder_of(tmp_path, {"a.png": PNG, "b.png": PNG[:-30], "c.png": PNG}))
    told: list[str] = []
    assert [frame.index for frame in media.frames(told.append)] == [0, 2]
    assert len(told) == 1 and "b.png" in told[0]
    with pytest.raises(ValueError, match="b.png"):
        list(media.frames())


def test_long_lists_are_shortened() -> None:
    assert shortened(["a", "b"]) == "a, b"
    assert shortened(list("abcde")) == "a, b, c and 2 more"
