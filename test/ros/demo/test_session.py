# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the demonstration decides before it starts anything."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from psg_ros.config import PictureConfig, PipelineConfig
from psg_ros.media import Media
from psg_ros.ros.demo import session
from psg_ros.ros.demo.session import DemoOptions, camera_rate_hz, demo_environment, free_domain
from psg_ros.ros.transport import profile_variable


def options(media: Media | None = None, rate_hz: float | None = None) -> DemoOptions:
    return DemoOptions(
        out=Path("out"),
        pipeline=PipelineConfig(relation_threshold=0.4),
        pictures=PictureConfig(max_megapixels=300),
        media=media,
        topic="",
        seconds=3.0,
        rate_hz=rate_hz,
        size_wh=(320, 240),
        seed=5,
        loop=True,
        started_s=1.5,
    )


def media(kind: str, rate_hz: float) -> Media:
    return Media(kind, "source", None, rate_hz, lambda _: iter(()))


def test_the_rate_is_the_wanted_one_or_that_of_the_source() -> None:
    assert camera_rate_hz(options()) == 10
    assert camera_rate_hz(options(media("folder", 0.0))) == 2
    assert camera_rate_hz(options(media("video", 29.97))) == 29.97
    assert camera_rate_hz(options(media("video", 29.97), rate_hz=5)) == 5


def test_a_domain_of_the_user_is_kept_and_none_means_one_of_our_own() -> None:
    assert demo_environment({"ROS_DOMAIN_ID": "7"})["ROS_DOMAIN_ID"] == "7"
    own = demo_environment({})
    assert 1 <= int(own["ROS_DOMAIN_ID"]) <= 101
    assert own["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert own[profile_variable({})].endswith("fastdds_images.xml")


def test_humble_gets_the_variable_that_it_knows() -> None:
    humble = demo_environment({"ROS_DISTRO": "humble"})
    assert humble["ROS_LOCALHOST_ONLY"] == "1"
    assert "ROS_AUTOMATIC_DISCOVERY_RANGE" not in humble


def test_a_domain_in_use_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    free = free_domain()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("", 7410 + 250 * free))
        monkeypatch.setattr(
            session.random, "sample", lambda *_: [free, 101 if free != 101 else 100]
        )
        assert free_domain() != free
        monkeypatch.setattr(session.random, "sample", lambda *_: [free])
        with pytest.raises(session.DemoError, match="ROS_DOMAIN_ID"):
            free_domain()


class Ended:
    """A child process of which only the end matters."""

    def __init__(self, status: int | None) -> None:
        self.status, self.log = status, Path("out/logs/node.log")

    def last_words(self) -> str:
        return "its words"


@pytest.mark.parametrize(
    ("camera", "why"),
    [(0, "the source ended before the first graph arrived: repeat it with --loop"),
     (None, "its words")],
)  # fmt: skip
def test_a_source_that_is_over_too_soon_is_named(camera: int | None, why: str) -> None:
    children = {"node": Ended(None), "camera": Ended(camera), "watcher": Ended(1)}
    assert str(session._no_graph(children)).startswith(f"{why}; the node's last words")


def test_the_processes_are_told_what_was_asked_for() -> None:
    commands = session._commands(options(media("video", 30.0)))
    texts = {name: " ".join(command) for name, command in commands.items()}
    assert "relation_threshold:=0.4" in texts["node"]
    assert "image:=/psg_demo/camera/image_raw" in texts["node"]
    assert "max_megapixels:=300" in texts["node"]
    assert "--max-megapixels 300" in texts["camera"]
    assert "model:=" not in texts["node"]  # at its default
    assert "--source=source" in texts["camera"] and "--loop" in texts["camera"]
    assert "--rate 30.0" in texts["camera"] and "--retime" not in texts["camera"]
    assert "--seconds 3.0" in texts["watcher"] and "--started 1.5" in texts["watcher"]


def test_a_wanted_rate_wins_over_the_times_of_a_video() -> None:
    camera = session._commands(options(media("video", 30.0), rate_hz=5.0))["camera"]
    assert "--retime" in camera and camera[camera.index("--rate") + 1] == "5.0"


def test_a_missing_package_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    present = {"rclpy", "psg_ros.msg", "av"}
    find = lambda module: module if module in present else None  # noqa: E731
    monkeypatch.setattr(session.importlib.util, "find_spec", find)
    session.check_requirements(options(media("video", 30.0)))
    with pytest.raises(ImportError, match="mujoco: ./run setup simulation.*without --live"):
        session.check_requirements(options())
    present.clear()
    with pytest.raises(ImportError, match=r"rclpy.*'\.\[ros\]' in the source folder"):
        session.check_requirements(options(media("video", 30.0)))
