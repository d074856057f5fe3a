# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a model runs from its int8 files: wherever one says so, and where it pays by itself."""

from __future__ import annotations

from psg_ros.backend_table import AUTO, CPU, parse_device
from psg_ros.machine import cpu_features
from psg_ros.robot.manifest import Int8, Manifest

INT8 = "int8"
MADE_FOR_INT8 = {"avx512_vnni", "avx_vnni", "amx_int8"}
MADE_FOR_BF16 = {"avx512_bf16", "amx_bf16"}
"""Instruction sets. bf16 is about as fast as int8 with fp32 around it, and loses less."""

MAX_LOSS = 0.5
"""Percentage points of PQ and of mR@50 that "auto" gives away for speed (our choice)."""

RUNS_ON = ("openvino", "onnxruntime")
"""Backends that take zero points, which the files of `psg quantize` have. TensorRT takes none."""

FASTER_ON = ("openvino",)
"""Backends in which int8 files are faster; ONNX Runtime is slower with those of the demo model."""


def chooses_int8(precision: str, backend: str, device: str, manifest: Manifest) -> bool:
    """Return whether a model is to run from its int8 files.

    Args:
        precision, device: as the user wrote them.
        backend: never "auto".

    Raises:
        ValueError: int8 was asked for, and the model has no such files or the backend takes none.
    """
    if precision == INT8:
        if backend not in RUNS_ON:
            raise ValueError(
                f"{backend} takes no int8 files of psg quantize, whose zero points are not 0: set "
                f"precision to auto, or backend to {' or '.join(RUNS_ON)}"
            )
        if manifest.int8 is None:
            raise ValueError(
                f"the model {manifest.name} has no int8 files: make them with psg quantize, or set "
                "precision to auto"
            )
        return True
    pays = (
        precision == AUTO
        and backend in FASTER_ON
        and parse_device(device) in (None, CPU)
        and is_made_for_int8(cpu_features())
    )
    return pays and manifest.int8 is not None and is_accurate(manifest.int8)


def is_made_for_int8(features: frozenset[str]) -> bool:
    """Return whether a processor with these instruction sets is fastest in int8."""
    return bool(features & MADE_FOR_INT8) and not features & MADE_FOR_BF16


def is_accurate(int8: Int8) -> bool:
    """Return whether it was measured to lose next to nothing, where relations are too."""
    losses = [loss for loss in (int8.pq_loss, int8.mean_recall_loss) if loss is not None]
    return int8.pq_loss is not None and max(losses) <= MAX_LOSS
