# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The node over DDS: camera, node and listener are three processes."""

import pytest

pytestmark = pytest.mark.ros

FRAMES = 12
SHA256_DIGITS = 64


def start_all(session, model, topics, camera_options=(), **parameters):
    """Start listener, node and camera; return them in this order."""
    listener = session.script("listener", "listener_process.py", *topics)
    node = session.node(model, **parameters)
    node.wait_for_log("listening to")
    return listener, node, session.script("camera", "camera_process.py", *camera_options)


def test_graph_and_pictures_carry_the_header_of_their_image(session, tiny_model):
    topics = ("graph", "segmentation", "annotated")
    listener, _, camera = start_all(
        session, tiny_model, topics, ["--stamps", "random", "--rate", 5], camera="front"
    )
    listener.wait(lambda p: all(len(p.of(topic)) >= FRAMES for topic in topics))
    sent = [line["stamp"] for line in camera.of("image")]
    headers = {t: {tuple(line["stamp"]): line["frame"] for line in listener.of(t)} for t in topics}
    common = set(headers["segmentation"]) & set(headers["annotated"])
    assert len(common) >= FRAMES - 2  # the first pictures may come before they are subscribed
    for stamp in common:
        assert list(stamp) in sent
        assert len({headers[topic][stamp] for topic in topics}) == 1
        assert headers["graph"][stamp].endswith("_optical_frame")


def test_the_graph_tells_what_the_camera_sees(session, tiny_model):
    listener, *_ = start_all(session, tiny_model, ["graph", "segmentation"], camera="front")
    listener.wait(lambda p: len(p.of("graph")) >= 5 and len(p.of("segmentation")) >= 5)
    graph = listener.of("graph")[-1]
    assert graph["camera"] == "front" and graph["size"] == [96, 64] and graph["schema"] == 2
    assert [name for _, _, name, _, _ in graph["nodes"]] == ["red", "blue", "yellow"]
    names = {node_id: name for node_id, _, name, _, _ in graph["nodes"]}
    said = {(names[s], predicate, names[o]) for s, predicate, o, _ in graph["relations"]}
    assert ("red", "left of", "blue") in said and ("blue", "right of", "red") in said
    scores = [score for *_, score in graph["relations"]]
    assert scores == sorted(scores, reverse=True)
    assert not any(graph["calibrated"])
    assert graph["inference_ms"] > 0 and graph["received"] <= graph["published"]
    label_image = listener.of("segmentation")[-1]
    assert label_image["encoding"] == "mono8" and label_image["size"] == [96, 64]
    areas = {str(segment_id): area for _, segment_id, _, area, _ in graph["nodes"]}
    assert {k: v for k, v in label_image["counts"].items() if k != "0"} == areas


def test_ids_stay_and_become_confirmed_and_sequence_has_no_gap(session, tiny_model):
    listener, *_ = start_all(session, tiny_model, ["graph"], ["--rate", 10])
    graphs = listener.wait(lambda p: len(p.of("graph")) >= FRAMES and p.of("graph"))
    numbers = [graph["sequence"] for graph in graphs]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len({tuple(node[0] for node in graph["nodes"]) for graph in graphs}) == 1
    assert all(node[0] > 0 for node in graphs[0]["nodes"])
    assert [node[4] for node in graphs[-1]["nodes"]] == [2, 2, 2]
    if numbers[0] == 1:
        assert graphs[-1]["first_seen"] == [graphs[0]["stamp"]] * 3


def test_without_tracking_ids_are_those_of_the_segments(session, tiny_model):
    listener, *_ = start_all(session, tiny_model, ["graph"], track=False)
    graph = listener.wait(lambda p: p.of("graph"))[-1]
    assert graph["nodes"] and all(node[0] == node[1] and node[4] == 0 for node in graph["nodes"])
    ids = {node[0] for node in graph["nodes"]}
    assert {end for s, _, o, _ in graph["relations"] for end in (s, o)} == ids


def test_a_black_picture_gives_an_empty_graph_each_time(session, tiny_model):
    listener, *_ = start_all(session, tiny_model, ["graph", "segmentation"], ["--scene", "black"])
    graphs = listener.wait(lambda p: len(p.of("graph")) >= FRAMES and p.of("graph"))
    assert all(graph["nodes"] == [] and graph["relations"] == [] for graph in graphs)
    listener.wait(lambda p: p.of("segmentation"))
    assert listener.of("segmentation")[-1]["counts"] == {"0": 96 * 64}


def test_a_late_listener_gets_the_vocabulary_that_graphs_refer_to(session, tiny_model):
    node = session.node(tiny_model)
    node.wait_for_log("listening to")
    session.script("camera", "camera_process.py")
    listener = session.script("listener", "listener_process.py", "vocabulary", "graph")
    words = listener.wait(lambda p: p.of("vocabulary"))[0]
    graph = listener.wait(lambda p: p.of("graph"))[0]
    assert graph["version"] == words["version"] == 1
    assert words["model"] == "tiny" and len(words["sha256"]) == SHA256_DIGITS
    assert words["classes"][0] == [0, "red", True, [255, 0, 0]]
    assert words["classes"][3][2] is False
    index, name, inverse, symmetric, threshold = words["predicates"][0]
    assert (index, name, inverse, symmetric) == (0, "left of", "right of", False)
    assert threshold == pytest.approx(0.3)  # what the model recommends


