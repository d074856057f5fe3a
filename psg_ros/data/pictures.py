# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Decoding of pictures and panoptic PNGs; a file that is incomplete is refused, not half shown."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np

from psg_ros.scene_graph import VOID

# 0xFF in entropy-coded data is followed by 0 or, at a restart, by D0 .. D7; FF FF is padding.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"


def read_rgb(path: Path) -> np.ndarray:
    """Return uint8 [height, width, 3] RGB.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is empty, incomplete or no image.
    """
    return cv2.cvtColor(_read_bgr(Path(path), "image"), cv2.COLOR_BGR2RGB)


def read_rgb_of_size(path: Path, image_hw: tuple[int, int]) -> np.ndarray:
    """Return a picture as `read_rgb`, which must have the size that its annotation states.

    Raises:
        FileNotFoundError, ValueError: as `read_rgb`; or it has another size.
    """
    image = read_rgb(path)
    check_size(path, image.shape, image_hw)
    return image


def check_size(path: Path, shape: tuple[int, ...], image_hw: tuple[int, int]) -> None:
    """Raise ValueError, naming both sizes, unless a picture has the annotated size."""
    if shape[:2] != image_hw:
        is_wh, said_wh = (f"{width} x {height} px" for height, width in (shape[:2], image_hw))
        raise ValueError(f"{path} is {is_wh}, the annotation says {said_wh}")


def read_segment_ids(path: Path) -> np.ndarray:
    """Return int32 [height, width]: the id R + 256 G + 65536 B of every pixel (Kirillov et al.,
    «Panoptic Segmentation», CVPR 2019, COCO format); 0 is unlabelled.

    Raises:
        FileNotFoundError, ValueError: as `read_rgb`.
    """
    bgr = _read_bgr(Path(path), "PNG")
    # Widened first: in uint8 the products would wrap.
    return bgr.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)


def positions_of(ids: np.ndarray, segment_ids: np.ndarray) -> np.ndarray:
    """Return int32, in the shape of `ids`: where in `segment_ids` each id stands, or void."""
    order = np.argsort(segment_ids)
    known = np.array(segment_ids, np.int64)[order]
    if not len(known):
        return np.full(ids.shape, VOID, np.int32)
    place = np.searchsorted(known, ids).clip(max=len(known) - 1)
    return np.where(known[place] == ids, order[place], VOID).astype(np.int32)


def is_complete_jpeg(content: bytes) -> bool:
    """Tell whether a JPEG reaches its end-of-image marker (ITU T.81, annex B).

    What decoders make of the missing rest is grey, without an error. Bytes after the marker do not
    matter. Lost data in the middle of a scan is not found.
    """
    place = len(_JPEG_START)
    while marker := _NEXT_MARKER.search(content, place):
        if marker[0] == _JPEG_END:
            return True
        # Segments are skipped by their length: a thumbnail in one has an end marker of its own.
        length = int.from_bytes(content[marker.end() : marker.end() + 2], "big")
        place = marker.end() + length
    return False


def _read_bgr(path: Path, what: str) -> np.ndarray:
    """Return uint8 [height, width, 3]."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist")
    content = path.read_bytes()
    if content.startswith(_JPEG_START) and not is_complete_jpeg(content):
        raise ValueError(f"{path} is a truncated JPEG; fetch it again")
    # Not cv2.imread: it shows what is there of a truncated JPEG, where imdecode refuses.
    bgr = _decode(content) if content else None
    if bgr is None:
        state = "is empty" if not content else f"is incomplete or not a readable {what}"
        raise ValueError(f"{path} {state}; fetch or write it again")
    return bgr


def _decode(content: bytes) -> np.ndarray | None:
    try:
        return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # a header that claims a picture of more than 2^30 px
        return None
