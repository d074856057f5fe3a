# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the node makes beside the graph, over DDS: each while somebody listens, all of one image."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from sensor_msgs.msg import CompressedImage, Image
from test_space_input import AWAY_M, HW, Robot, metres

from psg_ros.pictures.compressed_image import decode_compressed_image
from psg_ros.pictures.encoded_picture import decode_samples
from psg_ros.ros import label_names, products, topics

pytestmark = pytest.mark.ros

NODE = "/scene_graph_node"
TOPICS = {
    f"{NODE}/segmentation": Image,
    f"{NODE}/segmentation/compressed": CompressedImage,
    f"{NODE}/annotated_image": Image,
    f"{NODE}/annotated_image/compressed": CompressedImage,
}


def test_all_pictures_are_of_one_image_and_the_drawing_is_made_once(embedding, monkeypatch):
    drawn = []
    overlay = products.overlay
    monkeypatch.setattr(products, "overlay", lambda *a, **k: drawn.append(1) or overlay(*a, **k))
    robot = Robot(embedding)
    heard = {topic: embedding.listen(kind, topic) for topic, kind in TOPICS.items()}
    embedding.node()
    robot.meet()
    lists = [messages for _, messages in heard.values()]
    embedding.spin_until(lambda: len(robot.graphs) >= 5 and all(lists), robot.tick)
    stamps = [{(m.header.stamp.sec, m.header.stamp.nanosec) for m in h} for _, h in heard.values()]
    assert set.intersection(*stamps)
    assert len(drawn) <= len(robot.graphs) + 2
    labels = heard[f"{NODE}/segmentation/compressed"][1][0]
    assert (decode_samples(labels.data) == 1).all() and labels.format.startswith("mono8; png")
    picture = decode_compressed_image(heard[f"{NODE}/annotated_image/compressed"][1][0])
    assert picture.shape == (*HW, 3)


def test_the_label_image_may_be_of_the_models_size(embedding):
    robot = Robot(embedding)
    _, raw = embedding.listen(Image, f"{NODE}/segmentation")
    _, compressed = embedding.listen(CompressedImage, f"{NODE}/segmentation/compressed")
    embedding.node(segmentation_size="model")  # 4 x 4 px
    robot.meet()
    embedding.spin_until(lambda: raw and compressed, robot.tick)
    assert (raw[0].width, raw[0].height, raw[0].encoding) == (4, 3, "mono8")
    assert decode_samples(compressed[0].data).shape == (3, 4)


def test_a_drawing_that_fails_costs_no_graph_and_the_log_says_so(embedding, monkeypatch, capfd):
    monkeypatch.setattr("psg_ros.ros.products.overlay", lambda *_, **__: 1 / 0)
    robot = Robot(embedding)
    _, drawn = embedding.listen(Image, f"{NODE}/annotated_image")
    embedding.node()
    robot.meet()
    embedding.spin_until(lambda: len(robot.graphs) > 3, robot.tick)
    assert robot.graphs[-1].timing.failed_frames == 0 and not drawn
    log = capfd.readouterr().err
    assert "a graph was published, but not all that is made of it" in log
    assert "division by zero" in log and "image skipped" not in log


def test_markers_alone_make_the_node_work(embedding):
    kinds = pytest.importorskip("visualization_msgs.msg", reason="needs visualization_msgs")
    robot = Robot(embedding)
    embedding.peer.destroy_subscription(robot.subscription)
    _, arrays = embedding.listen(kinds.MarkerArray, f"{NODE}/markers")
    embedding.node()
    robot.meet()

    def boxes():
        return [m for a in arrays for m in a.markers if m.type == kinds.Marker.CUBE and m.ns]

    embedding.spin_until(boxes, lambda: robot.tick(depth=metres()))
    box = boxes()[0]
    assert box.header.frame_id == "eye_optical_frame"
    assert box.pose.position.z == pytest.approx(AWAY_M, abs=0.01)


def test_markers_go_when_the_node_is_deactivated(embedding):
    """They have no lifetime: what nobody brings up to date would stay in RViz for good."""
    kinds = pytest.importorskip("visualization_msgs.msg", reason="needs visualization_msgs")
    robot = Robot(embedding)
    _, arrays = embedding.listen(kinds.MarkerArray, f"{NODE}/markers")
    node = embedding.node()
    robot.meet()

    def actions():
        return [marker.action for array in arrays for marker in array.markers]

    embedding.spin_until(lambda: kinds.Marker.ADD in actions(), lambda: robot.tick(depth=metres()))
    assert node.trigger_deactivate().name == "SUCCESS"
    embedding.spin_until(lambda: actions()[-1] == kinds.Marker.DELETEALL)


def test_names_of_segment_ids_where_vision_msgs_is_installed(
    embedding, foreign_messages, monkeypatch
):
    kinds = foreign_messages("vision_msgs")
    monkeypatch.setattr(label_names, "LabelInfo", kinds.LabelInfo)
    monkeypatch.setattr(label_names, "VisionClass", kinds.VisionClass)
    output = topics.Output(kinds.LabelInfo, topics.GRAPH_QOS)
    monkeypatch.setitem(topics.OUTPUTS, topics.LABEL_INFO_TOPIC, output)
    from psg_ros.ros import outputs

    monkeypatch.setattr(outputs, "PRODUCTS", (*outputs.PRODUCTS, label_names.LabelNames))
    robot = Robot(embedding)
    _, heard = embedding.listen(kinds.LabelInfo, f"{NODE}/label_info")
    embedding.node(score_threshold=0.25)
    robot.meet()
    embedding.spin_until(lambda: heard, robot.tick)
    assert [(c.class_id, c.class_name) for c in heard[0].class_map] == [(1, "demo")]
    assert heard[0].threshold == 0.25 and heard[0].header.frame_id == "eye_optical_frame"


def test_what_is_not_installed_is_named(embedding, capfd):
    embedding.node()
    text = capfd.readouterr().err
    for topic, package in topics.NOT_OFFERED.items():
        assert f"{topic} is not offered: {package} is not installed" in text
