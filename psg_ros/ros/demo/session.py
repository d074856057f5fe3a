# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One run of the demonstration: start camera, node and watcher, look after them, end them."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psg_ros.config import PictureConfig, PipelineConfig
from psg_ros.media import Media
from psg_ros.robot.forms import load_model
from psg_ros.robot.manifest import MANIFEST_FILE, find_model, read_manifest
from psg_ros.robot.opening import backend_of
from psg_ros.ros.demo.child import Child, stop_together
from psg_ros.ros.start import DEPTH_TOPIC, GRAPH_TOPIC, node_command
from psg_ros.ros.transport import PROFILE_VARIABLES, node_environment, transport_complaint

NAMESPACE = "psg_demo"
CAMERA_TOPIC = f"/{NAMESPACE}/camera/image_raw"
DEMO_DEPTH_TOPIC = f"/{NAMESPACE}/camera/{DEPTH_TOPIC}"
RESULT_TOPIC = f"/{NAMESPACE}/{GRAPH_TOPIC}"
CAMERA_MODULE = "psg_ros.ros.demo.camera"
WATCHER_MODULE = "psg_ros.ros.demo.watcher"
DOMAIN_VARIABLE = "ROS_DOMAIN_ID"

CLIP = Path("clips", "rooms", "pictures.mp4")
"""What is shown by default, below `share_path()`. Decoding it costs next to nothing; rendering the
same world live takes the cores that the node needs."""

LIVE_RATE_HZ = 10.0
"""Frames a second of the live simulation: rendering on a CPU does not give much more."""

FOLDER_RATE_HZ = 2.0
"""Pictures a second of a folder: slow enough to look at each."""

STOP_WAIT_S = {"watcher": 20.0, "camera": 3.0, "node": 8.0}
"""How long each may take to end when asked; the watcher has a video to finish."""

FAILED_WAIT_S = 5.0
"""How long all may take to end when the run has failed; their results do not matter then."""

DRAIN_S = 2.0
"""Between the last frame of a source that ends and the end of the run: time for its graph."""

REQUIREMENTS = {
    "rclpy": "source /opt/ros/<distro>/setup.bash; without ROS 2: pip install '.[ros]' in the "
    "source folder",
    "psg_ros.msg": "colcon build, then source install/setup.bash; without ROS 2: pip install "
    "'.[ros]' in the source folder",
    "av": "pip install av (extra 'video')",
}
"""What the processes import beyond the package's own dependencies -> how to get it."""

LIVE_REQUIREMENTS = {
    "mujoco": "./run setup simulation, or pip install mujoco PyOpenGL (extra 'simulation'); "
    "without --live, --seed and --size a recorded clip is shown",
}
"""What the live simulation imports besides."""

RESULT_FILES = ("annotated.mp4", "annotated.png", "scene_graph.svg", "summary.json")
"""What a good run leaves in the output folder."""


@dataclass(frozen=True)
class DemoOptions:
    """What to run.

    Attributes:
        out: folder for the results, made if need be.
        pipeline: model, backend and thresholds of the node.
        pictures: which pictures camera and node take.
        media: where the pictures come from; None is the live simulation.
        topic: image topic of a bag.
        seconds: length of the run after the first graph; None until Ctrl-C or the source's end.
        rate_hz: camera rate; None takes the source's own.
        size_wh: size of the live picture in px.
        seed: of the live rooms.
        loop: restart the source at its end.
        started_s: when the user gave the command, by `time.monotonic`.
    """

    out: Path
    pipeline: PipelineConfig
    pictures: PictureConfig
    media: Media | None
    topic: str
    seconds: float | None
    rate_hz: float | None
    size_wh: tuple[int, int]
    seed: int
    loop: bool
    started_s: float


class DemoError(RuntimeError):
    """The demonstration did not work; the text says which process failed and its last words."""


def run_demo(options: DemoOptions) -> dict[str, Any]:
    """Run until the time is over, the source ends, or Ctrl-C; return the summary.

    Leaves annotated.mp4, annotated.png, scene_graph.svg, summary.json and logs/ in `options.out`.

    Raises:
        ImportError: ROS 2, our messages or the live simulation are not installed; names the cure.
        DemoError: no graph came, or a process failed.
        KeyboardInterrupt: Ctrl-C before the first graph.
        FileNotFoundError, ValueError: a model that is missing or damaged.
    """
    check_requirements(options)
    load_model(options.pipeline.model)
    logs = options.out / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    for name in RESULT_FILES:
        (options.out / name).unlink(missing_ok=True)
    if complaint := transport_complaint(os.environ):
        print(f"warning: {complaint}", file=sys.stderr, flush=True)
    environment = demo_environment(os.environ)
    domain = f"{DOMAIN_VARIABLE}={environment[DOMAIN_VARIABLE]}"
    print(f"to inspect it with other tools: {domain}, topics below /{NAMESPACE}", flush=True)
    children: dict[str, Child] = {}
    with _all_ended(children):
        for name, command in _commands(options).items():
            log = logs / f"{name}.log"
            watches = name == "watcher"
            own = without_profile(environment, os.environ) if watches else environment
            children[name] = Child(name, command, own, log, shares_stdout=watches)
        interrupted = _look_after(children)
        for name in ("watcher", "camera", "node"):
            children[name].stop(STOP_WAIT_S[name])
    if interrupted and not (options.out / "summary.json").is_file():
        raise KeyboardInterrupt
    return _read_summary(options.out, children)


