# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""States, parameters and the process around the node."""

import shutil
import signal

import psutil
import pytest

from psg_ros.node_config import node_parameters
from psg_ros.ros.parameters import START_ONLY

pytestmark = pytest.mark.ros

CYCLES = 100
WARM_CYCLES = 20
GROWTH_MIB = 12


def test_without_autostart_the_node_waits_and_each_state_does_its_part(session, client, tiny_model):
    session.script("camera", "camera_process.py", "--rate", 20)
    listener = session.script("listener", "listener_process.py", "graph")
    session.node(tiny_model, autostart=False)
    assert client.state() == "unconfigured"
    assert client.change("configure") and client.state() == "inactive"
    assert listener.of("graph") == []
    for _ in range(2):
        heard = len(listener.of("graph"))
        assert client.change("activate") and client.state() == "active"
        graphs = listener.wait(lambda p, n=heard: len(p.of("graph")) >= n + 5 and p.of("graph"))
        numbers = [graph["sequence"] for graph in graphs[heard:]]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert numbers[0] <= 5  # counted from 1 since activation
        assert client.change("deactivate") and client.state() == "inactive"
    assert client.change("cleanup") and client.state() == "unconfigured"
    assert client.change("configure") and client.change("activate")
    heard = len(listener.of("graph"))
    listener.wait(lambda p: len(p.of("graph")) > heard)


@pytest.mark.slow
def test_cycles_through_all_states_leave_no_memory_threads_or_files(session, client, tiny_model):
    session.script("camera", "camera_process.py", "--rate", 30)
    listener = session.script("listener", "listener_process.py", "graph", "segmentation")
    node = session.node(tiny_model, autostart=False)
    process, marks = psutil.Process(node.popen.pid), []
    for cycle in range(CYCLES):
        heard = len(listener.of("graph"))
        assert client.change("configure") and client.change("activate")
        listener.wait(lambda p, n=heard: len(p.of("graph")) > n)
        assert client.change("deactivate") and client.change("cleanup")
        if cycle + 1 in (WARM_CYCLES, CYCLES):
            marks.append(
                (process.memory_info().rss / 2**20, process.num_threads(), process.num_fds())
            )
    (rss, threads, files), (rss_after, threads_after, files_after) = marks
    assert threads_after - threads < CYCLES - WARM_CYCLES > files_after - files
    assert rss_after - rss < GROWTH_MIB


def test_a_missing_model_fails_configure_and_the_node_can_try_again(
    session, client, tiny_model, tmp_path
):
    node = session.node(tmp_path / "model", autostart=False)
    assert not client.change("configure") and client.state() == "unconfigured"
    text = node.wait_for_log("configure failed: no model")
    assert "Traceback" not in text
    shutil.copytree(tiny_model, tmp_path / "model")
    assert client.change("configure") and client.change("activate")


def failed_start(session, *arguments, **parameters):
    """Start a node that must end by itself; return its log."""
    node = session.node(*arguments, **parameters)
    assert node.popen.wait(60) == 1
    session.forget(node)
    text = node.log.read_text()
    assert "Traceback" not in text
    return text


def test_a_plain_start_without_model_ends_with_status_1_and_one_line(session, tmp_path):
    text = failed_start(session, tmp_path / "nowhere")
    assert text.count("configure failed: no model") == 1 and len(text.splitlines()) == 1


def test_a_device_that_the_backend_does_not_have_is_named_in_one_line(session, tiny_model):
    text = failed_start(session, tiny_model, backend="openvino", device="cuda")
    assert len(text.splitlines()) == 1
    assert "configure failed: openvino runs on cpu or gpu, not on cuda" in text


def test_what_ros_itself_refuses_ends_the_start_without_a_traceback(session, tiny_model):
    assert "'use_sim_time' to '7'" in failed_start(
        session, tiny_model, extra=["-p", "use_sim_time:=7"]
    )


