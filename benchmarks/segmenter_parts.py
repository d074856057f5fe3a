# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What YOSO and PRO-SCALE change, part beside part: arithmetic and time, random weights.

    python benchmarks/segmenter_parts.py [--repeats 7] [--json parts.json] [--markdown parts.md]

Times are those of one thread's own work, the least of the repeats, which take turns: other load on
the machine hardly counts. Multiply-adds are of matrix products and convolutions (torch's counter,
half of its FLOPs); what a deformable operator samples is not counted. Published widths throughout;
the maps of the aggregation are those of 480 x 640 px, those of the pixel decoder of 256 x 416 px
(Swin-T). Accuracy is not measured here. Needs the extra train.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from psg_ros.machine import describe_machine
from psg_ros.network.segmenters.backbones.config import SwinConfig
from psg_ros.network.segmenters.mask2former.config import (
    Mask2FormerConfig,
    MaskTransformerConfig,
    ProScaleConfig,
)
from psg_ros.network.segmenters.mask2former.pixel_decoder import PixelDecoder
from psg_ros.network.segmenters.yoso.aggregation import AGGREGATIONS
from psg_ros.network.segmenters.yoso.attention import KINDS
from psg_ros.network.segmenters.yoso.config import YosoConfig

ROBOT_HW, SMALL_HW = (480, 640), (256, 416)
LITE = ProScaleConfig(stages=(3, 3, 3))
HEADER = "| part | G multiply-adds | x the first | ms | x the first |\n|---|--:|--:|--:|--:|"


@dataclass(frozen=True)
class Part:
    """One way to do a thing; ratios are to the first way of its group."""

    group: str
    name: str
    giga_products: float
    products_ratio: float
    ms: float
    time_ratio: float


def main() -> None:
    """Measure all groups and print a table."""
    args = _parser().parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    groups = {
        "YOSO's aggregation": aggregations(),
        "YOSO's attention": attentions(),
        "pixel decoder": pixel_decoders(),
    }
    parts = [part for name, ways in groups.items() for part in compare(name, ways, args.repeats)]
    table = "\n".join((HEADER, *map(row, parts)))
    print(table)
    if args.json:
        content = {
            "command": f"python benchmarks/segmenter_parts.py {' '.join(sys.argv[1:])}",
            "machine": describe_machine("torch"),
            "parts": [asdict(part) for part in parts],
        }
        args.json.write_text(json.dumps(content, indent=2) + "\n")
    if args.markdown:
        args.markdown.write_text(table + "\n")


def aggregations() -> dict[str, Callable[[], object]]:
    """Interpolate first, or convolve first."""
    config = YosoConfig()
    maps = [
        torch.randn(1, c, *grid(ROBOT_HW, 32 >> i)) for i, c in enumerate(config.lateral_widths)
    ]
    modules = {
        name: AGGREGATIONS[name](config.lateral_widths, config.neck_width)
        for name in ("ifa", "cfa")
    }
    return {name.upper(): call(module, maps) for name, module in modules.items()}


def attentions() -> dict[str, Callable[[], object]]:
    """All kinds of attention of the kernels to what lies under their masks."""
    config = YosoConfig()
    tokens = [torch.randn(1, config.num_queries, config.dim) for _ in range(2)]
    return {
        name.upper(): call(KINDS[name](config, 1.0), *tokens)
        for name in ("mhca", "sdca", "dca", "pdca", "ddca")
    }


def pixel_decoders() -> dict[str, Callable[[], object]]:
    """Mask2Former's, and PRO-SCALE's with fewer and more layers, with and without LPE."""
    configs: dict[str, MaskTransformerConfig] = {
        "Mask2Former": Mask2FormerConfig(),
        **{f"PRO-SCALE {(n, n, n)}": replace(LITE, stages=(n, n, n)) for n in (1, 2, 3)},
        "PRO-SCALE (3, 3, 3) without LPE": replace(LITE, pixel_embedding="conv"),
    }
    widths = SwinConfig().widths
    maps = [torch.randn(1, w, *grid(SMALL_HW, 4 << i)) for i, w in enumerate(widths)]
    return {name: call(PixelDecoder(config), maps) for name, config in configs.items()}


def grid(size_hw: tuple[int, int], stride: int) -> tuple[int, int]:
    return size_hw[0] // stride, size_hw[1] // stride


def call(module: nn.Module, *inputs: Tensor | Sequence[Tensor]) -> Callable[[], object]:
    module.eval()
    return lambda: module(*inputs)


@torch.no_grad()
def compare(group: str, ways: dict[str, Callable[[], object]], repeats: int) -> list[Part]:
    """Count and time the ways of one group, which take turns."""
    products, least = {}, dict.fromkeys(ways, float("inf"))
    for name, way in ways.items():
        with FlopCounterMode(display=False) as counter:
            way()
        products[name] = counter.get_total_flops() / 2e9
    for _ in range(repeats):
        for name, way in ways.items():
            start = time.thread_time()
            way()
            least[name] = min(least[name], (time.thread_time() - start) * 1000)
    first = next(iter(ways))
    return [
        Part(
            group, n, products[n], products[n] / products[first], least[n], least[n] / least[first]
        )
        for n in ways
    ]


def row(part: Part) -> str:
    return (
        f"| {part.group}: {part.name} | {part.giga_products:.3g} | {part.products_ratio:.2f} "
        f"| {part.ms:.3g} | {part.time_ratio:.2f} |"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=7, help="of each part (default: 7)")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    return parser


if __name__ == "__main__":
    main()