def check_requirements(options: DemoOptions) -> None:
    """Raise ImportError where a process would fail for want of a package."""
    wanted = REQUIREMENTS | (LIVE_REQUIREMENTS if options.media is None else {})
    for module, cure in wanted.items():
        if importlib.util.find_spec(module) is None:
            raise ImportError(f"the demo needs {module}: {cure}")


def demo_environment(base: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of all processes: large images, this machine only, own domain."""
    environment = {"PYTHONUNBUFFERED": "1", **node_environment(base)}
    if not base.get(DOMAIN_VARIABLE):
        environment[DOMAIN_VARIABLE] = str(free_domain())
    # Humble knows only the older variable, later releases warn about it.
    if base.get("ROS_DISTRO") == "humble":
        environment.setdefault("ROS_LOCALHOST_ONLY", "1")
    else:
        environment.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    return environment


def without_profile(environment: Mapping[str, str], users: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process that sends no images, to save shared memory.

    The segment that holds an image is the sender's. What the user chose stays.
    """
    return {
        name: value
        for name, value in environment.items()
        if name not in PROFILE_VARIABLES or users.get(name)
    }


def free_domain() -> int:
    """Return a ROS domain from 1 to 101 in which nobody on this machine seems to talk.

    The first participant of a domain listens on UDP port 7410 + 250 * domain (RTPS 2.5, 9.6.2.3).

    Raises:
        DemoError: all are taken.
    """
    for domain in random.sample(range(1, 102), 101):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("", 7410 + 250 * domain))
            except OSError:
                continue
            return domain
    raise DemoError(
        f"every ROS domain from 1 to 101 is in use here; set {DOMAIN_VARIABLE} yourself"
    )


def camera_rate_hz(options: DemoOptions) -> float:
    """Return the frames a second that the camera aims at."""
    if options.rate_hz is not None:
        return options.rate_hz
    if options.media is None:
        return LIVE_RATE_HZ
    return options.media.rate_hz or FOLDER_RATE_HZ


def _commands(options: DemoOptions) -> dict[str, list[str]]:
    """Return the command lines in the order of their start."""
    python = [sys.executable, "-m"]
    rate = ["--rate", str(camera_rate_hz(options))]
    camera = [*python, CAMERA_MODULE, "--topic", CAMERA_TOPIC, "--result", RESULT_TOPIC, *rate]
    if options.media is not None:
        # With "=", because a name may begin with a dash.
        camera += [f"--source={options.media.path}", f"--bag-topic={options.topic}"]
        camera += ["--max-megapixels", str(options.pictures.max_megapixels)]
        camera += ["--retime"] if options.rate_hz is not None else []
    width, height = options.size_wh
    camera += ["--size", str(width), str(height), "--seed", str(options.seed)]
    camera += ["--loop"] if options.loop else []
    watcher = [*python, WATCHER_MODULE, "--namespace", NAMESPACE, f"--out={options.out}", *rate]
    manifest = read_manifest(find_model(options.pipeline.model) / MANIFEST_FILE)
    watcher += ["--backend", backend_of(options.pipeline, manifest)]
    watcher += ["--started", str(options.started_s)]
    watcher += ["--seconds", str(options.seconds)] if options.seconds is not None else []
    parameters = {
        name: value
        for config in (options.pipeline, options.pictures)
        for name, value in vars(config).items()
        if value != getattr(type(config), name)
    }
    node = node_command(
        image_topic=CAMERA_TOPIC,
        depth_topic=DEMO_DEPTH_TOPIC,
        namespace=NAMESPACE,
        parameters=parameters,
    )
    return {"node": node, "camera": camera, "watcher": watcher}


def _look_after(children: Mapping[str, Child]) -> bool:
    """Return when the run is over in good order; Ctrl-C is such an order.

    Returns:
        Whether it was Ctrl-C.

    Raises:
        DemoError: the node or the camera failed, or the watcher gave up.
    """
    camera_ended_s: float | None = None
    try:
        while camera_ended_s is None or time.monotonic() - camera_ended_s < DRAIN_S:
            if children["node"].status is not None:
                raise _failed(children["node"])
            if children["camera"].status:
                raise _failed(children["camera"])
            if children["watcher"].wait(0.1) is not None:
                if children["watcher"].status:
                    raise _no_graph(children)
                return False
            if children["camera"].status == 0 and camera_ended_s is None:
                camera_ended_s = time.monotonic()
    except KeyboardInterrupt:
        return True
    return False


def _failed(child: Child) -> DemoError:
    status = child.status or 0
    how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    return DemoError(
        f"the {child.name} process {how}; its last words: {child.last_words()} (log: {child.log})"
    )


def _no_graph(children: Mapping[str, Child]) -> DemoError:
    watcher, node = children["watcher"], children["node"]
    ended = "the source ended before the first graph arrived: repeat it with --loop"
    why = ended if children["camera"].status == 0 else watcher.last_words()
    return DemoError(f"{why}; the node's last words: {node.last_words()} (logs: {node.log.parent})")


def _read_summary(out: Path, children: Mapping[str, Child]) -> dict[str, Any]:
    path = out / "summary.json"
    summary = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if not summary.get("graphs_published"):
        raise _no_graph(children)
    missing = [name for name in RESULT_FILES if not (out / name).is_file()]
    if missing:
        raise DemoError(
            f"graphs arrived, but not {', '.join(missing)}: {children['watcher'].last_words()}"
        )
    return summary


@contextmanager
def _all_ended(children: Mapping[str, Child]) -> Iterator[None]:
    """Make sure that no process stays, however the block ends (a second Ctrl-C included)."""
    try:
        yield
    finally:
        stop_together(children.values(), FAILED_WAIT_S)
