# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which files of a model run: those that were exported, or their twins in int8 or fp8.

One rule: who names int8 or fp8 gets those files, with every backend; "auto" takes int8 where that
was measured to be faster and, run by the same backend, to lose next to nothing; and never fp8.
"""

from __future__ import annotations

from psg_ros.backend_table import AUTO, CPU, INT8, TWINS, parse_device
from psg_ros.machine import cpu_features
from psg_ros.robot.manifest import Manifest, Twins

MADE_FOR_INT8 = {"avx512_vnni", "avx_vnni", "amx_int8"}
MADE_FOR_BF16 = {"avx512_bf16", "amx_bf16"}
"""Instruction sets. bf16 is about as fast as int8 with fp32 around it, and loses less."""

MAX_LOSS = 0.5
"""Percentage points of PQ and of mR@50 that "auto" gives away for speed (our choice)."""

FASTER_ON = ("openvino",)
"""Backends in which int8 files are faster; ONNX Runtime is slower with those of the demo model, and
nobody has measured TensorRT."""


def choose_twin(precision: str, backend: str, device: str, manifest: Manifest) -> str:
    """Return which twins of its artifacts a model is to run from: "int8", "fp8", or "" for none.

    Args:
        precision, device: as the user wrote them.
        backend: never "auto".

    Raises:
        ValueError: a kind was asked for that the model has no files of.
    """
    if precision in TWINS:
        if precision not in manifest.twins:
            raise ValueError(
                f"the model {manifest.name} has no {precision} files: make them with psg quantize "
                f"--precision {precision}, or set precision to auto"
            )
        return precision
    pays = (
        precision == AUTO
        and backend in FASTER_ON
        and parse_device(device) in (None, CPU)
        and is_made_for_int8(cpu_features())
    )
    int8 = manifest.int8
    return INT8 if pays and int8 is not None and is_accurate(int8, backend) else ""


def is_made_for_int8(features: frozenset[str]) -> bool:
    """Return whether a processor with these instruction sets is fastest in int8."""
    return bool(features & MADE_FOR_INT8) and not features & MADE_FOR_BF16


def is_accurate(twins: Twins, backend: str) -> bool:
    """Return whether they were measured to lose next to nothing in a backend, relations too."""
    loss = twins.losses.get(backend)
    return loss is not None and max(loss.pq, loss.mean_recall or 0.0) <= MAX_LOSS