def test_an_unknown_parameter_is_refused_with_the_nearest_name(session, tiny_model):
    text = failed_start(
        session, tiny_model, extra=["-p", "relation_treshold:=0.5", "-p", "use_sim_time:=false"]
    )
    assert "unknown parameter 'relation_treshold' (did you mean 'relation_threshold'?)" in text
    assert "use_sim_time" not in text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("relation_threshold:=1", "relation_threshold must be float, not 1 (write 1.0, not 1)"),
        (
            "relation_threshold:=1.5",
            "relation_threshold must lie in 0.0 .. 1.0 or be -1.0 (the model's own), not 1.5",
        ),
        (
            "relation_threshold:=-0.5",
            "relation_threshold must lie in 0.0 .. 1.0 or be -1.0 (the model's own), not -0.5",
        ),
        ("backend:=gpu", "openvino, onnxruntime, torch, not 'gpu'"),
        ("device:=cpu:1", "device must be one of auto, cpu, gpu, cuda, tensorrt"),
        ("autostart:=maybe", "autostart must be bool, not 'maybe'"),
    ],
)
def test_a_refused_value_ends_the_start_with_one_line(session, tiny_model, given, words):
    text = failed_start(session, tiny_model, extra=["-p", given])
    assert words in text and len(text.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_node_in_good_order_while_it_works(session, tiny_model, number):
    listener = session.script("listener", "listener_process.py", "graph")
    node = session.node(tiny_model)
    session.script("camera", "camera_process.py", "--rate", 30)
    listener.wait(lambda p: p.of("graph"))
    assert node.stop(number) == 0
    text = node.log.read_text()
    assert "Traceback" not in text and "ERROR" not in text


def test_build_only_loads_the_model_and_ends(session, tiny_model, tmp_path):
    node = session.node(tiny_model, build_only=True)
    assert node.popen.wait(60) == 0
    assert "listening to" not in node.log.read_text()
    session.forget(node)
    assert "no model" in failed_start(session, tmp_path / "nowhere", build_only=True)


def test_a_shutdown_transition_ends_the_process(session, client, tiny_model):
    node = session.node(tiny_model)
    node.wait_for_log("listening to")
    assert client.change("shutdown")
    assert node.popen.wait(20) == 0


def test_parameters_are_described_with_range_and_access(session, client, tiny_model):
    session.node(tiny_model).wait_for_log("listening to")
    table = {p.name: p for p in node_parameters()}
    described = client.describe(list(table))
    for name, parameter in table.items():
        shown = described[name]
        assert shown.description == parameter.text and shown.read_only == (name in START_ONLY)
        says_when = "while the node is unconfigured" in shown.additional_constraints
        assert says_when == (parameter.fixed and not shown.read_only)
        ranges = [*shown.integer_range, *shown.floating_point_range]
        low = -1.0 if parameter.from_model else parameter.minimum
        expected = [] if low is None else [(low, parameter.maximum)]
        assert [(r.from_value, r.to_value) for r in ranges] == expected
        assert all(choice in shown.additional_constraints for choice in parameter.choices)


def test_thresholds_change_while_running_and_refusals_say_why(session, client, tiny_model):
    listener = session.script("listener", "listener_process.py", "graph", "vocabulary")
    session.node(tiny_model)
    session.script("camera", "camera_process.py")
    listener.wait(lambda p: p.of("graph") and p.of("graph")[-1]["relations"])
    assert client.set("relation_threshold", 1.0) == ""
    listener.wait(lambda p: p.of("graph")[-1]["relations"] == [])
    words = listener.wait(lambda p: len(p.of("vocabulary")) > 1 and p.of("vocabulary")[-1])
    assert words["version"] == 2 and words["predicates"][0][4] == 1.0
    assert listener.wait(lambda p: p.of("graph")[-1]["version"] == 2)
    assert client.set("relation_threshold", -1.0) == ""
    assert client.set("max_relations", 1) == ""
    listener.wait(lambda p: len(p.of("graph")[-1]["relations"]) == 1)
    assert "merge_resolution must be one of image" in client.set("merge_resolution", "huge")
    assert "range" in client.set("score_threshold", 2.0)
    assert "deactivate and clean up" in client.set("model", "other")
    assert client.get("score_threshold") == -1.0 and client.get("max_relations") == 1


def test_drawing_can_be_switched_off_and_on(session, client, tiny_model):
    listener = session.script("listener", "listener_process.py", "graph", "annotated")
    session.node(tiny_model)
    session.script("camera", "camera_process.py", "--rate", 20)
    listener.wait(lambda p: p.of("annotated"))
    assert client.set("annotated_image", False) == ""
    listener.wait(lambda p: p.of("graph")[-1]["heard"] > p.of("annotated")[-1]["heard"] + 0.3)
    assert client.set("annotated_image", True) == ""
    drawn = len(listener.of("annotated"))
    listener.wait(lambda p: len(p.of("annotated")) > drawn)
