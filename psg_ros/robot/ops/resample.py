# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Antialiased bilinear scaling of bytes, to the bit what Pillow's `Image.resize(BILINEAR)` gives.

Published EoMT models were trained and measured on images scaled so. OpenCV has no such mode: its
bilinear resize does not widen the triangle of weights with the scale, its area average is a box.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

# As a number: the enumeration Image.Resampling is missing in the Pillow of Ubuntu 22.04.
BILINEAR = 2


def resize_antialiased(image: np.ndarray, out_hw: tuple[int, int]) -> np.ndarray:
    """Return uint8 [height, width, 3] of an image uint8 [h, w, 3]; works in both directions."""
    height, width = out_hw
    picture = Image.fromarray(image)
    # Along the rows first, whatever the shape: Pillow 13 chooses the order by the work, so in tall
    # pictures a byte would depend on its version.
    wide = picture.resize((width, image.shape[0]), BILINEAR)
    return np.asarray(wide.resize((width, height), BILINEAR))
