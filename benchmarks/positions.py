# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Positions and geometric relations of the simulated world against its truth.

    python benchmarks/positions.py --scenes 40
    python benchmarks/positions.py --scenes 40 --model demo    # masks as the model finds them

The depth image is spoiled as that of a stereo camera: noise that grows with the square of the
distance (1 cm at 2 m), steps of 1 mm, mixed values at edges, and holes. The truth of a position is
the middle of the visible surface, from exact masks and exact depth.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.labels import Vocabulary, load_vocabulary
from psg_ros.resources import share_path
from psg_ros.robot.geometry import Geometry, no_scores
from psg_ros.robot.geometry.contradictions import HELD_UP_BY
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.robot.pipeline import Pipeline
from psg_ros.robot.space.positions import measure_positions
from psg_ros.robot.space.rays import rays_of
from psg_ros.scene_graph import Segmentation
from psg_ros.simulation import SimulatedCamera
from psg_ros.simulation.catalog import PREDICATES
from psg_ros.simulation.frame import SimulatedFrame

NOISE_PER_M2 = 0.0025
HOLES = 0.05
MIN_IOU = 0.5
THRESHOLD = 0.5
"""Of geometry, as `geometry_threshold` has it."""


@dataclass(frozen=True)
class Shot:
    """A simulated picture as a frame with spoiled depth, and its truth."""

    frame: Frame
    truth: SimulatedFrame

    @property
    def segmentation(self) -> Segmentation:
        labels = self.truth.labels.astype(np.int64)
        return Segmentation(self.truth.label_map, labels, np.ones(len(labels), np.float32))


def shots(scenes: int, size_wh: tuple[int, int], seed: int = 0) -> Iterator[Shot]:
    """Yield one picture of each scene."""
    random = np.random.default_rng(seed)
    camera = SimulatedCamera(seed, size_wh, rate_hz=1.0, scene_s=1.0)
    try:
        for _ in range(scenes):
            rgb, truth = camera.read()
            pose = camera.pose.in_world
            up = tuple(pose.rotation[2].tolist())
            depth = as_measured(truth.depth, random)
            lens = camera.pose.intrinsics(size_wh)
            yield Shot(Frame(rgb, depth, lens, None, "", pose, up), truth)
    finally:
        camera.close()


