# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An image on its way to the device that decodes it, while that works on the one before."""

from __future__ import annotations

from typing import Any

from psg_ros.frame import RawPicture
from psg_ros.node_config import NodeConfig
from psg_ros.pictures.image_decoding import raw_picture
from psg_ros.pictures.image_error import ImageError
from psg_ros.robot.pipeline import Pipeline


def begin_upload(message: Any, pipeline: Pipeline, config: NodeConfig) -> RawPicture | None:
    """Return the bytes of a message that are being copied; None where the host decodes them."""
    if config.image_transport != "raw" or not pipeline.takes_raw:
        return None
    try:
        raw = raw_picture(message, config.max_megapixels)
    except ImageError:
        return None  # whoever decodes it says what is wrong with it
    if raw is not None:
        pipeline.send(raw)
    return raw
