# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A planner that acts on /scene_graph: how one hand fetches a thing that others may lie on.

    fetch_planner.py [CLASS] [--seconds 60]

Relations that are certain become facts, a search over the actions `take` and `put` becomes a plan,
and with every graph there is a new plan: each time the next action changes, it is printed. Without
CLASS any thing that lies on something will do.
"""

import argparse
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.utilities import remove_ros_args

from psg_ros.msg import SceneRelation
from psg_ros.ros.client import GraphIndex, SceneSubscriber

CARRIES = ("on", "lying on", "standing on", "sitting on", "in")
"""Predicates that say: what is below cannot be taken before what is on it."""

LIKELY = 0.5
"""Probability from which a relation counts where relations are not tracked over time."""

State = frozenset[tuple[str, int, int]]
"""Facts ("on", upper, lower) and ("held", thing, 0), by ids of nodes."""

Action = tuple[str, int, int]
"""("take", thing, from where) or ("put", thing, where to)."""


def is_certain(relation: SceneRelation) -> bool:
    """Whether to act on it: confirmed over time and not refuted, or likely where untracked."""
    if relation.state:
        return relation.state != SceneRelation.STATE_TENTATIVE
    sure = relation.score if relation.probability != relation.probability else relation.probability
    return sure >= LIKELY


def facts(scene: GraphIndex) -> State:
    """Return what the graph says about what lies on what."""
    return frozenset(
        ("on", relation.subject_id, relation.object_id)
        for relation in scene.graph.relations
        if relation.predicate_name in CARRIES and is_certain(relation)
    )


def actions(state: State, surfaces: frozenset[int]) -> Iterator[tuple[Action, State]]:
    """Yield what one hand can do, and the state afterwards."""
    below = {lower for kind, _, lower in state if kind == "on"}
    held = [thing for kind, thing, _ in state if kind == "held"]
    if not held:
        for kind, thing, lower in sorted(state):
            if kind == "on" and thing not in below:
                rest = frozenset(fact for fact in state if fact[1] != thing)
                yield ("take", thing, lower), rest | {("held", thing, 0)}
        return
    for surface in sorted(surfaces - {held[0]}):
        rest = state - {("held", held[0], 0)}
        yield ("put", held[0], surface), rest | {("on", held[0], surface)}


def plan(state: State, wanted: set[int], longest: int = 12) -> list[Action]:
    """Return the shortest plan after which one of the wanted things is held; [] if there is none.

    Breadth first: all plans of one action, then of two, and so on.
    """
    surfaces = frozenset(lower for _, _, lower in state if lower)
    waiting: deque[tuple[State, list[Action]]] = deque([(state, [])])
    seen = {state}
    while waiting:
        here, so_far = waiting.popleft()
        for action, after in actions(here, surfaces):
            if action[0] == "take" and action[1] in wanted:
                return [*so_far, action]
            if after not in seen and len(so_far) + 1 < longest:
                seen.add(after)
                waiting.append((after, [*so_far, action]))
    return []


def wanted_things(scene: GraphIndex, class_name: str) -> set[int]:
    """Return the ids of the things that would do."""
    nodes = scene.by_class(class_name) if class_name else scene.graph.nodes
    return {node.id for node in nodes if node.is_thing}


def said(action: Action, scene: GraphIndex) -> str:
    """Return an action in words."""
    verb, thing, place = action
    upper, lower = (f"{scene.by_id(i).class_name} #{i}" for i in (thing, place))
    return f"take {upper} off {lower}" if verb == "take" else f"put {upper} on {lower}"


def run(scene: SceneSubscriber, class_name: str, seconds: float) -> None:
    """Print the next action whenever it changes."""
    end_s, last = time.monotonic() + seconds, ""
    while (graph := scene.next_graph(end_s - time.monotonic())) is not None:
        steps = plan(facts(graph), wanted_things(graph, class_name))
        text = said(steps[0], graph) if steps else "nothing to take"
        if text != last:
            more = f", then {len(steps) - 1} more" if len(steps) > 1 else ""
            print(f"next: {text}{more}", flush=True)
            last = text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("class_name", nargs="?", default="", metavar="CLASS")
    parser.add_argument("--seconds", type=float, default=60.0)
    args = parser.parse_args(remove_ros_args(sys.argv)[1:])
    rclpy.init()
    node = rclpy.create_node("fetch_planner")
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        run(SceneSubscriber(node), args.class_name, args.seconds)
    node.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
