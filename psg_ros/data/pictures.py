# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures and panoptic PNGs of a data set: which way up, and what the pixels of a PNG mean."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from psg_ros.pictures.encoded_picture import as_rgb, decode_samples, turned
from psg_ros.pictures.picture_file import read_samples, read_with
from psg_ros.pictures.pillow_pictures import orientation_of
from psg_ros.scene_graph import VOID

EXIF_TURNS = {
    2: "mirrored",
    3: "turned upside down",
    4: "mirrored top to bottom",
    5: "mirrored along its diagonal",
    6: "turned right",
    7: "mirrored along its other diagonal",
    8: "turned left",
}


def read_rgb_of_size(path: Path, image_hw: tuple[int, int]) -> np.ndarray:
    """Return a picture, which must have the size that its annotation states.

    A mask fits the pixels as they are stored (so panopticapi and pycocotools read them), and the
    rotation that a camera noted in the EXIF tag is not applied. Only where the annotated size is
    that of the turned picture, the mask was drawn on that.

    Returns:
        uint8 [height, width, 3] RGB.

    Raises:
        FileNotFoundError: no such file.
        ImageError: it cannot be read.
        ValueError: it has another size.
    """
    image = read_with(partial(_decode_like, image_hw=image_hw), path)
    check_size(path, image.shape, image_hw)
    return image


def _decode_like(content: bytes, image_hw: tuple[int, int]) -> np.ndarray:
    image = as_rgb(decode_samples(content))
    if image.shape[:2] == image_hw or image.shape[1::-1] != image_hw:
        return image
    orientation = orientation_of(content)
    return turned(image, orientation) if orientation >= 5 else image


def turned_by_exif(path: Path, image_hw: tuple[int, int]) -> str:
    """Return how the EXIF tag of a picture would turn it, and whether it does here; or nothing.

    Whether a turned photo fits its mask, only the two sides tell, and only where they differ.
    """
    content = path.read_bytes() if path.is_file() else b""
    orientation = orientation_of(content)
    if orientation == 1:
        return ""
    is_applied = orientation >= 5 and decode_samples(content).shape[:2] != image_hw
    how = "applied, as the annotated size asks" if is_applied else "ignored, the mask must fit that"
    return f"{path.name} is to be {EXIF_TURNS[orientation]} (EXIF {orientation}): {how}"


def check_size(path: Path, shape: tuple[int, ...], image_hw: tuple[int, int]) -> None:
    """Raise ValueError, naming both sizes, unless a picture has the annotated size."""
    if shape[:2] != image_hw:
        is_wh, said_wh = (f"{width} x {height} px" for height, width in (shape[:2], image_hw))
        raise ValueError(f"{path} is {is_wh}, the annotation says {said_wh}")


def read_segment_ids(path: Path) -> np.ndarray:
    """Return int32 [height, width]: the id R + 256 G + 65536 B of every pixel (Kirillov et al.,
    "Panoptic Segmentation", CVPR 2019, COCO format); 0 is unlabelled.

    Raises:
        FileNotFoundError: no such file.
        ImageError: it cannot be read.
    """
    rgb = as_rgb(read_samples(Path(path)))
    # Widened first: in uint8 the products would wrap.
    return rgb.astype(np.int32) @ np.array([1, 1 << 8, 1 << 16], np.int32)


def positions_of(ids: np.ndarray, segment_ids: np.ndarray) -> np.ndarray:
    """Return int32, in the shape of `ids`: where in `segment_ids` each id stands, or void."""
    order = np.argsort(segment_ids)
    known = np.array(segment_ids, np.int64)[order]
    if not len(known):
        return np.full(ids.shape, VOID, np.int32)
    place = np.searchsorted(known, ids).clip(max=len(known) - 1)
    return np.where(known[place] == ids, order[place], VOID).astype(np.int32)
