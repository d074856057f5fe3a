# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Time from the logits of EoMT to segments at image size, beside transformers' post-processing.

    python benchmarks/panoptic_merge.py [--size 1920x1080] [--repeats 5] [--json result.json]

All rows see the same logits: 200 queries on 160 x 160 cells, 12 of them sure. transformers enlarges
every query to image size before it drops the unsure ones; `merge` drops first. Its resolution
`image` gives transformers' map (the table says how many pixels differ), `input` and `mask` compete
on a smaller grid and enlarge the finished map. Times are CPU time of this process, the least of the
repeats, on one thread: other load on the machine hardly counts. Needs the extras train and dev.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np

from psg_ros.config import Recommendation
from psg_ros.machine import describe_machine

NUM_LABELS, NUM_THINGS = 133, 80
NUM_QUERIES, NUM_SURE = 200, 12
INPUT_PX, GRID = 640, 160
RESOLUTIONS = ("image", "input", "mask")
REFERENCE = "transformers"


@dataclass(frozen=True)
class Row:
    """One way to merge; `ratio` is the reference's time over its own."""

    name: str
    cpu_ms: float
    ratio: float
    segments: int
    differing_px: int


def main() -> None:
    """Measure, print a table and write JSON where asked."""
    args = _parser().parse_args()
    width, height = (int(side) for side in args.size.split("x"))
    rows = measure((height, width), args.repeats, args.seed)
    packages = ("numpy", "opencv-python-headless", "torch", "transformers")
    machine = {**describe_machine(*packages), "threads": 1}
    print(table(rows, (height, width), machine))
    if args.json:
        content = {"image_hw": [height, width], "machine": machine, "rows": list(map(asdict, rows))}
        args.json.write_text(json.dumps(content, indent=2) + "\n")


def measure(image_hw: tuple[int, int], repeats: int, seed: int) -> list[Row]:
    """Time the reference and every resolution of ours on the same logits."""
    cv2.setNumThreads(1)
    class_logits, mask_logits = scene(seed)
    calls: dict[str, Callable[[], np.ndarray]] = {
        REFERENCE: reference(class_logits, mask_logits, image_hw)
    }
    for resolution in RESOLUTIONS:
        calls[resolution] = ours(class_logits, mask_logits, image_hw, resolution)
    times, maps = {}, {}
    for name, call in calls.items():
        count = min(repeats, 2) if name == REFERENCE else repeats
        times[name], maps[name] = least_cpu_ms(call, count)
    return [
        Row(
            name,
            round(times[name], 2),
            round(times[REFERENCE] / times[name], 1),
            int(maps[name].max()) + 1,
            int(np.count_nonzero(maps[name] != maps[REFERENCE])),
        )
        for name in calls
    ]


def least_cpu_ms(call: Callable[[], np.ndarray], repeats: int) -> tuple[float, np.ndarray]:
    """Return the least CPU time of a call after one that warms up, and what it returned."""
    result, times = call(), []
    for _ in range(repeats):
        started = time.process_time()
        result = call()
        times.append((time.process_time() - started) * 1e3)
    return min(times), result


def reference(
    class_logits: np.ndarray, mask_logits: np.ndarray, image_hw: tuple[int, int]
) -> Callable[[], np.ndarray]:
    """Return a call of transformers' post-processing that gives its label map."""
    import torch
    from transformers.models.eomt.image_processing_pil_eomt import EomtImageProcessorPil

    torch.set_num_threads(1)
    processor = EomtImageProcessorPil(size={"shortest_edge": INPUT_PX, "longest_edge": INPUT_PX})
    outputs = SimpleNamespace(
        masks_queries_logits=torch.from_numpy(mask_logits)[None],
        class_queries_logits=torch.from_numpy(class_logits)[None],
    )
    stuff = list(range(NUM_THINGS, NUM_LABELS))

    def call() -> np.ndarray:
        return processor.post_process_panoptic_segmentation(
            outputs,
            target_sizes=[image_hw],
            threshold=Recommendation.score,
            overlap_mask_area_threshold=Recommendation.overlap,
            stuff_classes=stuff,
        )[0]["segmentation"].numpy()

    return call


def ours(
    class_logits: np.ndarray, mask_logits: np.ndarray, image_hw: tuple[int, int], resolution: str
) -> Callable[[], np.ndarray]:
    """Return a call of our merge that gives its label map."""
    from psg_ros.robot.ops.image import place
    from psg_ros.robot.ops.panoptic import merge
    from psg_ros.robot.ops.scratch import Scratch

    scratch = Scratch()
    placement = place(image_hw, (INPUT_PX, INPUT_PX), "transformers")
    is_thing = np.arange(NUM_LABELS) < NUM_THINGS

    def call() -> np.ndarray:
        return merge(
            class_logits,
            mask_logits,
            placement,
            resolution=resolution,
            score_threshold=Recommendation.score,
            overlap_threshold=Recommendation.overlap,
            is_thing=is_thing,
            scratch=scratch,
        ).segmentation.label_map

    return call


def scene(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return class logits [query, label + 1] and mask logits [query, h, w]: soft, noisy discs."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:GRID, :GRID].astype(np.float32) / GRID
    class_logits = rng.normal(-2, 1, (NUM_QUERIES, NUM_LABELS + 1))
    class_logits[:, -1] += 8
    sure = rng.permutation(NUM_QUERIES)[:NUM_SURE]
    class_logits[sure, rng.integers(0, NUM_LABELS, NUM_SURE)] += rng.uniform(14, 18, NUM_SURE)
    centers = rng.uniform(0, 1, (2, NUM_QUERIES))
    places = rng.permutation(16)[:NUM_SURE]
    centers[:, sure] = (np.array((places // 4, places % 4)) + 0.5) / 4
    distance = np.hypot(y - centers[0, :, None, None], x - centers[1, :, None, None])
    radii = rng.uniform(0.08, 0.16, (NUM_QUERIES, 1, 1))
    mask_logits = (radii - distance) * 60 + rng.normal(0, 1, distance.shape)
    return class_logits.astype(np.float32), mask_logits.astype(np.float32)


def table(rows: list[Row], image_hw: tuple[int, int], machine: dict[str, object]) -> str:
    """Return Markdown."""
    height, width = image_hw
    lines = [
        f"| {width}x{height} | CPU ms | times faster | segments | differing px |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {r.name} | {r.cpu_ms:.1f} | {r.ratio:.1f} | {r.segments} | {r.differing_px} |"
        for r in rows
    ]
    return "\n".join([*lines, "", ", ".join(f"{key} {value}" for key, value in machine.items())])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="1920x1080", help="of the image (default: 1920x1080)")
    parser.add_argument("--repeats", type=int, default=5, help="of each row (default: 5)")
    parser.add_argument("--seed", type=int, default=0, help="of the scene (default: 0)")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    return parser


if __name__ == "__main__":
    main()
