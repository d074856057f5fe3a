# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Our pictures compressed: read back by our own readers, they are the same."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from psg_ros.graph_messages import segment_ids
from psg_ros.pictures.compressed_image import decode_compressed_image
from psg_ros.pictures.encoded_picture import decode_samples
from psg_ros.ros.compressed_images import grey_to_png_msg, rgb_to_jpeg_msg, shrunk
from psg_ros.scene_graph import VOID, Segmentation

HEADER = Header(stamp=Time(sec=7, nanosec=5), frame_id="eye")


def segmentation(count, hw=(40, 60)):
    label_map = np.arange(hw[0] * hw[1], dtype=np.int32).reshape(hw) % (count + 1) - 1
    return Segmentation(label_map, np.zeros(count, np.int64), np.ones(count, np.float32))


@pytest.mark.parametrize(("count", "encoding"), [(0, "mono8"), (254, "mono8"), (255, "mono16")])
def test_label_images_lose_nothing(count, encoding):
    parts = segmentation(count)
    message = grey_to_png_msg(segment_ids(parts), HEADER)
    assert message.header == HEADER
    assert message.format == f"{encoding}; png compressed {encoding}"
    np.testing.assert_array_equal(decode_samples(message.data), parts.label_map + 1)


def test_pictures_are_close_and_in_the_right_colours():
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    image = np.stack(np.broadcast_arrays(ramp[:, None], ramp, np.uint8(40)), axis=2)
    message = rgb_to_jpeg_msg(image, 95, HEADER)
    back = decode_compressed_image(message).astype(int)
    assert np.abs(back - image).mean() < 4
    assert len(rgb_to_jpeg_msg(image, 10, HEADER).data) < len(message.data)


def test_a_label_image_of_the_models_size_keeps_its_shape_and_its_values():
    parts = segmentation(9, (480, 640))
    small = shrunk(parts, (256, 256))
    assert small.label_map.shape == (192, 256) and small.num_segments == 9
    assert small.label_map[0, 0] == parts.label_map[1, 1]  # the middle of 2.5 x 2.5 px
    assert set(np.unique(small.label_map)) <= set(range(VOID, 9))


@pytest.mark.parametrize("limit", [(480, 640), (1024, 1024)])
def test_it_never_grows(limit):
    parts = segmentation(9, (480, 640))
    assert shrunk(parts, limit) is parts


def test_thin_images_keep_a_pixel():
    assert shrunk(segmentation(1, (1, 1000)), (64, 64)).label_map.shape == (1, 64)
