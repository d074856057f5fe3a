# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The packed neck against the dense one, on the CPU: time, arithmetic, difference.

    python benchmarks/packed_neck.py [--masks 6 10 24] [--repeats 3] [--json result.json]

The relation stage of DSFlash-S with random weights; segments are synthetic partitions, few large
and many small, on the raw mask grid. "Dense" runs all 171 tokens of every pair: `whole` through
every block, `class` with the last block for the class token alone, which is how this package runs
it unpruned. Times are CPU time, least of the repeats, so that other programs disturb little.
Arithmetic is counted by torch's own counter, 2 FLOPs a multiply-add. The difference is that of the
packed neck to the dense one with the pruned tokens masked.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from psg_ros.benchmark.ladder.networks import compute_all_tokens
from psg_ros.benchmark.ladder.scene import partition
from psg_ros.machine import describe_machine
from psg_ros.network.config import ModelConfig
from psg_ros.network.dsflash import RelationStage
from psg_ros.network.mask_embedding import kept_cells
from psg_ros.network.packed_neck import NUM_EXTRA, packed_pair_vectors
from psg_ros.robot.ops.overlap import overlap_ratios
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.setting_files import load_config

MODEL = Path(__file__).parents[1] / "config" / "model" / "dsflash_s.yaml"
NUM_PREDICATES = 56
MASK_GRID, MASK_STRIDE = 160, 4
CHECKED_PAIRS = 64
COUNTED_PAIRS = 8


@dataclass(frozen=True)
class Result:
    """One number of masks; times in ms of CPU time, arithmetic in GFLOP."""

    masks: int
    pairs: int
    mean_tokens: float
    whole_gflop: float
    class_gflop: float
    packed_gflop: float
    whole_ms: float
    class_ms: float
    packed_ms: float
    largest_difference: float


@dataclass(frozen=True)
class Inputs:
    """Patch tokens of one image, and overlap and boxes of all its pairs."""

    tokens: Tensor
    subject: Tensor
    other: Tensor
    boxes: Tensor

    def first(self, count: int) -> Inputs:
        """Return the same with the first pairs only."""
        pairs = (self.subject[:count], self.other[:count], self.boxes[:count])
        return Inputs(self.tokens, *pairs)


def make_inputs(stage: RelationStage, num_masks: int, seed: int) -> Inputs:
    rng = np.random.default_rng(seed)
    label_map = partition(num_masks, rng, (MASK_GRID, MASK_GRID))
    overlap = torch.from_numpy(
        overlap_ratios(label_map, MASK_STRIDE, num_masks, stage.grid_hw, stage.cell_px)
    )
    boxes = measure_regions(label_map, num_masks).bbox_xyxy.astype(np.float32)
    boxes_relative = torch.from_numpy(boxes) / MASK_GRID * 2 - 1
    first, second = torch.triu_indices(num_masks, num_masks, offset=1)
    tokens = torch.randn(1, overlap.shape[1], stage.neck.config.dim)
    pair_boxes = torch.cat((boxes_relative[first], boxes_relative[second]), dim=1)
    return Inputs(tokens, overlap[first], overlap[second], pair_boxes)


def run_dense(stage: RelationStage, inputs: Inputs) -> Tensor:
    return stage.pair_vectors(inputs.tokens, inputs.subject, inputs.other, inputs.boxes)


def run_packed(stage: RelationStage, inputs: Inputs) -> Tensor:
    image = torch.zeros(len(inputs.boxes), dtype=torch.int64)
    return packed_pair_vectors(
        stage, inputs.tokens, image, inputs.subject, inputs.other, inputs.boxes
    )


def largest_difference(stage: RelationStage, inputs: Inputs) -> float:
    """Compare the packed neck with the masked dense one on the first pairs."""
    some = inputs.first(CHECKED_PAIRS)
    tokens = stage.mask_embedding(some.tokens, some.subject, some.other)
    expected = stage.neck(tokens, some.boxes, keep=kept_cells(some.subject, some.other))
    return float((run_packed(stage, inputs)[:CHECKED_PAIRS] - expected).abs().max())


def with_all_tokens(stage: RelationStage) -> RelationStage:
    """Return a copy that computes every token in the last block as well."""
    whole = copy.deepcopy(stage)
    compute_all_tokens(whole.neck.blocks)
    return whole


def dense_gflop(stage: RelationStage, inputs: Inputs) -> float:
    """Count a few pairs; every pair of a dense neck is the same work."""
    some = inputs.first(COUNTED_PAIRS)
    return gflop(lambda: run_dense(stage, some)) * len(inputs.boxes) / len(some.boxes)


def gflop(run: Callable[[], Tensor]) -> float:
    # The counter does not know every fused attention; the plain one is two matrix products.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        run()
    return counter.get_total_flops() / 1e9


def cpu_ms(run: Callable[[], Tensor], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append((time.process_time() - start) * 1e3)
    return min(times)


@torch.no_grad()
def measure(stage: RelationStage, num_masks: int, repeats: int, seed: int) -> Result:
    inputs = make_inputs(stage, num_masks, seed)
    kept = kept_cells(inputs.subject, inputs.other).sum(dim=1).float().mean() + NUM_EXTRA
    whole = with_all_tokens(stage)
    work = [dense_gflop(form, inputs) for form in (whole, stage)]
    work.append(gflop(lambda: run_packed(stage, inputs)))
    # Counting has also been the first call, which chooses kernels and fetches memory.
    runs = ((run_dense, whole), (run_dense, stage), (run_packed, stage))
    times = [cpu_ms(lambda run=run, form=form: run(form, inputs), repeats) for run, form in runs]
    difference = largest_difference(stage, inputs)
    return Result(num_masks, len(inputs.boxes), float(kept), *work, *times, difference)


def table(results: list[Result]) -> str:
    lines = [
        "| masks | pairs | tokens of 171 | GFLOP whole / class / packed | fewer | CPU ms whole / "
        "class / packed | faster | difference |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        lines.append(
            f"| {r.masks} | {r.pairs} | {r.mean_tokens:.0f} "
            f"| {r.whole_gflop:.0f} / {r.class_gflop:.0f} / {r.packed_gflop:.0f} "
            f"| {r.whole_gflop / r.packed_gflop:.1f}x / {r.class_gflop / r.packed_gflop:.1f}x "
            f"| {r.whole_ms:.0f} / {r.class_ms:.0f} / {r.packed_ms:.0f} "
            f"| {r.whole_ms / r.packed_ms:.1f}x / {r.class_ms / r.packed_ms:.1f}x "
            f"| {r.largest_difference:.0e} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--masks", type=int, nargs="+", default=[6, 10, 12, 24])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="also write machine and results to this file")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    stage = RelationStage(load_config(ModelConfig, MODEL), NUM_PREDICATES).eval()
    results = [measure(stage, n, options.repeats, options.seed) for n in options.masks]
    machine = {**describe_machine("torch"), "threads": options.threads, "arithmetic": "fp32"}
    print(table(results), "", *(f"{name}: {value}" for name, value in machine.items()), sep="\n")
    if options.json:
        record = {"machine": machine, "results": [asdict(result) for result in results]}
        options.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
