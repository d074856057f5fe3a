# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters that the node is given: its own, misspelled ones, and those of other nodes."""

import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from embedding import shoot
from rclpy.parameter import Parameter

from psg_ros.msg import SceneGraph
from psg_ros.ros.start import NODE_MODULE

pytestmark = pytest.mark.ros

FLEET = """
/**:
  ros__parameters:
    use_sim_time: false
    max_relations: 7
    max_velocity: 1.5
    relation_treshold: 0.5
    lidar: {frame: laser, rate: 10}
    qos_overrides: {/tf: {subscription: {depth: 3}}, /image: {subscription: {depth: 2}}}
"""


def arguments(folder, *texts):
    """Return the ROS arguments for parameter files of these contents."""
    words = ["--ros-args"]
    for number, text in enumerate(texts):
        file = folder / f"{number}.yaml"
        file.write_text(text)
        words += ["--params-file", str(file)]
    return words


def test_parameters_of_other_nodes_in_a_file_for_all_are_named_once_and_ignored(
    embedding, tmp_path, capfd
):
    node = embedding.node(arguments=arguments(tmp_path, FLEET))
    embedding.stop(node)
    embedding.start(node)
    assert embedding.pipelines[-1].config.max_relations == 7
    warnings = [line for line in capfd.readouterr().err.splitlines() if "under a wildcard" in line]
    (warning,) = warnings
    assert warning.endswith(
        "does not have them: lidar.frame, lidar.rate, max_velocity, "
        "qos_overrides./tf.subscription.depth, relation_treshold (did you mean relation_threshold?)"
    )


@pytest.mark.parametrize(
    "section", ["/scene_graph_node", "scene_graph_node", "/**/scene_graph_node"]
)
def test_under_the_nodes_own_name_a_misspelled_parameter_is_an_error(
    embedding, tmp_path, capfd, section
):
    own = f"{section}: {{ros__parameters: {{relation_treshold: 0.5}}}}"
    node = embedding.node(started=False, arguments=arguments(tmp_path, FLEET, own))
    assert node.trigger_configure().name == "FAILURE"
    log = capfd.readouterr().err
    assert "unknown parameter 'relation_treshold' (did you mean 'relation_threshold'?)" in log


@pytest.mark.parametrize("how", ["on the command line", "by the program"])
def test_given_otherwise_a_misspelled_parameter_is_an_error(embedding, tmp_path, capfd, how):
    line, given = arguments(tmp_path, FLEET), {}
    if how == "by the program":
        given = {"max_velocity": 1.5}
    else:
        line += ["-p", "max_velocity:=1.5"]
    node = embedding.node(started=False, arguments=line, **given)
    assert node.trigger_configure().name == "FAILURE"
    assert "unknown parameter 'max_velocity'" in capfd.readouterr().err


def test_a_wrong_value_of_a_known_parameter_is_an_error_under_a_wildcard_too(embedding, tmp_path):
    wrong = "/**: {ros__parameters: {max_relations: many}}"
    with pytest.raises(ValueError, match="max_relations must be int, not 'many'"):
        embedding.node(started=False, arguments=arguments(tmp_path, wrong))


def test_when_the_file_cannot_be_read_again_every_name_counts(
    embedding, tmp_path, capfd, monkeypatch
):
    def vanished(path):
        raise ValueError(f"{path}: no such file")

    monkeypatch.setattr("psg_ros.ros.parameter_files.read_parameter_file", vanished)
    node = embedding.node(started=False, arguments=arguments(tmp_path, FLEET))
    assert node.trigger_configure().name == "FAILURE"
    assert "unknown parameter 'lidar.frame'" in capfd.readouterr().err


def test_choices_and_overrides_are_accepted_in_any_case(embedding):
    override = "qos_overrides./image.subscription.reliability"
    embedding.node(merge_resolution="Mask", image_transport="RAW", **{override: "RELIABLE"})
    config = embedding.pipelines[-1].config
    assert (config.merge_resolution, config.image_transport) == ("mask", "raw")


def test_text_that_yaml_takes_for_a_flag_is_refused_with_the_cure(embedding):
    with pytest.raises(ValueError, match=r"camera must be str, not True \(put it in quotes"):
        embedding.node(started=False, arguments=["--ros-args", "-p", "camera:=on"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        ("a: [", "is not YAML: "),
        ("/**:\n  model: demo", "is not a mapping; expected NODE: ros__parameters"),
    ],
)
def test_a_process_with_a_bad_parameter_file_ends_with_one_line(tmp_path, content, words):
    file = tmp_path / "p.yaml"
    if content:
        file.write_text(content)
    command = [sys.executable, "-m", NODE_MODULE, "--ros-args", "--params-file", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(f"scene_graph_node: parameter file {file}")
    assert words in done.stderr and done.stderr.count("\n") == 1


def reason(node, name, value):
    (result,) = node.set_parameters([Parameter(name, value=value)])
    return "" if result.successful else result.reason


@pytest.mark.parametrize(
    ("name", "good", "bad", "words"),
    [
        ("region", [0.0, 0.0, 0.5, 1.0], [0.0, 0.0, 2.0, 1.0], "region must be x, y, width"),
        ("region", [0.1, 0.1, 0.2, 0.2], [0.0, 0.0], "region must be x, y, width"),
        ("classes", ["thing"], ["thimg"], "no label 'thimg' (did you mean 'thing'?)"),
        ("pairs", ["thing - anything"], ["thing"], 'as in "person - cup"'),
        ("pairs", ["thing - thing"], ["thing - thimg"], "did you mean 'thing'?"),
        ("classes", [""], ["a", "thing"], "no label 'a'"),
        ("max_rate", 5.0, -1.0, "range"),
        ("deadline_ms", 50.0, 1e9, "range"),
        ("lazy", False, "maybe", "type"),
    ],
)
def test_what_is_of_interest_changes_while_running_and_nonsense_is_refused_by_name(
    embedding, name, good, bad, words
):
    node = embedding.node(model="thing")
    assert reason(node, name, good) == ""
    before = node.get_parameter(name).value
    assert words in reason(node, name, bad)
    assert node.get_parameter(name).value == before, "what was refused changed nothing"
    camera, (_, graphs) = embedding.camera(), embedding.listen(SceneGraph, "/scene_graph")
    embedding.spin_until(lambda: graphs, lambda: shoot(camera))


def test_a_region_written_without_points_is_refused_with_an_example(embedding):
    with pytest.raises(ValueError, match=r"region must be a list of numbers with a point, as in"):
        embedding.node(started=False, region=[0, 0, 1, 1])


def test_another_model_comes_with_configure_and_what_was_set_stays(embedding):
    node = embedding.node(model="thing", max_rate=50.0)
    assert reason(node, "annotated_relations", 3) == ""
    camera, (_, graphs) = embedding.camera(), embedding.listen(SceneGraph, "/scene_graph")
    embedding.spin_until(lambda: graphs, lambda: shoot(camera))
    assert "deactivate and clean up" in reason(node, "model", "other")
    embedding.stop(node)
    assert reason(node, "model", "other") == ""
    embedding.start(node)
    embedding.spin_until(lambda: graphs[-1].nodes[0].class_name == "other", lambda: shoot(camera))
    config = embedding.pipelines[-1].config
    assert (config.max_rate, config.annotated_relations) == (50.0, 3)
    assert graphs[-1].vocabulary_version == graphs[0].vocabulary_version + 1
