# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One image file as an array."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def read_image(path: Path) -> np.ndarray:
    """Return an image file as uint8 [height, width, 3] RGB.

    Greyscale is repeated over the channels, transparency dropped, 16 bit scaled to 8, and the
    rotation of the EXIF tag applied.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is no image, incomplete, or of a pixel type that has no 8 bit form.
    """
    if Path(path).is_dir():
        raise ValueError(f"{path} is a folder, an image file was expected")
    content = np.frombuffer(Path(path).read_bytes(), np.uint8)
    image_bgr = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    if image_bgr is None:
        state = "is empty" if not content.size else "is no readable image, or incomplete"
        raise ValueError(f"{path} {state}")
    return cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB)
