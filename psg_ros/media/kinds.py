# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a file is: decided by its content alone, here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from psg_ros.media import several

HEAD_BYTES = 4096


@dataclass(frozen=True)
class Kind:
    """What a file is.

    Attributes:
        family: `picture`, `video`, `bag`, or `other` for what we know but do not read.
        name: for messages, with its article.
        demuxer: of a video: what FFmpeg calls the container; empty where FFmpeg shall find out.
        cure: of `other`: what makes it readable.
    """

    family: str
    name: str
    demuxer: str = ""
    cure: str = ""


def _other(name: str, cure: str) -> Kind:
    return Kind("other", name, cure=cure)


JPEG, PNG, WEBP = (Kind("picture", f"a {name} picture") for name in ("JPEG", "PNG", "WebP"))
GIF, TIFF = Kind("picture", "a GIF picture"), Kind("picture", "a TIFF picture")
AVIF = Kind("picture", "an AVIF picture")
MP4 = Kind("video", "an MP4 or MOV video", "mov")
RAW_VIDEO = Kind("video", "a raw video stream (H.264, H.265 or MPEG)")
AUDIO = _other("a sound recording", "give a picture, a video or a bag")
TO_JPEG = "convert it to JPEG or PNG"
RAW_PHOTO = _other("a raw photo of a camera", "export it as JPEG or PNG")

_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (rb"\xff\xd8\xff", JPEG),
    (rb"\x89PNG\r\n\x1a\n", PNG),
    (rb"GIF8[79]a", GIF),
    (rb"RIFF....WEBP", WEBP),
    (rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", Kind("picture", "a BMP picture")),
    (rb"(II\x2a\0|MM\0\x2a).{4}CR", RAW_PHOTO),
    (rb"II\x2a\0|MM\0\x2a|II\x2b\0|MM\0\x2b", TIFF),
    (rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", Kind("picture", "a JPEG 2000 picture")),
    (rb"P[1-6][\s#]", Kind("picture", "a PNM picture")),
    (rb"P7\n", _other("a PAM picture", TO_JPEG)),
    (rb"IIRO|IIRS|IIU\0|FUJIFILMCCD-RAW|FOVb|\0MRM", RAW_PHOTO),
    (rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", _other("a JPEG XL picture", TO_JPEG)),
    (rb"#\?R|v/1\x01|P[Ff]\n", _other("a picture of floating-point numbers", TO_JPEG)),
    (rb"8BPS|gimp xcf|%PDF|%!PS|\s*(<\?xml[^>]*>\s*)?<svg", _other("a document", TO_JPEG)),
    (rb"....(moov|mdat|wide|skip|free|pnot)", MP4),
    (rb"\x1a\x45\xdf\xa3", Kind("video", "a Matroska or WebM video", "matroska")),
    (rb"RIFF....AVI ", Kind("video", "an AVI video", "avi")),
    (rb"FLV\x01", Kind("video", "a Flash video", "flv")),
    (rb"OggS", Kind("video", "an Ogg video", "ogg")),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Kind("video", "a Windows Media video", "asf")),
    (rb"\x47.{187}\x47.{187}\x47", Kind("video", "an MPEG transport stream", "mpegts")),
    (rb".{4}\x47.{191}\x47.{191}\x47", Kind("video", "an MPEG transport stream", "mpegts")),
    (rb"\0\0\x01\xba", Kind("video", "an MPEG program stream", "mpeg")),
    (rb"\0{2,3}\x01", RAW_VIDEO),
    (rb"DKIF", Kind("video", "an IVF video", "ivf")),
    (rb"YUV4MPEG2 ", Kind("video", "a Y4M video", "yuv4mpegpipe")),
    (rb"nut/multimedia container\0", Kind("video", "a NUT video", "nut")),
    (rb"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02", Kind("video", "an MXF video", "mxf")),
    (rb"\x1f\x07\0", Kind("video", "a DV video", "dv")),
    (rb"\x12\0\x0a", Kind("video", "a raw AV1 stream", "obu")),
    (rb"\x89MCAP0\r\n", Kind("bag", "an MCAP bag")),
    (rb"SQLite format 3\0", Kind("bag", "an SQLite bag")),
    (rb"#ROSBAG V", Kind("bag", "a ROS 1 bag")),
    (rb"\x28\xb5\x2f\xfd", Kind("bag", "a compressed bag")),
    (rb"ID3|fLaC|RIFF....WAVE|\xff[\xf2\xf3\xfa\xfb\xf1\xf9]", AUDIO),
    (
        rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|BZh|\xfd7zXZ|Rar!|.{257}ustar",
        _other("an archive", "unpack it"),
    ),
)
_PATTERNS = tuple((re.compile(pattern, re.DOTALL), kind) for pattern, kind in _MAGIC)

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1"}

MOVING_CURE = "save it as MP4, GIF or single pictures"
_WITH_SEVERAL: dict[Kind, tuple[Callable[[BinaryIO], bool], Kind]] = {
    GIF: (several.gif, Kind("video", "an animated GIF", "gif")),
    PNG: (several.png, Kind("video", "an animated PNG", "apng")),
    WEBP: (several.webp, _other("an animated WebP", MOVING_CURE)),
    TIFF: (several.tiff, _other("a TIFF of several pages", "save its pages as single pictures")),
}
"""Formats that may hold one picture or several: how to tell, and what the file is then."""


def identify(path: Path, *, thoroughly: bool = False) -> Kind | None:
    """Return what a regular file is, None where its content is nothing we know.

    Args:
        thoroughly: read a JPEG to its end, to see whether more pictures follow (Motion JPEG).

    Raises:
        OSError: it cannot be read.
        ValueError: it is empty.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if not head:
            raise ValueError(f"{path} is empty")
        kind = _of_head(head)
        if kind in _WITH_SEVERAL:
            has_several, instead = _WITH_SEVERAL[kind]
            return instead if has_several(file) else kind
        if kind is JPEG and thoroughly and several.jpeg(file):
            return Kind("video", "a Motion JPEG stream", "mjpeg")
        return kind


def _of_head(head: bytes) -> Kind | None:
    if head[4:8] == b"ftyp":
        return _of_brands(head)
    return next((kind for pattern, kind in _PATTERNS if pattern.match(head)), None)


def _of_brands(head: bytes) -> Kind:
    """Tell apart what shares the boxes of ISO/IEC 14496-12: videos, AVIF, HEIC, raw photos."""
    box = head[: int.from_bytes(head[:4], "big")]
    brands = {box[8:12], *(box[place : place + 4] for place in range(16, len(box), 4))}
    if b"avis" in brands:
        return Kind("video", "an animated AVIF", "mov")
    if b"avif" in brands:
        return AVIF
    if brands & _HEIF_BRANDS:
        return _other("a HEIC picture", f"{TO_JPEG} (heif-convert, or the phone's own export)")
    return RAW_PHOTO if b"crx " in brands else MP4
