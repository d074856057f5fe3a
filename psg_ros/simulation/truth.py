# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a rendered view to its exact truth: segments, their facts, their relations."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation.catalog import CLASSES, CLUTTER, THINGS
from psg_ros.simulation.frame import SimulatedFrame
from psg_ros.simulation.physics import SettledScene, item_extents
from psg_ros.simulation.relations import relate
from psg_ros.simulation.relations.facts import Contact, Fastening, Hollow, SceneFacts
from psg_ros.simulation.rendering import RawView

# Smallest segment, as a share of the picture: 150 pixels of 320 x 240. Smaller ones become void.
MIN_SEGMENT_SHARE = 150 / (320 * 240)

_STUFF_POSTURE = {
    "table-merged": "standing on",
    "cabinet-merged": "standing on",
    "rug-merged": "lying on",
    "pillow": "lying on",
}


def describe(scene: SettledScene, view: RawView, rgb: np.ndarray) -> SimulatedFrame:
    """The truth of a view.

    Args:
        scene: The scene in the state that was rendered.
        view: What the renderer gave.
        rgb: uint8 [H, W, 3], the picture to keep (the view's, after exposure).
    """
    item_map = np.where(view.geom >= 0, scene.compiled.geom_item[view.geom], -1)
    item_entity, names = _entities(scene)
    entity_map = np.where(item_map >= 0, item_entity[item_map], -1)
    area = np.bincount(entity_map[entity_map >= 0], minlength=len(names))
    kept = np.flatnonzero(area >= MIN_SEGMENT_SHARE * entity_map.size)
    segment_of = np.full(len(names) + 1, -1, np.int32)  # the last entry serves void (-1)
    segment_of[kept] = np.arange(len(kept))
    label_map = segment_of[entity_map]
    facts = _gather_facts(
        scene, [names[k] for k in kept], segment_of[item_entity], label_map, view.depth
    )
    labels = np.array([CLASSES.index(names[k]) for k in kept], np.int32)
    return SimulatedFrame(rgb, label_map, labels, relate(facts), view.depth, kept.astype(np.int32))


def _entities(scene: SettledScene) -> tuple[np.ndarray, list[str]]:
    """Entity of each item, int32 [item], and entity names: a thing each, a stuff class together.

    Clutter is not an entity: -1.
    """
    names: list[str] = []
    entity = []
    for item in scene.plan.items:
        if item.label == CLUTTER:
            entity.append(-1)
        elif item.is_thing or item.label not in names:
            names.append(item.label)
            entity.append(len(names) - 1)
        else:
            entity.append(names.index(item.label))
    return np.array(entity, np.int32), names


def _gather_facts(
    scene: SettledScene,
    names: list[str],
    item_segment: np.ndarray,
    label_map: np.ndarray,
    depth: np.ndarray,
) -> SceneFacts:
    """Facts of the kept segments; ``item_segment`` is int32 [item], -1 for those left out."""
    count = len(names)
    lower, upper = _segment_extents(scene, item_segment, count)
    up, velocity = np.tile([0.0, 0.0, 1.0], (count, 1)), np.zeros((count, 3))
    postures = [THINGS[n].upright if n in THINGS else _STUFF_POSTURE.get(n, "on") for n in names]
    for item, segment in enumerate(item_segment):
        if segment < 0:
            continue
        up[segment] = scene.data.xmat[scene.compiled.item_body[item]].reshape(3, 3)[:, 2]
        postures[segment] = scene.plan.items[item].shape.posture or postures[segment]
        if not scene.plan.items[item].fixed:
            start = scene.compiled.model.jnt_dofadr[scene.compiled.item_joint[item]]
            velocity[segment] = scene.data.qvel[start : start + 3]
    return SceneFacts(
        names=tuple(names),
        is_thing=np.array([name in THINGS for name in names], bool),
        lower=lower,
        upper=upper,
        up=up,
        velocity=velocity,
        boxes_xyxy=segment_boxes(label_map, count).astype(float),
        depth=np.array([np.median(depth[label_map == k]) for k in range(count)]),
        contacts=_contacts(scene, item_segment),
        fastenings=_fastenings(scene, item_segment),
        hollows=_hollows(scene, item_segment),
        upright=tuple(postures),
        tipped=tuple(
            THINGS[n].tipped if n in THINGS else _STUFF_POSTURE.get(n, "on") for n in names
        ),
        rolls=np.array([n in THINGS and THINGS[n].rolls for n in names], bool),
    )


def segment_boxes(label_map: np.ndarray, count: int) -> np.ndarray:
    """Boxes x1, y1, x2, y2 of the segments in pixels, right and bottom exclusive; int64 [count, 4].

    Args:
        label_map: int32 [H, W] with values -1 (void) to count - 1; every segment has a pixel.
        count: Number of segments.
    """
    boxes = np.zeros((count, 4), np.int64)
    for segment in range(count):
        mask = label_map == segment
        columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        boxes[segment] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return boxes


def _segment_extents(
    scene: SettledScene, item_segment: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    item_lower, item_upper = item_extents(scene)
    lower, upper = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
    kept = item_segment >= 0
    np.minimum.at(lower, item_segment[kept], item_lower[kept])
    np.maximum.at(upper, item_segment[kept], item_upper[kept])
    return lower, upper


def _contacts(scene: SettledScene, item_segment: np.ndarray) -> tuple[Contact, ...]:
    contact = scene.data.contact
    segments = item_segment[scene.compiled.geom_item[contact.geom]].reshape(-1, 2)
    found = [
        Contact(int(a), int(b), tuple(float(value) for value in frame[:3]))
        for (a, b), frame in zip(segments, contact.frame, strict=True)
        if a >= 0 and b >= 0 and a != b
    ]
    for upper, lower in scene.plan.rests:
        a, b = int(item_segment[lower]), int(item_segment[upper])
        if a >= 0 and b >= 0:
            found.append(Contact(a, b, (0.0, 0.0, 1.0)))
    return tuple(found)


def _fastenings(scene: SettledScene, item_segment: np.ndarray) -> tuple[Fastening, ...]:
    found = [
        Fastening(int(item_segment[m.child]), int(item_segment[m.parent]), m.point, m.in_hand)
        for m in scene.plan.mounts
    ]
    return tuple(f for f in found if f.child >= 0 and f.parent >= 0)


def _hollows(scene: SettledScene, item_segment: np.ndarray) -> dict[int, Hollow]:
    """Hollows of containers whose opening still faces up."""
    hollows = {}
    for item, segment in enumerate(item_segment):
        cavity = scene.plan.items[item].shape.cavity
        body = scene.compiled.item_body[item]
        pos, turn = scene.data.xpos[body], scene.data.xmat[body].reshape(3, 3)
        if segment >= 0 and cavity is not None and turn[2, 2] > np.cos(np.deg2rad(30)):
            hollows[int(segment)] = Hollow(
                (float(pos[0]), float(pos[1])),
                float(pos[2]) + cavity.floor,
                float(pos[2]) + cavity.rim,
                cavity.radius,
            )
    return hollows
