# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg demo for real: three processes, DDS between them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from backends import needs
from tiny_model import paint

from psg_ros.media import VideoWriter, open_media, read_image

pytest.importorskip("rclpy")
pytest.importorskip("av")
pytestmark = [pytest.mark.ros, pytest.mark.slow]

ROOT = Path(__file__).parents[3]
RATE_HZ = 10.0
SHARED_MEMORY = Path("/dev/shm")


def scene(index: int) -> np.ndarray:
    """Red moves right above yellow."""
    return paint(
        (240, 320), {"red": (20 + index, 20, 100 + index, 90), "yellow": (0, 150, 320, 240)}
    )


@pytest.fixture
def video(tmp_path: Path) -> Path:
    with VideoWriter(tmp_path / "video.mp4", RATE_HZ) as writer:
        for index in range(30):
            writer.write(scene(index), index / RATE_HZ)
    return tmp_path / "video.mp4"


@pytest.fixture
def start(tiny_model: Path, tmp_path: Path):
    def begin(*arguments: object, python_path: Path = ROOT) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": f"{python_path}:{ROOT}"}
        environment.pop("ROS_DOMAIN_ID", None)
        command = [sys.executable, "-m", "psg_ros", "demo", "--out", "out"]
        command += ["--model", str(tiny_model), *map(str, arguments)]
        return subprocess.Popen(
            command,
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="surrogateescape",
        )

    return begin


