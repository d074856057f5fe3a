# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a camera, by its facts; each finding names cause and cure. No rclpy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from psg_ros.ros.recent import WINDOW_S, Summary
from psg_ros.scene_graph import Quality

OLD_S = 60.0
"""Age of a graph above which its stamp is of another clock: no queue here gets that long."""

AHEAD_S = -1.0
"""Age of a graph below which its stamp lies in the future: more than clocks in step differ."""


class Level(IntEnum):
    """As in diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2


@dataclass(frozen=True)
class Finding:
    """One line: the cause, then what to do about it."""

    level: Level
    text: str


@dataclass(frozen=True)
class ImageCounts:
    """What became of the images since activation: `received` is the sum of all below but `lost`.

    Attributes:
        in_work: of the received ones, those that wait for their turn or have it.
        lost: images that never came, as the middleware tells.
    """

    received: int = 0
    graphs: int = 0
    dropped: int = 0
    failed: int = 0
    skipped: int = 0
    in_work: int = 0
    lost: int = 0


@dataclass(frozen=True)
class CameraFacts:
    """What is known of one active camera.

    Attributes:
        topic: where its images come.
        awake: whether it is subscribed to; otherwise nobody listens to what is made of it.
        offer: who publishes there and how, in words.
        num_publishers: how many there are.
        understood: whether one of them has the type of message that is expected.
        fits: whether one of those fits the reliability that is asked for.
        elsewhere: where else images are, in words, or "".
        silent_s: seconds since the last image, or since the subscription.
        patience_s: from how many on it counts as silence; 0: never.
        paused: whether images are skipped because somebody asked for that.
        rung: how much is done for each image at present, to keep the deadline.
        typical_ms: time from arrival to graph of images that are worked on; 0 when not known.
        space: why nodes get no positions, or "".
        loss: the warning about images lost on the way, or "".
        last_failure: text of the last failure, or "".
    """

    topic: str
    awake: bool
    offer: str
    num_publishers: int
    understood: bool
    fits: bool
    elsewhere: str
    silent_s: float
    patience_s: float
    counts: ImageCounts
    recent: Summary
    paused: bool = False
    rung: Quality = Quality.FULL
    typical_ms: float = 0.0
    deadline_ms: float = 0.0
    space: str = ""
    loss: str = ""
    last_failure: str = ""


def findings(camera: CameraFacts) -> list[Finding]:
    """Return what is wrong with a camera, the worst first; nothing if all is well."""
    found = [*_arrival(camera), *_failures(camera), *_age(camera), *_quality(camera)]
    found += [Finding(Level.WARN, text) for text in (camera.space, camera.loss) if text]
    return sorted(found, key=lambda finding: -finding.level)


def _arrival(camera: CameraFacts) -> Iterator[Finding]:
    if not camera.num_publishers:
        yield Finding(
            Level.WARN,
            f"nobody publishes on {camera.topic}{camera.elsewhere}: start the camera, or remap "
            "image to its topic",
        )
    elif not camera.understood:
        yield Finding(
            Level.ERROR,
            f"{camera.offer}: start this node with the image_transport of that type, or remap "
            "image to a topic of sensor_msgs images",
        )
    elif not camera.fits:
        yield Finding(
            Level.ERROR,
            f"{camera.offer}, but this node asks for reliable: set image_reliability:=match",
        )
    elif camera.awake and 0 < camera.patience_s <= camera.silent_s:
        yield Finding(
            Level.WARN,
            f"no image for {camera.silent_s:.0f} s, though {camera.offer}: check whether the "
            f"camera sends anything (ros2 topic hz {camera.topic})",
        )


def _failures(camera: CameraFacts) -> Iterator[Finding]:
    recent = camera.recent
    if recent.failed:
        all_failed = recent.age_s is None
        yield Finding(
            Level.ERROR if all_failed else Level.WARN,
            f"{'all' if all_failed else ''} {recent.failed} images of the last {WINDOW_S:.0f} s "
            f"gave no graph, the last one because: {camera.last_failure}".lstrip(),
        )


def _age(camera: CameraFacts) -> Iterator[Finding]:
    age_s = camera.recent.age_s
    if age_s is None:
        return
    if age_s < AHEAD_S:
        cause = f"stamps lie {-age_s:.1f} s ahead of this node's clock"
    elif age_s > OLD_S:
        cause = f"stamps are {age_s:.0f} s old when their graph is ready"
    else:
        return
    yield Finding(
        Level.WARN,
        f"{cause}: synchronise the clocks of both machines (chrony), or set use_sim_time if "
        "images come from a simulator or a bag",
    )


def _quality(camera: CameraFacts) -> Iterator[Finding]:
    if camera.rung == Quality.FULL:
        return
    took = f", images take {camera.typical_ms:.0f} ms" if camera.typical_ms else ""
    yield Finding(
        Level.WARN,
        f"graphs are {camera.rung.name} to keep the deadline of {camera.deadline_ms:g} ms{took}: "
        "take a smaller model or a faster device, or raise deadline_ms",
    )