def test_bad_images_cost_one_line_in_the_log_and_nothing_else(session, tiny_model):
    listener, node, camera = start_all(session, tiny_model, ["graph"], ["--bad", 2, "--rate", 20])
    listener.wait(lambda p: len(p.of("graph")) >= 20)
    bad = {tuple(line["stamp"]) for line in camera.of("image") if line["bad"]}
    assert len(bad) >= 10
    assert not bad & {tuple(line["stamp"]) for line in listener.of("graph")}
    text = node.log.read_text()
    assert text.count("image skipped") <= 2  # one each five seconds, and this takes about two
    assert "rgb8 image of 96 x 64 px: expected 64 rows of 288 bytes = 18432" in text
    numbers = [graph["sequence"] for graph in listener.of("graph")]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_compressed_images_come_through_the_remapped_base_topic(session, tiny_model):
    listener, node, _ = start_all(
        session, tiny_model, ["graph"], ["--compressed"], image_transport="compressed"
    )
    assert len(listener.wait(lambda p: p.of("graph"))[0]["nodes"]) == 3
    assert "listening to /camera/image/compressed" in node.log.read_text()


def test_broken_compressed_images_cost_one_line_and_their_decoder_prints_nothing(
    session, tiny_model
):
    options = ["--compressed", "--bad", 2, "--rate", 20]
    listener, node, camera = start_all(
        session, tiny_model, ["graph"], options, image_transport="compressed"
    )
    listener.wait(lambda p: len(p.of("graph")) >= 10)
    bad = {tuple(line["stamp"]) for line in camera.of("image") if line["bad"]}
    assert len(bad) >= 5
    assert not bad & {tuple(line["stamp"]) for line in listener.of("graph")}
    text = node.log.read_text()
    assert "bytes of format 'rgb8; png compressed bgr8': incomplete PNG: cut off in 'IEND'" in text
    assert text.count("PNG") <= 2 and "libpng" not in text


@pytest.mark.parametrize("transport", ["raw", "compressed"])
def test_images_above_the_limit_are_skipped_with_both_numbers(session, tiny_model, transport):
    options = ["--size", 1100, 1000, "--rate", 5, *(["--compressed"] * (transport != "raw"))]
    _, node, _ = start_all(
        session, tiny_model, ["graph"], options, image_transport=transport, max_megapixels=1
    )
    node.wait_for_log("1100 x 1000 px are 1.1 megapixels, the limit is 1 (max_megapixels)")


@pytest.mark.parametrize("offered", ["best_effort", "reliable"])
def test_match_takes_what_the_publisher_offers(session, tiny_model, offered):
    listener = session.script("listener", "listener_process.py", "graph")
    node = session.node(tiny_model, image_reliability="match")
    node.wait_for_log("listening to")
    session.script("camera", "camera_process.py", "--reliability", offered)
    assert listener.wait(lambda p: p.of("graph"))


def test_a_reliability_that_does_not_fit_is_an_error_that_names_the_cure(session, tiny_model):
    node = session.node(tiny_model, image_reliability="reliable", silence_s=1.0, lazy=False)
    node.wait_for_log("listening to")
    session.script("camera", "camera_process.py", "--reliability", "best_effort")
    text = node.wait_for_log("image_reliability:=best_effort")
    assert "/camera/image has 1 publisher (" in text and "best_effort, volatile)" in text
    assert "RELIABILITY" in text and "asked for reliable" in text


def test_silence_is_explained_with_topic_publishers_and_where_images_are(session, tiny_model):
    session.script("camera", "camera_process.py", "--topic", "/elsewhere/image")
    node = session.node(tiny_model, silence_s=1.0)
    text = node.wait_for_log("images of this type are on")
    assert (
        "no image for 1 s: /camera/image has 0 publishers, asked for whatever a publisher offers"
        in text
    )
    assert "images of this type are on /elsewhere/image\n" in text


def calls_with_listeners(session, model, topics):
    """Return how often the node drew and made label images while 10 graphs were heard."""
    listener, node, camera = start_all(session, model, topics, entry="counting_node.py")
    listener.wait(lambda p: all(len(p.of(topic)) >= 10 for topic in topics))
    for process in (node, camera, listener):
        assert process.stop() == 0
        session.forget(process)
    return node.of("calls")[0]


def test_nothing_is_drawn_or_encoded_while_nobody_listens(session, tiny_model):
    quiet = calls_with_listeners(session, tiny_model, ["graph"])
    assert quiet["scene_graph_to_msg"] >= 10
    assert quiet["overlay"] == quiet["segmentation_to_msg"] == 0
    watched = calls_with_listeners(session, tiny_model, ["graph", "annotated"])
    assert watched["overlay"] >= 10 and watched["segmentation_to_msg"] == 0
