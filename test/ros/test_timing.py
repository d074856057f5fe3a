# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How old a graph is and how soon services answer: medians, several attempts on a busy machine."""

import statistics

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.slow]

ATTEMPTS = 10
MODEL_MS = 80.0
FRAME_MS = 1e3 / 30
TOLERANCE_MS = 30.0
"""For transport, two thread changes, decoding and the tiny model; these take about 5 ms at rest."""
ANSWER_MS = 50.0
QUESTIONS = 30


def slow_node(session, tiny_model):
    session.environment["SLOW_MODEL_MS"] = str(MODEL_MS)
    return session.node(tiny_model, entry="slow_node.py")


def test_a_graph_is_never_older_than_one_inference_and_one_frame(session, tiny_model):
    """The median age is at most 80 ms + 33 ms + tolerance although three frames come meanwhile.

    A queue of only two frames would add two inferences.
    """
    listener = session.script("listener", "listener_process.py", "graph")
    slow_node(session, tiny_model).wait_for_log("listening to")
    session.script("camera", "camera_process.py", "--rate", 30, "--size", 640, 480)
    limit_ms, seen = MODEL_MS + FRAME_MS + TOLERANCE_MS, []
    for attempt in range(1, ATTEMPTS + 1):
        graphs = listener.wait(lambda p, n=25 * attempt: len(p.of("graph")) >= n and p.of("graph"))
        graphs = graphs[-20:]
        ages_ms = [1e3 * (g["published"] - g["stamp"][0] - g["stamp"][1] * 1e-9) for g in graphs]
        seen.append(statistics.median(ages_ms))
        if seen[-1] <= limit_ms:
            break
    print(f"median age {seen[-1]:.1f} ms with a model of {MODEL_MS:.0f} ms at 30 Hz")
    assert min(ages_ms) >= MODEL_MS
    assert min(seen) <= limit_ms, f"median ages {seen} ms, at most {limit_ms:.0f} ms allowed"
    assert graphs[-1]["dropped"] > len(graphs)  # about three of four frames never had their turn


def median_answers_ms(client):
    """Return the median time of questions about parameters, state and graph, and of a change."""
    asked = {
        "get_parameters": lambda: client.get("max_relations"),
        "set_parameters": lambda: client.set("max_relations", 50),
        "get_state": client.state,
        "query_relations": lambda: client.query("red", "left of", "blue"),
    }
    times = {name: [] for name in asked}
    for _ in range(QUESTIONS):
        for name, ask in asked.items():
            ask()
            times[name].append(client.last_ms)
    return {name: statistics.median(values) for name, values in times.items()}


def assert_quick_answers(client, what):
    for _ in range(ATTEMPTS):
        medians = median_answers_ms(client)
        if max(medians.values()) <= ANSWER_MS:
            break
    print(f"{what}: median answers { ({k: round(v, 1) for k, v in medians.items()}) } ms")
    assert max(medians.values()) <= ANSWER_MS, medians


def test_services_answer_while_a_slow_model_runs(session, client, tiny_model):
    listener = session.script("listener", "listener_process.py", "graph")
    slow_node(session, tiny_model)
    session.script("camera", "camera_process.py", "--rate", 30)
    listener.wait(lambda p: p.of("graph"))
    assert_quick_answers(client, "model asleep")


def test_services_answer_while_the_tiny_model_works_as_fast_as_it_can(session, client, tiny_model):
    listener = session.script("listener", "listener_process.py", "graph")
    session.node(tiny_model)
    session.script("camera", "camera_process.py", "--rate", 60, "--size", 640, 480)
    listener.wait(lambda p: p.of("graph"))
    assert_quick_answers(client, "tiny model on 640 x 480 px")