def as_measured(depth: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return exact depth float32 [height, width] as a stereo camera would measure it."""
    mixed = cv2.blur(depth, (3, 3))
    noisy = mixed + random.normal(0, NOISE_PER_M2, depth.shape) * mixed**2
    rounded = np.round(noisy, 3).astype(np.float32)
    rounded[random.random(depth.shape) < HOLES] = 0
    return rounded


def spilled(segmentation: Segmentation) -> Segmentation:
    """Return masks that are shifted by 2 px: each lacks one border and spills over the other."""
    label_map = np.roll(segmentation.label_map, (2, 2), axis=(0, 1))
    return Segmentation(label_map, segmentation.labels, segmentation.scores)


def true_middles(shot: Shot) -> np.ndarray:
    """Return the middle of what is seen of each segment, in the world, float64 [segment, 3]."""
    frame, truth = shot.frame, shot.truth
    assert frame.camera is not None and frame.pose is not None
    depth = truth.depth[..., None].astype(np.float64)
    points = np.concatenate([rays_of(frame.camera) * depth, depth], axis=2)
    masks = (truth.label_map == segment for segment in range(len(truth.labels)))
    return frame.pose(np.array([points[mask].mean(axis=0) for mask in masks]))


def position_errors(shot: Shot, segmentation: Segmentation) -> np.ndarray:
    """Return float64 [found, 3] for segments found: distance, error [m], and whether a thing.

    Segments of `segmentation` are those of the truth that they overlap and whose label they have.
    """
    middles, frame = true_middles(shot), shot.frame
    assert frame.pose is not None
    rows = []
    for segment, position in enumerate(measure_positions(frame, segmentation)):
        same = _match(segmentation, segment, shot.truth)
        if position is not None and same is not None:
            error = np.linalg.norm(np.array(position.xyz_m) - middles[same])
            away = np.linalg.norm(middles[same] - frame.pose.translation)
            rows.append((away, error, _is_thing(shot.truth.labels[same])))
    return np.array(rows, np.float64).reshape(-1, 3)


def relation_counts(shot: Shot, geometry: Geometry, *, depth: bool, up: bool) -> np.ndarray:
    """Return int64 [3]: right, said and true relations; words for "held up by" count as one."""
    frame = dataclasses.replace(
        shot.frame, depth=shot.frame.depth if depth else None, up=shot.frame.up if up else None
    )
    segmentation, count = shot.segmentation, len(shot.truth.labels)
    regions = measure_regions(segmentation.label_map, count)
    nothing = no_scores(_vocabulary())
    evidence = geometry.support(nothing, frame, segmentation, regions, THRESHOLD, 1.0)
    said = {(s, _word(p), o) for s, o, p in np.argwhere(evidence.geometric > 0).tolist()}
    known = {_word(_vocabulary().predicate_names.index(name)) for name in SAID_BY_RULES}
    true = {
        (s, _word(_vocabulary().predicate_names.index(PREDICATES[p])), o)
        for s, o, p in shot.truth.relations.tolist()
    }
    true = {triplet for triplet in true if triplet[1] in known}
    return np.array([len(said & true), len(said), len(true)], np.int64)


SAID_BY_RULES = ("on", "over", "in", "beside", "in front of", "attached to", "hanging from")


def _vocabulary() -> Vocabulary:
    return load_vocabulary(share_path() / "config" / "labels" / "simulation.yaml")


def _word(predicate: int) -> str:
    name = _vocabulary().predicate_names[predicate]
    return "on" if name in HELD_UP_BY else name


def _is_thing(label: int) -> bool:
    return _vocabulary().labels[label].is_thing


def _match(segmentation: Segmentation, segment: int, truth: SimulatedFrame) -> int | None:
    mask = segmentation.label_map == segment
    under = truth.label_map[mask]
    if not (under >= 0).any():
        return None
    best = int(np.bincount(under[under >= 0]).argmax())
    other = truth.label_map == best
    iou = (mask & other).sum() / (mask | other).sum()
    return best if iou >= MIN_IOU and truth.labels[best] == segmentation.labels[segment] else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--size", type=int, nargs=2, default=(640, 480))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", help="take its masks; it must know the simulated classes")
    args = parser.parse_args()
    geometry = Geometry(_vocabulary())
    modes = {"masks alone": (False, False), "depth": (True, False), "depth, gravity": (True, True)}
    errors: dict[str, list[np.ndarray]] = {}
    counts = {name: np.zeros(3, np.int64) for name in modes}
    pipeline = Pipeline.open(PipelineConfig(args.model)) if args.model else None
    for shot in shots(args.scenes, tuple(args.size), args.seed):
        masks = {"exact masks": shot.segmentation, "masks off by 2 px": spilled(shot.segmentation)}
        if pipeline is not None:
            masks[f"masks of {args.model}"] = pipeline(shot.frame).segmentation
        for name, segmentation in masks.items():
            errors.setdefault(name, []).append(position_errors(shot, segmentation))
        for name, (depth, up) in modes.items():
            counts[name] += relation_counts(shot, geometry, depth=depth, up=up)
    for name, rows in errors.items():
        _print_errors(name, np.concatenate(rows))
    for name, (right, said, true) in counts.items():
        precision, recall = right / max(said, 1), right / max(true, 1)
        print(
            f"relations from {name}: {right} right of {said} said, of {true} true (precision "
            f"{precision:.2f}, recall {recall:.2f})"
        )


def _print_errors(name: str, rows: np.ndarray) -> None:
    for kind, chosen in (("things", rows[:, 2] > 0), ("stuff", rows[:, 2] == 0)):
        for nearest, farthest in ((0.0, 1.5), (1.5, 2.5), (2.5, 9.0)):
            found = rows[chosen & (rows[:, 0] >= nearest) & (rows[:, 0] < farthest), 1]
            if len(found):
                median, most = 100 * np.quantile(found, [0.5, 0.9])
                print(f"{name}: {len(found)} {kind} {nearest:g} to {farthest:g} m away: median "
                      f"error {median:.1f} cm, 90 % below {most:.1f} cm")  # fmt: skip


if __name__ == "__main__":
    main()