def folders_of_processes(tmp_path: Path) -> Iterator[Path]:
    """Yield /proc/PID of each of our processes: they work in this test's folder."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (folder / "cwd").resolve() == tmp_path:
                yield folder


def processes_of(tmp_path: Path) -> list[str]:
    """Return the command lines of our processes."""
    found = []
    for folder in folders_of_processes(tmp_path):
        with contextlib.suppress(OSError):
            found.append((folder / "cmdline").read_text().replace("\0", " "))
    return found


def shared_memory() -> set[str]:
    """Return the names of the segments of Fast DDS on this machine."""
    if not SHARED_MEMORY.is_dir():
        return set()
    return {path.name for path in SHARED_MEMORY.iterdir() if "fastdds_" in path.name}


def in_use_by(process: Path) -> set[str]:
    """Return the names of the segments that a process (/proc/PID) has mapped."""
    try:
        return set(re.findall(r"/dev/shm/(\S*fastdds_\S+)", (process / "maps").read_text()))
    except OSError:  # ended meanwhile, or of another user
        return set()


@pytest.fixture(autouse=True)
def no_shared_memory_left(tmp_path: Path) -> Iterator[None]:
    """However a run ends, its segments must go: they would fill /dev/shm run by run."""
    ours: set[str] = set()
    ended = threading.Event()

    def watch() -> None:
        # Others on this machine start nodes, too, and some of them are killed: theirs do not count.
        while not ended.wait(0.1):
            for process in folders_of_processes(tmp_path):
                ours.update(in_use_by(process))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    yield
    ended.set()
    watcher.join()
    end_s = time.monotonic() + 30
    while left := out_of_use(ours & shared_memory()):
        assert time.monotonic() < end_s, f"nobody uses these any more: {sorted(left)}"
        time.sleep(0.1)


def out_of_use(names: set[str]) -> set[str]:
    """Return those of the segments that no process has mapped."""
    used = set().union(*(in_use_by(process) for process in Path("/proc").glob("[0-9]*")))
    return {name for name in names - used if not name.endswith("_el")}


def none_left(tmp_path: Path, seconds: float = 60.0) -> bool:
    end_s = time.monotonic() + seconds
    while processes_of(tmp_path) and time.monotonic() < end_s:
        time.sleep(0.1)
    return not processes_of(tmp_path)


def test_a_video_flows_through_node_and_subscriber(start, video: Path, tmp_path: Path) -> None:
    output, errors = start("--source", video, "--seconds", 20).communicate(timeout=120)
    assert "first graph" in output, errors
    out = tmp_path / "out"
    summary = json.loads((out / "summary.json").read_text())
    # The source ends by itself; a loaded machine may lose a few of the 30 on the way.
    assert 20 <= summary["graphs_published"] <= summary["frames_received"] <= 30
    assert summary["frames_received"] == summary["graphs_published"] + summary["frames_dropped"]
    assert 0 < summary["age_ms_median"] <= summary["age_ms_p95"] < 2000
    assert summary["fps"] == pytest.approx(RATE_HZ, rel=0.3)
    assert (summary["model"], summary["nodes_mean"]) == ("tiny", pytest.approx(2, abs=0.2))
    assert "red #1 above yellow #2" in output and "\x1b" not in output

    film = open_media(out / "annotated.mp4")
    assert film.rate_hz == pytest.approx(RATE_HZ, rel=0.4) and film.num_frames >= 20
    assert_drawn(next(film.frames()).image)
    assert read_image(out / "annotated.png").shape == (240, 320, 3)
    texts = [element.text for element in ET.parse(out / "scene_graph.svg").iter() if element.text]
    assert {"#1 red", "#2 yellow"} <= set(texts) and any("above" in text for text in texts)
    assert none_left(tmp_path)


def test_a_photo_is_held_like_a_view_that_nobody_moves(start, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "photo.png"), scene(0)[..., ::-1])
    demo = start("--source", "photo.png", "--rate", 10, "--seconds", 2)
    output, errors = demo.communicate(timeout=120)
    assert demo.returncode == 0, errors
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["graphs_published"] > 5 and summary["nodes_mean"] == pytest.approx(2, abs=0.2)


def test_source_and_results_may_have_any_names(start, video: Path, tmp_path: Path) -> None:
    name, out = os.fsdecode(b"caf\xe9 10:20:30 %d.mp4"), tmp_path / os.fsdecode(b"-\xff")
    video.rename(tmp_path / name)
    demo = start("--source", name, "--loop", "--seconds", 3, f"--out={out.name}")
    _, errors = demo.communicate(timeout=120)
    assert demo.returncode == 0, errors
    assert len(list(open_media(out / "annotated.mp4").frames())) > 5
    assert json.loads((out / "summary.json").read_text())["graphs_published"] > 5


def assert_drawn(frame_rgb: np.ndarray) -> None:
    """The picture is the scene itself, with labels and arrows over less than half of it."""
    difference = np.abs(frame_rgb.astype(int) - scene(0)).max(axis=2)
    assert np.median(difference) < 60
    assert 0.01 < (difference > 100).mean() < 0.5


def test_a_folder_in_a_loop_runs_as_long_as_asked(start, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for index, shape in enumerate([(240, 320), (100, 400)]):
        image = paint(shape, {"red": (10, 10, 60, 60), "blue": (100, 20, 180, 90)})
        cv2.imwrite(str(tmp_path / "in" / f"{index}.png"), image[..., ::-1])
    demo = start("--source", "in", "--rate", 5, "--loop", "--seconds", 5)
    output, errors = demo.communicate(timeout=120)
    assert demo.returncode == 0, errors
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["graphs_published"] >= 8 and summary["nodes_mean"] == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_good_order(start, video: Path, tmp_path: Path, number) -> None:
    demo = start("--source", video, "--loop", "--seconds", 60)
    assert any("red #" in line for line in demo.stdout)
    demo.send_signal(number)
    output, errors = demo.communicate(timeout=60)
    assert demo.returncode == 0, errors
    assert (tmp_path / "out" / "annotated.mp4").stat().st_size > 1000
    assert none_left(tmp_path)


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_ctrl_c_before_the_first_graph_is_no_failure(start, video: Path, tmp_path: Path, seconds):
    demo = start("--source", video, "--loop", "--seconds", 60)
    assert "as processes over ROS 2" in demo.stdout.readline()
    assert re.search(r": ROS_DOMAIN_ID=\d+, topics below /psg_demo$", demo.stdout.readline())
    time.sleep(seconds)  # the processes are being started, or import
    demo.send_signal(signal.SIGINT)
    output, errors = demo.communicate(timeout=60)
    # Python ends by the signal itself where it came while an import ran code from a text, as that
    # of a dataclass does. Shells call both 130.
    assert demo.returncode in (130, -signal.SIGINT)
    assert errors == "psg demo: stopped\n"
    assert none_left(tmp_path)


def test_nothing_stays_when_the_demo_itself_is_killed(start, video: Path, tmp_path: Path) -> None:
    demo = start("--source", video, "--loop", "--seconds", 60)
    assert any("red #" in line for line in demo.stdout)
    assert len(processes_of(tmp_path)) == 4
    demo.kill()
    demo.communicate(timeout=60)
    assert none_left(tmp_path)


@needs("onnxruntime")
def test_a_node_that_cannot_start_is_quoted_in_one_line(start, video: Path, tmp_path: Path) -> None:
    demo = start("--source", video, "--backend", "onnxruntime", "--precision", "bf16")
    _, errors = demo.communicate(timeout=120)
    assert demo.returncode == 1
    assert errors.count("\n") == 1
    assert "the node process ended with status 1" in errors
    assert "configure failed: onnxruntime computes in fp32" in errors
    assert none_left(tmp_path)


def test_a_node_that_dies_on_the_way_fails_the_demo(start, video: Path, tmp_path: Path) -> None:
    demo = start("--source", video, "--loop", "--seconds", 60)
    assert any("red #" in line for line in demo.stdout)
    orphans = kill_node(tmp_path)
    _, errors = demo.communicate(timeout=60)
    for name in orphans:  # nobody but the killed process itself could have taken them back
        (SHARED_MEMORY / name).unlink(missing_ok=True)
    assert demo.returncode == 1
    assert "the node process was killed by signal 9" in errors
    assert none_left(tmp_path)


def kill_node(tmp_path: Path) -> set[str]:
    """Kill the node without warning; return the shared memory that it leaves behind."""
    orphans: set[str] = set()
    for folder in Path("/proc").iterdir():
        try:
            here = folder.name.isdigit() and (folder / "cwd").resolve() == tmp_path
            if here and "scene_graph_node" in (folder / "cmdline").read_text():
                orphans = in_use_by(folder)
                os.kill(int(folder.name), signal.SIGKILL)
        except OSError:
            continue
    beside = {wrapped.format(name) for name in orphans for wrapped in ("{}_el", "sem.{}_mutex")}
    return orphans | beside


def test_the_clip_flows_where_nothing_can_be_rendered(start, tmp_path: Path) -> None:
    """Without a word the demonstration plays what ships: no MuJoCo, no GL library."""
    blocked = tmp_path / "blocked" / "mujoco"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('mujoco was imported')")
    demo = start("--seconds", 3, python_path=blocked.parent)
    output, errors = demo.communicate(timeout=180)
    assert demo.returncode == 0, errors
    assert output.startswith("clip of simulated rooms -> node")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    # Three seconds of a clip of 15 pictures a second; a loaded machine gives fewer.
    assert summary["graphs_published"] > 10
    assert read_image(tmp_path / "out" / "annotated.png").shape == (480, 640, 3)


def test_a_seed_means_the_live_simulation(start, tmp_path: Path) -> None:
    pytest.importorskip("mujoco")
    demo = start("--seconds", 4, "--size", "160x120", "--seed", 3)
    _, errors = demo.communicate(timeout=180)
    if "cannot render off screen" in errors:
        pytest.skip("no GL library here")
    assert demo.returncode == 0, errors
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["graphs_published"] > 3
    assert "no positions" not in (tmp_path / "out" / "logs" / "node.log").read_text()
    assert read_image(tmp_path / "out" / "annotated.png").shape == (120, 160, 3)
