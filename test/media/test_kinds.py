# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a file is follows from its content, whatever its name says."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from psg_ros.media import open_media
from psg_ros.media.kinds import identify

PICTURE = np.full((64, 64, 3), 90, np.uint8)
CASES = Path(__file__).parents[2].parent / "shared" / "cases"


def content(suffix: str, image: np.ndarray = PICTURE) -> bytes:
    if not cv2.haveImageWriter(f"a{suffix}"):
        pytest.skip(f"this OpenCV writes no {suffix}")
    well, data = cv2.imencode(suffix, image)
    if not well:
        pytest.skip(f"this OpenCV writes no {suffix}")
    return data.tobytes()


def family(tmp_path: Path, data: bytes) -> tuple[str, str]:
    (tmp_path / "a").write_bytes(data)
    kind = identify(tmp_path / "a", thoroughly=True)
    return (kind.family, kind.name) if kind else ("", "")


@pytest.mark.parametrize(
    ("suffix", "name"),
    [
        (".jpg", "JPEG"),
        (".png", "PNG"),
        (".webp", "WebP"),
        (".avif", "AVIF"),
        (".gif", "GIF"),
        (".bmp", "BMP"),
        (".tiff", "TIFF"),
        (".jp2", "JPEG 2000"),
        (".ppm", "PNM"),
    ],
)
def test_pictures_are_known_by_their_first_bytes(tmp_path: Path, suffix: str, name: str) -> None:
    found = family(tmp_path, content(suffix))
    assert found[0] == "picture" and f" {name} " in found[1]


@pytest.mark.parametrize("name", ["photo.jfif", "photo.jpe", "photo", "photo.mp4", "photo.txt"])
def test_the_name_does_not_matter(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(content(".jpg"))
    assert open_media(tmp_path / name).kind == "image"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", ("video", "an MP4 or MOV video")),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", ("video", "an MP4 or MOV video")),
        (b"\0\0\0\x08wide\0\0\x10\0mdat", ("video", "an MP4 or MOV video")),
        (b"\x1a\x45\xdf\xa3\x01", ("video", "a Matroska or WebM video")),
        (b"RIFF\0\0\0\0AVI LIST", ("video", "an AVI video")),
        (b"FLV\x01\x05", ("video", "a Flash video")),
        (b"OggS\0\x02", ("video", "an Ogg video")),
        (
            b"\x47" + bytes(187) + b"\x47" + bytes(187) + b"\x47",
            ("video", "an MPEG transport stream"),
        ),
        (b"\0\0\0\x01\x67\x42", ("video", "a raw video stream (H.264, H.265 or MPEG)")),
        (b"\0\0\x01\x65\x88", ("video", "a raw video stream (H.264, H.265 or MPEG)")),
        (b"\0\0\x01\xba\x44", ("video", "an MPEG program stream")),
        (b"\x89MCAP0\r\n", ("bag", "an MCAP bag")),
        (b"SQLite format 3\0", ("bag", "an SQLite bag")),
        (b"#ROSBAG V2.0\n", ("bag", "a ROS 1 bag")),
        (b"\x28\xb5\x2f\xfd\x04", ("bag", "a compressed bag")),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", ("other", "a HEIC picture")),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heix", ("other", "a HEIC picture")),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", ("picture", "an AVIF picture")),
        (b"\0\0\0\x18ftypavis\0\0\0\0avifavis", ("video", "an animated AVIF")),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", ("other", "a raw photo of a camera")),
        (b"II*\0\x10\0\0\0CR\x02\0", ("other", "a raw photo of a camera")),
        (b"\xff\x0a\xfa", ("other", "a JPEG XL picture")),
        (b"PK\x03\x04\x14", ("other", "an archive")),
        (b"ID3\x04", ("other", "a sound recording")),
        (b"<!DOCTYPE html>", ("", "")),
    ],
)
def test_other_kinds_are_known_by_their_first_bytes(
    tmp_path: Path, head: bytes, kind: tuple[str, str]
) -> None:
    assert family(tmp_path, head) == kind


def test_heic_is_refused_by_name_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "IMG_1.jpg").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200))
    with pytest.raises(ValueError, match=r"IMG_1.jpg is a HEIC picture, .* convert it to JPEG"):
        open_media(tmp_path / "IMG_1.jpg")


def tiff_of(subfiles: list[int], order: str = "<") -> bytes:
    """A TIFF of empty pages with these values of NewSubfileType."""
    data = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    for index, subfile in enumerate(subfiles):
        follows = 8 + 18 * (index + 1) if index + 1 < len(subfiles) else 0
        data += struct.pack(f"{order}HHHIII", 1, 254, 4, 1, subfile, follows)
    return data


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_of_several_pages_is_named_but_a_thumbnail_is_no_page(
    tmp_path: Path, order: str
) -> None:
    assert family(tmp_path, tiff_of([0, 1], order)) == ("picture", "a TIFF picture")
    assert family(tmp_path, tiff_of([0, 0], order)) == ("other", "a TIFF of several pages")


def test_a_tiff_whose_pages_form_a_ring_ends(tmp_path: Path) -> None:
    ring = struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, 254, 4, 1, 1, 8)
    assert family(tmp_path, ring) == ("picture", "a TIFF picture")


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".avif"])
def test_a_moving_picture_is_told_from_a_still_one(tmp_path: Path, suffix: str) -> None:
    if not hasattr(cv2, "imencodeanimation"):
        pytest.skip("this OpenCV writes no animations")
    animation = cv2.Animation()
    animation.frames = [PICTURE, PICTURE // 2]
    animation.durations = np.array([100, 200])
    try:
        moving = cv2.imencodeanimation(suffix, animation)[1].tobytes()
    except cv2.error:
        pytest.skip(f"this OpenCV writes no {suffix}")
    assert "animated" in family(tmp_path, moving)[1]
    assert family(tmp_path, content(suffix))[0] == "picture"


def test_a_photo_with_a_companion_is_one_picture(tmp_path: Path) -> None:
    """Gain maps and stereo pairs follow the photo, which announces them in a segment MPF."""
    jpeg = content(".jpg")
    marker = b"\xff\xe2\x00\x08MPF\0\0\0"
    assert family(tmp_path, jpeg[:2] + marker + jpeg[2:] + jpeg)[0] == "picture"
    assert family(tmp_path, jpeg + jpeg) == ("video", "a Motion JPEG stream")


@pytest.mark.parametrize("suffix", [".gif", ".png", ".tiff", ".webp", ".jpg"])
def test_files_cut_anywhere_are_still_known(tmp_path: Path, suffix: str) -> None:
    whole = content(suffix)
    for length in range(16, len(whole), 7):
        assert family(tmp_path, whole[:length])[0] == "picture"


@pytest.mark.skipif(not CASES.is_dir(), reason="no shared cases here")
@pytest.mark.parametrize("name", ["photo", "photo.jfif", "photo.jpe"])
def test_shared_photos_with_other_endings_are_pictures(name: str) -> None:
    media = open_media(CASES / "picture_other_endings" / name)
    assert [frame.image.shape for frame in media.frames()] == [(64, 96, 3)]
