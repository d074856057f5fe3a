# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How steady the ids of nodes and the relations between them are, on simulated clips with truth.

    python benchmarks/steadiness.py build/steadiness [--clips 20] [--seconds 6] [--json result.json]

Each clip is one simulated scene with a moving camera and things that are pushed, of a seed that no
model was trained on. The first run renders the clips into the folder (some minutes), later runs
read them. All that the pipeline says of a clip is compared with what is true: a node is a true
thing or region where their masks overlap by more than one half, whatever its class; a relation is a
true one where both ends are and the predicate is the same. Rows:

    nodes               those that are seen
    confirmed nodes     without tentative ones, with those that coast
    relations           all that are listed
    held relations      confirmed and fading ones, which a planner should act on; all of them where
                        relations have no state

`--alone` measures relations as each image alone lists them (`track_relations` false). Needs the
extra simulation.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from psg_ros.config import PipelineConfig
from psg_ros.evaluation.metrics.overlap import MIN_IOU, measure_overlap
from psg_ros.evaluation.metrics.steadiness import (
    Key,
    Sightings,
    Steadiness,
    measure_steadiness,
    onset_delays,
)
from psg_ros.frame import Frame
from psg_ros.machine import describe_machine
from psg_ros.robot.ops.triplets import rank_relations
from psg_ros.robot.pipeline import Pipeline
from psg_ros.scene_graph import (
    VOID,
    RelationState,
    SceneGraph,
    SceneNode,
    SceneRelation,
    Segmentation,
    TrackState,
)
from psg_ros.simulation import SimulatedCamera
from psg_ros.simulation.catalog import PREDICATES

RATE_HZ = 10
SIZE_WH = (320, 240)
FIRST_SEED = 9000
ROWS = ("nodes", "confirmed nodes", "relations", "held relations")
ALONE = ("each image", "each image, between confirmed nodes")
"""What held relations may be late against: the lists of images that stand alone."""
START_NS = 1_700_000_000_000_000_000


@dataclass(frozen=True)
class Truth:
    """What is true of one image; `entities` names its segments throughout the clip."""

    segmentation: Segmentation
    entities: np.ndarray
    relations: np.ndarray


def main() -> None:
    """Measure, print a table and write JSON where asked."""
    args = _parser().parse_args()
    cv2.setNumThreads(1)
    config = PipelineConfig(model=args.model, threads=1, track_relations=not args.alone)
    seeds = range(args.first_seed, args.first_seed + args.clips)
    with Pipeline.open(config) as pipeline:
        totals, delays, tracking_ms = measure(pipeline, args.folder, seeds, args.seconds)
    machine = describe_machine("numpy", "opencv-python-headless")
    report = {"machine": machine, "model": args.model, "clips": args.clips, "rows": {}}
    for name, total in totals.items():
        report["rows"][name] = {**asdict(total), **figures(total)}
    report["added_delay_s"] = {
        name: {"mean": float(np.mean(late)), "median": float(np.median(late))}
        for name, late in delays.items()
    }
    report["tracking_ms"] = float(np.median(tracking_ms))
    print(table(report))
    if args.json:
        args.json.write_text(json.dumps(report, indent=2) + "\n")


