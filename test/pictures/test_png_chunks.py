# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every damage to a PNG shows in its checksums or its end."""

from __future__ import annotations

import numpy as np
import pytest
from picture_bytes import encoded, png_chunks, png_of, zeros_png

from psg_ros.pictures.image_error import ImageError
from psg_ros.pictures.png_chunks import check_png

WHOLE = encoded("PNG")


@pytest.mark.parametrize("content", [WHOLE, WHOLE + b"trailer", zeros_png(3000, 2000)])
def test_a_whole_png_passes(content: bytes) -> None:
    check_png(content)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_cut_png_is_refused(share: float) -> None:
    with pytest.raises(ImageError, match="incomplete PNG: cut off in"):
        check_png(WHOLE[: 8 + int((len(WHOLE) - 8) * share)])


def test_every_flipped_byte_is_noticed() -> None:
    """But not in the end chunk's length, behind which nothing matters."""
    rng = np.random.default_rng(0)
    for place in {8, 30, len(WHOLE) - 13, *rng.integers(8, len(WHOLE) - 12, 300).tolist()}:
        content = bytearray(WHOLE)
        content[place] ^= 1 << int(rng.integers(8))
        with pytest.raises(ImageError, match="PNG"):
            check_png(bytes(content))


def test_a_header_that_claims_more_than_its_pixels_can_be_is_refused() -> None:
    (header, data), *rest = png_chunks(WHOLE)
    claim = (10_000).to_bytes(4, "big") * 2 + data[8:]
    with pytest.raises(ImageError, match="bytes of pixels, expected 300000000 unpacked"):
        check_png(png_of((header, claim), *rest))
