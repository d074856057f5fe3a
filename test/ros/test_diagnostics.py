# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The node says on /diagnostics how it is, in every state, with the cause and the cure."""

import random
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from embedding import shoot
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage, Image

from psg_ros.msg import SceneGraph
from psg_ros.ros import demand
from psg_ros.ros.start import NODE_NAME

pytestmark = pytest.mark.ros

MODEL, CAMERA = f"{NODE_NAME}: model", f"{NODE_NAME}: camera"
PARTS = ("graphs", "dropped", "failed", "skipped", "in_work")


class Doctor:
    """Listens to /diagnostics; statuses by name, the newest, and all that were heard."""

    def __init__(self, embedding):
        self._embedding, self.all = embedding, []
        embedding.peer.create_subscription(DiagnosticArray, "/diagnostics", self._hear, 10)

    def _hear(self, array):
        assert array.header.stamp.sec > 0
        self.all += array.status

    def wait(self, name, condition=lambda status: True, doing=lambda: None):
        """Return the first status of that name from now on that fulfils the condition."""
        start = len(self.all)

        def found():
            return [s for s in self.all[start:] if s.name == name and condition(s)]

        self._embedding.spin_until(found, doing)
        return found()[0]


@pytest.fixture
def doctor(embedding):
    return Doctor(embedding)


def values(status):
    return {pair.key: pair.value for pair in status.values}


def counts(status):
    return {k.removeprefix("images "): int(v) for k, v in values(status).items() if "images " in k}


def test_the_state_and_the_model_are_told_from_the_start(embedding, doctor):
    node = embedding.node(started=False)
    assert doctor.wait(MODEL).message == "unconfigured"
    assert node.trigger_configure().name == "SUCCESS"
    status = doctor.wait(MODEL, lambda s: s.message == "inactive")
    told = values(status)
    assert (told["model"], told["backend"], told["device"]) == ("demo", "nothing", "cpu")
    assert told["precision"] == "fp32" and float(told["memory [MiB]"]) > 1
    assert node.trigger_activate().name == "SUCCESS"
    doctor.wait(MODEL, lambda s: s.message == "active" and s.level == DiagnosticStatus.OK)
    assert node.trigger_deactivate().name == "SUCCESS"
    doctor.wait(MODEL, lambda s: s.message == "inactive")


def test_a_refused_transition_is_an_error_with_its_reason_until_one_succeeds(embedding, doctor):
    node = embedding.node(started=False, cameras=["1st"])
    node.trigger_configure()
    status = doctor.wait(MODEL, lambda s: s.level == DiagnosticStatus.ERROR)
    assert status.message.startswith("configure failed: cameras must be names of letters")


def test_a_camera_that_works_shows_rate_age_and_counters_that_add_up(embedding, doctor):
    embedding.node()
    camera = embedding.camera()
    embedding.listen(SceneGraph, "/scene_graph")
    good = doctor.wait(
        CAMERA, lambda s: s.level == DiagnosticStatus.OK and "graphs per second" in s.message
        and counts(s)["graphs"] > 5, lambda: shoot(camera)
    )  # fmt: skip
    told = values(good)
    assert good.hardware_id == "/image" and told["subscribed"] == "True"
    assert float(told["rate [Hz]"]) > 0 and 0 <= float(told["age [ms]"]) < 5000
    assert told["last failure"] == ""


def test_in_a_flood_with_failures_every_status_adds_up(embedding, doctor, monkeypatch):
    """Also while images wait: received = graphs + dropped + failed + skipped + in work, always."""
    monkeypatch.setattr(demand, "LINGER_S", 60.0)  # images nobody wants still come, and are skipped
    rng = random.Random(1)
    node = embedding.node(max_rate=60.0)
    camera = embedding.camera("reliable")
    listener, _ = embedding.listen(SceneGraph, "/scene_graph")
    processor = node._streams[0].processor
    decode = processor._decode

    def decode_now_and_then(message, limit):
        time.sleep(rng.choice([0.0, 0.03]))
        if rng.random() < 0.2:
            raise ValueError("damaged on purpose")
        return decode(message, limit)

    processor._decode = decode_now_and_then

    def told():
        return [counts(s) for s in doctor.all if s.name == CAMERA]

    def seen(*parts):
        return all(told()[-1][part] > 0 for part in parts)

    embedding.spin_until(
        lambda: len(told()) >= 5 and seen("graphs", "dropped", "failed"),
        lambda: [shoot(camera) for _ in range(rng.choice([1, 3]))],
    )
    status = [s for s in doctor.all if s.name == CAMERA][-1]
    embedding.peer.destroy_subscription(listener)
    embedding.spin_until(lambda: seen("skipped"), lambda: shoot(camera))
    for count in told():
        assert count["received"] == sum(count[part] for part in PARTS), count
        assert 0 <= count["in_work"] <= 2
    assert status.level == DiagnosticStatus.WARN and "damaged on purpose" in status.message


