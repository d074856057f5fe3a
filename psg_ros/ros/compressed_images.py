# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Our pictures as CompressedImage, in the words of image_transport's `compressed` plugin."""

from __future__ import annotations

import array

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from psg_ros.graph_messages import grey_encoding
from psg_ros.pictures.jpeg import encode_jpeg
from psg_ros.scene_graph import Segmentation

PNG_LEVEL = 1
"""Label images are flat: higher levels cost several times as long for a fifth of the size."""


def grey_to_png_msg(pixels: np.ndarray, header: Header) -> CompressedImage:
    """Return uint8 or uint16 [height, width] as PNG."""
    encoding = grey_encoding(pixels)
    png = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL])[1]
    return _message(png.tobytes(), f"{encoding}; png compressed {encoding}", header)


def rgb_to_jpeg_msg(image_rgb: np.ndarray, quality: int, header: Header) -> CompressedImage:
    """Return uint8 [height, width, 3] RGB as JPEG."""
    # bgr8 is what a reader's codec gives it back as, whatever was put in.
    return _message(encode_jpeg(image_rgb, quality), "rgb8; jpeg compressed bgr8", header)


def shrunk(segmentation: Segmentation, limit_hw: tuple[int, int]) -> Segmentation:
    """Return a segmentation whose label map fits into a size; itself where it does already."""
    height, width = segmentation.image_hw
    scale = min(limit_hw[0] / height, limit_hw[1] / width)
    if scale >= 1:
        return segmentation
    rows, columns = (
        ((np.arange(max(1, round(side * scale))) + 0.5) / scale).astype(np.intp).clip(0, side - 1)
        for side in (height, width)
    )
    label_map = segmentation.label_map[rows[:, None], columns]
    return Segmentation(label_map, segmentation.labels, segmentation.scores)


def _message(content: bytes, format: str, header: Header) -> CompressedImage:
    # Any other type is checked byte by byte.
    return CompressedImage(header=header, format=format, data=array.array("B", content))
