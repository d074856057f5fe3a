# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What of an image goes to the device before its turn has come."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="part of the node")

from psg_ros.node_config import NodeConfig
from psg_ros.ros.image_upload import begin_upload


def message(encoding="bgr8", width=4, step=12):
    data = np.zeros(2 * step, np.uint8)
    return SimpleNamespace(
        encoding=encoding, width=width, height=2, step=step, data=data, is_bigendian=0
    )


class Device:
    """A pipeline whose device decodes images."""

    takes_raw = True

    def __init__(self):
        self.sent = []

    def send(self, raw):
        self.sent.append(raw)


def test_its_bytes_are_sent_as_they_are():
    device, image = Device(), message()
    raw = begin_upload(image, device, NodeConfig())
    assert device.sent == [raw] and raw.encoding == "bgr8" and raw.step == 12
    assert np.shares_memory(raw.data, image.data)


@pytest.mark.parametrize(
    "image", [message("rgb16", 2), message("nonsense"), message(width=5)], ids=lambda i: i.encoding
)
def test_what_no_device_decodes_is_left_to_the_host(image):
    device = Device()
    assert begin_upload(image, device, NodeConfig()) is None and not device.sent


def test_nothing_is_sent_where_the_host_decodes():
    device = Device()
    assert begin_upload(message(), device, NodeConfig(image_transport="compressed")) is None
    device.takes_raw = False
    assert begin_upload(message(), device, NodeConfig()) is None and not device.sent
