# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""client.hpp, compiled against the generated C++ messages, does what psg_ros.client does.

rclcpp exists in no Python wheel: the example of the documentation is compiled against a stand-in
with the few of its functions that it calls.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from query_cases import CASES, PREDICATES, REFUSED, STAMP_NS, Case, scene, vocabulary

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

pytest.importorskip("rosidl_generator_cpp", reason="needs the ROS message generators")
if not shutil.which("g++"):
    pytest.skip("needs g++", allow_module_level=True)

from pip_build.generate import describe, write_visibility_header  # noqa: E402
from pip_build.interfaces import ros_prefix  # noqa: E402
from psg_ros.config import DeltaConfig  # noqa: E402
from psg_ros.graph_delta import DeltaEncoder, DeltaFollower  # noqa: E402

pytestmark = pytest.mark.slow

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the command that compiles C++17 against our messages, warnings being errors."""
    from rosidl_generator_cpp import generate_cpp

    sources, call = describe(tmp_path_factory.mktemp("rosidl"))
    headers = sources.root / "cpp"
    call(generate_cpp, headers)
    write_visibility_header("rosidl_generator_cpp__visibility_control.hpp", headers)
    others = (path for path in (ros_prefix() / "include").iterdir() if path.is_dir())
    # Generated code and that of others may warn.
    system = [word for path in (headers, *others) for word in ("-isystem", str(path))]
    return ["g++", "-std=c++17", "-O0", *WARNINGS, f"-I{ROOT / 'include'}", *system]


@pytest.fixture(scope="module")
def program(compiler: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("driver") / "driver"
    compile_ = [*compiler, "-pthread", str(Path(__file__).parent / "driver.cpp"), "-o", str(path)]
    done = subprocess.run(compile_, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return path


class Driver:
    """Gathers what the C++ program is to do; `run` returns what it says to each line."""

    def __init__(self, program: Path) -> None:
        self._program, self._lines = program, []

    def say(self, *words: object) -> None:
        self._lines.append("\t".join(str(int(w) if isinstance(w, bool) else w) for w in words))

    def graph(self, graph, vocabulary_version: int) -> None:
        self._parts(graph)
        stamp = graph.header.stamp
        self.say("graph", graph.sequence, vocabulary_version, stamp.sec, stamp.nanosec)

    def delta(self, delta) -> None:
        self._parts(delta)
        for segment in delta.segments:
            self.say("segment", segment)
        for node in delta.removed_nodes:
            self.say("gone_node", node)
        for key in delta.removed_relations:
            self.say("gone_relation", *key)
        context = delta.context
        version, activated = context.vocabulary_version, context.activated.sec
        self.say("delta", delta.base_sequence, delta.sequence, delta.keyframe, activated, version)

    def vocabulary(self, version: int) -> None:
        for entry in vocabulary().classes:
            self.say("class", entry.name)
        for entry in PREDICATES:
            self.say("predicate", entry.name, entry.inverse_name, entry.symmetric)
        self.say("vocabulary", version)

    def run(self) -> list[str]:
        text = "".join(f"{line}\n" for line in self._lines)
        done = subprocess.run(
            [str(self._program)], input=text, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split("\n")[:-1]

    def _parts(self, message) -> None:
        for n in message.nodes:
            self.say("node", n.id, n.segment_id, n.class_name)
        for r in message.relations:
            ends = (r.subject_id, r.predicate_id, r.object_id)
            self.say("relation", *ends, r.predicate_name, r.score, r.probability, r.state)


@pytest.fixture
def driver(program: Path) -> Driver:
    return Driver(program)


def find(driver: Driver, case: Case) -> None:
    asked = (case.subject, case.predicate, case.object)
    driver.say("find", *asked, case.min_probability, case.confirmed_only)


@pytest.mark.parametrize("with_vocabulary", [True, False])
def test_queries_are_answered_alike(driver: Driver, with_vocabulary: bool):
    if with_vocabulary:
        driver.vocabulary(1)
    driver.graph(scene(), vocabulary_version=1)
    cases = [case for case in CASES if case.with_vocabulary == with_vocabulary]
    for case in cases:
        find(driver, case)
    relations = scene().relations
    for case, answer in zip(cases, driver.run()[-len(cases) :], strict=True):
        found, inverted, nodes, holds = answer.split("\t")
        assert found.split() == [str(place) for place in case.found], case
        assert inverted.split() == [str(int(p in case.inverted)) for p in case.found], case
        ends = {e for p in case.found for e in (relations[p].subject_id, relations[p].object_id)}
        assert {int(node) for node in nodes.split()} == ends, case
        assert holds == str(int(bool(case.found))), case


def test_what_cannot_be_meant_is_refused_alike(driver: Driver):
    driver.vocabulary(1)
    driver.graph(scene(), vocabulary_version=1)
    for case, _ in REFUSED:
        find(driver, case)
    for (case, text), answer in zip(REFUSED, driver.run()[-len(REFUSED) :], strict=True):
        kind, why = answer.split("\t")
        # Up to the hint, which Python words better, and the number, which C++ rounds.
        stem = text.split(" (")[0] if case.min_probability == 0 else text.split(", not ")[0]
        assert kind == "refused" and why.startswith(stem), case


def test_words_are_those_of_the_graphs_vocabulary(driver: Driver):
    driver.graph(scene(), vocabulary_version=2)
    driver.vocabulary(1)
    find(driver, Case("cap"))
    driver.vocabulary(2)
    find(driver, Case("cap"))
    answers = driver.run()
    (unknown, refused) = [line for line in answers if line]
    assert unknown == "\t\t\t0" and refused.startswith("refused\t")


def test_nodes_ages_and_waiting(driver: Driver):
    driver.say("age", 0)
    driver.say("by_id", 3)
    driver.say("by_class", "cup")
    driver.graph(scene(), vocabulary_version=0)
    driver.say("age", STAMP_NS + 1_500_000_000)
    driver.say("by_id", 12)
    driver.say("by_class", "CUP")
    driver.say("by_class", "coffee table")
    driver.say("wait", "cup", "on", "coffee table", 0.0, False)
    driver.say("wait", "cup", "holding", "", 0.05, False)
    for entry in scene().nodes:
        driver.say("node", entry.id, entry.segment_id, entry.class_name)
    driver.say("relation", 3, 3, 12, "holding", 0.5, math.nan, 2)
    driver.say("wait", "cup", "holding", "", 30.0, True)
    answers = [line for line in driver.run() if line]
    # Nothing is there for by_class before the first graph: an empty line.
    expected = ["inf", "none", "1.5", "Coffee_Table", "3 7 ", "12 ", "5", "time is over", "77"]
    assert answers == expected


def test_deltas_are_followed_alike(driver: Driver):
    from random import Random

    random = Random(3)
    encoder = DeltaEncoder(DeltaConfig(delta_keyframe_s=6.0))
    follower, expected = DeltaFollower(), []
    for sequence in range(1, 60):
        delta = encoder.encode(random_graph(random, sequence), sequence * 1_000_000_000)
        for _ in range(random.choice([0, 1, 1, 1, 2])):
            in_step = follower.apply(_as_message(delta))
            driver.delta(delta)
            expected.append(_shown(in_step, follower.graph))
    answers = [line for line in driver.run() if line]
    assert [_sorted(line) for line in answers] == [_sorted(line) for line in expected]
    assert {line.split("\t")[0] for line in answers} == {"in_step", "lost"}


def test_an_answer_counts_while_a_delta_is_missing_and_nothing_later_has_come(driver: Driver):
    """As in test_client.py; each line of an answer says which graph is the newest then."""

    def delta(base: int, sequence: int) -> None:
        driver.say("delta", base, sequence, base == 0, 0, 1)

    delta(0, 1)
    delta(2, 3)  # one got lost
    driver.say("answer", 3, 1, 0, 0)
    delta(0, 4)
    driver.say("answer", 3, 1, 0, 0)
    delta(5, 6)  # and another one
    driver.say("answer", 2, 1, 0, 0)
    driver.say("answer", 6, 1, 0, 0)
    answers = [line for line in driver.run() if line and "\t" not in line and line != "lost"]
    assert answers == ["3", "4", "4", "6"]


def random_graph(random, sequence: int):
    from message_likes import SceneGraph, SceneNode, SceneRelation, Time

    ids = random.sample(range(1, 7), random.randint(0, 6))
    nodes = [
        SceneNode(id=i, segment_id=place + 1 if i % 3 else 0, class_name=random.choice("ab"))
        for place, i in enumerate(ids)
    ]
    relations = [
        SceneRelation(a, b, 0, "on", random.random(), math.nan, random.randint(0, 3))
        for a in ids
        for b in ids
        if a != b and random.random() < 0.3
    ]
    activated = Time(1 + sequence // 25)
    return SceneGraph(
        sequence=sequence,
        activated=activated,
        vocabulary_version=1,
        nodes=nodes,
        relations=relations,
        schema_version=0,
    )


def _as_message(delta):
    from types import SimpleNamespace

    return SimpleNamespace(**delta.fields())


def _shown(in_step: bool, graph) -> str:
    if graph is None:
        return "lost"
    nodes = "".join(f"{n.id}:{n.segment_id}:{n.class_name} " for n in graph.nodes)
    relations = "".join(
        f"{r.subject_id}:{r.predicate_id}:{r.object_id}:{r.state} " for r in graph.relations
    )
    return f"{'in_step' if in_step else 'lost'}\t{graph.sequence}\t{nodes}\t{relations}"


def _sorted(line: str) -> list[list[str]]:
    """What a line says, whatever the order of nodes and relations."""
    return [sorted(part.split()) for part in line.split("\t")]


def test_the_example_of_the_documentation_compiles(compiler: list[str]):
    example = ROOT / "docs" / "examples" / "wait_for_relation.cpp"
    stand_in = ["-I", str(Path(__file__).parent / "stand_in")]
    done = subprocess.run(
        [*compiler, *stand_in, "-fsyntax-only", str(example)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