def test_nobody_publishes_is_a_warning_that_says_where_images_are(embedding, doctor):
    embedding.node()
    embedding.camera(topic="/elsewhere")
    status = doctor.wait(CAMERA, lambda s: "/elsewhere" in s.message)
    assert status.level == DiagnosticStatus.WARN
    assert "nobody publishes on /image; images of this type are on /elsewhere" in status.message
    assert "remap image" in status.message


def test_a_camera_at_rest_is_well(embedding, doctor):
    embedding.node()
    embedding.camera()
    status = doctor.wait(CAMERA, lambda s: "at rest" in s.message)
    assert status.level == DiagnosticStatus.OK and values(status)["subscribed"] == "False"


def test_a_reliability_that_does_not_fit_is_an_error_even_before_anybody_listens(embedding, doctor):
    embedding.node(image_reliability="reliable")
    embedding.camera("best_effort")
    status = doctor.wait(CAMERA, lambda s: s.level == DiagnosticStatus.ERROR)
    assert "this node asks for reliable: set image_reliability:=match" in status.message


def test_images_of_another_type_are_an_error_that_names_the_transport(embedding, doctor, stranger):
    embedding.node()
    stranger.create_publisher(CompressedImage, "/image", qos_profile_sensor_data)
    status = doctor.wait(CAMERA, lambda s: s.level == DiagnosticStatus.ERROR)
    assert "of another type, sensor_msgs/msg/CompressedImage" in status.message
    assert "image_transport" in status.message


def test_a_camera_that_falls_silent_is_a_warning_until_it_speaks_again(embedding, doctor):
    embedding.node(silence_s=1.5)
    camera = embedding.camera()
    embedding.listen(SceneGraph, "/scene_graph")
    doctor.wait(CAMERA, lambda s: counts(s)["graphs"] > 2, lambda: shoot(camera))
    silent = doctor.wait(CAMERA, lambda s: s.level == DiagnosticStatus.WARN)
    assert "no image for" in silent.message and "ros2 topic hz /image" in silent.message
    doctor.wait(CAMERA, lambda s: s.level == DiagnosticStatus.OK, lambda: shoot(camera))


def test_when_every_image_fails_it_is_an_error_with_the_last_reason(embedding, doctor):
    embedding.node()
    camera = embedding.camera()
    embedding.listen(SceneGraph, "/scene_graph")
    bad = Image(width=8, height=8, encoding="rgb8", step=24)
    status = doctor.wait(
        CAMERA, lambda s: s.level == DiagnosticStatus.ERROR, lambda: camera.publish(bad)
    )
    assert "gave no graph, the last one because: rgb8 image of 8 x 8 px" in status.message
    assert "rgb8 image of 8 x 8 px" in values(status)["last failure"]


@pytest.mark.parametrize(
    ("offset_s", "words"), [(60, "ahead of this node's clock"), (-3600, "s old when")]
)
def test_stamps_of_another_clock_are_a_warning_with_the_cure(embedding, doctor, offset_s, words):
    embedding.node()
    camera = embedding.camera()
    embedding.listen(SceneGraph, "/scene_graph")
    status = doctor.wait(
        CAMERA,
        lambda s: s.level == DiagnosticStatus.WARN and "clock" in s.message,
        lambda: shoot(camera, time.time_ns() + offset_s * 10**9),
    )
    assert words in status.message and "use_sim_time" in status.message


def test_each_of_several_cameras_has_a_status_of_its_own(embedding, doctor):
    embedding.node(cameras=["front", "rear"])
    camera = embedding.camera(topic="/front/image")
    embedding.listen(SceneGraph, "/front/scene_graph")
    doctor.wait(f"{CAMERA} front", lambda s: counts(s)["graphs"] > 0, lambda: shoot(camera))
    rear = doctor.wait(f"{CAMERA} rear")
    assert "nobody publishes on /rear/image" in rear.message


def test_positions_that_cannot_be_measured_are_a_warning_that_says_what_is_missing(
    embedding, doctor
):
    embedding.node(spatial_frame_id="map")
    camera = embedding.camera()
    embedding.listen(SceneGraph, "/scene_graph")
    status = doctor.wait(CAMERA, lambda s: "no positions" in s.message, lambda: shoot(camera))
    assert status.level == DiagnosticStatus.WARN and "depth" in status.message
