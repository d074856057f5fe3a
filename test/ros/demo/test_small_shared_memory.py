# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg demo where shared memory is small, as in a container: images arrive, or the cure is said."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from tiny_model import paint

from psg_ros.media import VideoWriter

pytest.importorskip("rclpy")
pytestmark = [pytest.mark.ros, pytest.mark.slow]

ROOT = Path(__file__).parents[3]
FRAMES, RATE_HZ = 20, 5.0
FULL_HD = (1920, 1080)


def mounted(size: str, command: list[str]) -> list[str]:
    """Return the command line that runs a command with /dev/shm of that size, as docker does."""
    mount = f'mount -t tmpfs -o size={size} tmpfs /dev/shm && exec "$@"'
    return ["unshare", "--mount", "bash", "-c", mount, "bash", *command]


@pytest.fixture(scope="module", autouse=True)
def may_mount() -> None:
    if (
        not shutil.which("unshare")
        or subprocess.run(mounted("1m", ["true"]), check=False).returncode
    ):
        pytest.skip("needs the right to mount (root)")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "full_hd.mp4"
    image = cv2.resize(paint((240, 320), {"red": (20, 20, 100, 90)}), FULL_HD)
    with VideoWriter(path, RATE_HZ) as writer:
        for index in range(FRAMES):
            writer.write(image, index / RATE_HZ)
    return path


def demo(size: str, video: Path, model: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "psg_ros", "demo", "--source", str(video), "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("ROS_DOMAIN_ID", None)
    return subprocess.run(
        mounted(size, [*command, "--model", str(model), "--seconds", "20"]),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_full_hd_images_arrive_in_the_64_mib_of_a_container(
    video: Path, tiny_model: Path, tmp_path: Path
) -> None:
    done = demo("64m", video, tiny_model, tmp_path)
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["frames_received"] >= FRAMES - 2 and summary["frames_lost"] <= 1
    assert "shared memory" not in done.stderr


def test_too_little_for_one_image_is_said_with_the_cure_by_demo_and_node(
    video: Path, tiny_model: Path, tmp_path: Path
) -> None:
    done = demo("4m", video, tiny_model, tmp_path)
    for text in (done.stderr, (tmp_path / "logs" / "node.log").read_text()):
        assert "of 4 MiB free" in text and "--shm-size=512m" in text
    # By UDP, and sent again where need be, most arrive all the same.
    assert done.returncode == 0, done.stderr
