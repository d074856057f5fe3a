# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The one error for everything that should hold a picture and does not."""

from __future__ import annotations


class ImageError(ValueError):
    """No picture, a broken one, or one that is too large; the message says which."""


def check_megapixels(width: int, height: int, max_megapixels: int) -> None:
    """Raise ImageError for a picture above the limit, before anything is allocated for it."""
    if width * height > max_megapixels * 1_000_000:
        raise ImageError(
            f"{width} x {height} px are {width * height / 1e6:.4g} megapixels, the limit is "
            f"{max_megapixels} (max_megapixels)"
        )
