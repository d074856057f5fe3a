# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How images come: the class of their messages, what reads a serialised one, what decodes it.

Subscriptions to images are raw: the pixels stay in the serialised message until they are needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from psg_ros.pictures.compressed_image import decode_compressed_image
from psg_ros.pictures.depth_image import decode_compressed_depth, decode_depth
from psg_ros.pictures.image_decoding import decode_image
from psg_ros.pictures.serialized_image import MakeHeader, read_compressed_image, read_image


class ImageTransport(NamedTuple):
    """One value of `image_transport` or `depth_transport`.

    Attributes:
        kind: class of the messages.
        fields: returns the fields of a serialised one, see `psg_ros.pictures.serialized_image`.
        decode: returns the picture, given those fields and the limit in megapixels.
    """

    kind: type
    fields: Callable[[bytes, MakeHeader], Any]
    decode: Callable[[Any, int], np.ndarray]

    def read(self, serialized: bytes) -> Any:
        """Return the fields of a message, its header one of ROS; ImageError if it holds none."""
        return self.fields(serialized, _make_header)


COLOR_TRANSPORTS = {
    "raw": ImageTransport(Image, read_image, decode_image),
    "compressed": ImageTransport(CompressedImage, read_compressed_image, decode_compressed_image),
}
DEPTH_TRANSPORTS = {
    "raw": ImageTransport(Image, read_image, decode_depth),
    "compressedDepth": ImageTransport(
        CompressedImage, read_compressed_image, decode_compressed_depth
    ),
}


def _make_header(sec: int, nanosec: int, frame_id: str) -> Header:
    return Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id=frame_id)