def measure(
    pipeline: Pipeline, folder: Path, seeds: range, seconds: float
) -> tuple[dict[str, Steadiness], dict[str, list[float]], list[float]]:
    """Return the sums by row, delays of held relations by reference [s] and tracking times [ms]."""
    totals = dict.fromkeys(ROWS, Steadiness())
    delays: dict[str, list[float]] = {name: [] for name in ALONE}
    tracking_ms: list[float] = []
    for seed in seeds:
        pipeline.tracker.restart()
        seen: dict[str, list[Sightings]] = {name: [] for name in (*ROWS, *ALONE)}
        for place, (image, truth) in enumerate(clip(folder / str(seed), seed, seconds)):
            stamp_ns = START_NS + place * (10**9 // RATE_HZ)
            graph = pipeline(Frame(image, stamp_ns=stamp_ns))
            for name, sightings in compare(truth, graph, pipeline).items():
                seen[name].append(sightings)
            tracking_ms.append(pipeline.step_ms["tracking"])
        for name in ROWS:
            totals[name] += measure_steadiness(seen[name])
        for name in ALONE:
            late = onset_delays(seen["held relations"], seen[name])
            delays[name] += [images / RATE_HZ for images in late]
    return totals, delays, tracking_ms


def clip(folder: Path, seed: int, seconds: float) -> Iterator[tuple[np.ndarray, Truth]]:
    """Yield the images of a clip, uint8 [height, width, 3] RGB, with their truths."""
    count = round(seconds * RATE_HZ)
    truth_file = folder / "truth.npz"
    if not truth_file.is_file():
        render(folder, seed, count)
    with np.load(truth_file) as arrays:
        for place in range(count):
            image = cv2.imread(str(folder / f"{place:04d}.jpg"))
            label_map, labels, entities, relations = (
                arrays[f"{name}{place}"] for name in ("map", "labels", "ent", "rel")
            )
            scores = np.ones(len(labels), np.float32)
            segmentation = Segmentation(label_map.astype(np.int32), labels.astype(np.int64), scores)
            yield cv2.cvtColor(image, cv2.COLOR_BGR2RGB), Truth(segmentation, entities, relations)


def render(folder: Path, seed: int, count: int) -> None:
    """Write the images of a clip as JPEG, as cameras do, and the truth beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    print(f"rendering {folder}", flush=True)
    camera = SimulatedCamera(
        seed, SIZE_WH, rate_hz=RATE_HZ, scene_s=count / RATE_HZ, disturbances=True
    )
    truth: dict[str, np.ndarray] = {}
    try:
        for place in range(count):
            rgb, frame = camera.read()
            path = str(folder / f"{place:04d}.jpg")
            cv2.imwrite(path, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])
            truth[f"map{place}"] = frame.label_map.astype(np.int16)
            truth[f"labels{place}"] = frame.labels
            truth[f"ent{place}"] = frame.entities
            truth[f"rel{place}"] = frame.relations
    finally:
        camera.close()
    np.savez_compressed(folder / "truth.npz", **truth)  # last: with it the clip is whole


def compare(truth: Truth, graph: SceneGraph, pipeline: Pipeline) -> dict[str, Sightings]:
    """Return what of an image's truth its graph holds, by row."""
    names = pipeline.vocabulary.predicate_names
    symmetric = {p.name for p in pipeline.vocabulary.predicates if p.symmetric}
    partner = _matched_nodes(truth, graph)

    def key(subject: int, predicate: str, other: int) -> Key:
        ends = sorted((subject, other)) if predicate in symmetric else (subject, other)
        return ends[0], predicate, ends[1]

    true_ids = truth.entities.tolist()
    true_relations = {
        (true_ids[subject], PREDICATES[predicate], true_ids[other])
        for subject, other, predicate in truth.relations.tolist()
    }
    ids = graph.node_ids

    def nodes(chosen: list[SceneNode]) -> Sightings:
        kept = {node.id for node in chosen}
        matches = {true_id: node.id for true_id, node in partner.items() if node.id in kept}
        return Sightings(frozenset(true_ids), frozenset(kept), matches)

    def relations(listed: list[tuple[int, str, int]]) -> Sightings:
        found = frozenset(key(ids[s], p, ids[o]) for s, p, o in listed)
        matches = {}
        for subject, predicate, other in true_relations:
            if subject in partner and other in partner:
                same = key(partner[subject].id, predicate, partner[other].id)
                if same in found:
                    matches[key(subject, predicate, other)] = same
        return Sightings(frozenset(key(*triplet) for triplet in true_relations), found, matches)

    best = rank_relations(
        graph.relation_scores, threshold=pipeline.relation_threshold, limit=len(graph.nodes) ** 2
    )
    alone = [(t.subject, names[t.predicate], t.object) for t in best]
    confirmed = {
        place
        for place, node in enumerate(graph.nodes)
        if node.track and node.track.state != TrackState.TENTATIVE
    }
    return {
        "nodes": nodes([node for node in graph.nodes if node.segment != VOID]),
        "confirmed nodes": nodes([graph.nodes[place] for place in sorted(confirmed)]),
        "relations": relations([_triplet(r) for r in graph.relations]),
        "held relations": relations(
            [_triplet(r) for r in graph.relations if r.state != RelationState.TENTATIVE]
        ),
        ALONE[0]: relations(alone),
        ALONE[1]: relations([t for t in alone if t[0] in confirmed and t[2] in confirmed]),
    }


def _triplet(relation: SceneRelation) -> tuple[int, str, int]:
    return relation.subject, relation.predicate_name, relation.object


def _matched_nodes(truth: Truth, graph: SceneGraph) -> dict[int, SceneNode]:
    """Return the node that each true thing or region is, where one is."""
    iou = measure_overlap(truth.segmentation, graph.segmentation).iou(ignore_void=True)
    return {
        int(truth.entities[true]): graph.nodes[found]
        for true, found in np.argwhere(iou > MIN_IOU).tolist()
    }


def figures(total: Steadiness) -> dict[str, float]:
    """Return what the table shows of one row."""
    track_s = total.truth / RATE_HZ
    return {
        "switches_per_100_track_s": 100 * total.switches / max(track_s, 1e-9),
        "ids_over_truth": total.predicted_keys / max(total.truth_keys, 1),
        "changes_per_image": total.predicted_changes / max(total.steps, 1),
        "true_changes_per_image": total.truth_changes / max(total.steps, 1),
        "idf1": total.idf1,
        "hota": total.hota,
        "precision": total.matched / max(total.predicted, 1),
        "recall": total.matched / max(total.truth, 1),
    }


def table(report: dict) -> str:
    """Return the figures as Markdown."""
    lines = [
        "| | switches in 100 track-seconds | distinct ids : truth | changes an image : truth | "
        "IDF1 | HOTA | precision | recall |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in report["rows"].items():
        changes = f"{row['changes_per_image']:.2f} : {row['true_changes_per_image']:.2f}"
        shares = (f"{row[name]:.3f}" for name in ("idf1", "hota", "precision", "recall"))
        ids = f"{row['predicted_keys']} : {row['truth_keys']} = {row['ids_over_truth']:.2f}"
        lines.append(
            f"| {name} | {row['switches_per_100_track_s']:.2f} | {ids} | {changes} | "
            f"{' | '.join(shares)} |"
        )
    lines.append("")
    for name, delay in report["added_delay_s"].items():
        lines.append(
            f"held relations come {delay['mean']:.2f} s (median {delay['median']:.2f} s) after "
            f"those of {name}"
        )
    lines.append(f"tracking: {report['tracking_ms']:.1f} ms")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the clips lie, or are rendered")
    parser.add_argument("--model", default="demo")
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--alone", action="store_true", help="relations of each image alone")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    return parser


if __name__ == "__main__":
    main()
