# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which backends there are: one row each, with all that must be known before one is opened.

Nothing is imported here. Choices of settings, messages about what to install and the doctor read
this table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

AUTO = "auto"
INT8, FP8 = "int8", "fp8"
TWINS = (INT8, FP8)
"""Kinds of files that `psg quantize` makes beside those that were exported; each backend computes
them, where its device can."""


@dataclass(frozen=True)
class Package:
    """What pip installs, and the extra of psg_ros that brings it.

    The name is empty where the extra has several packages.
    """

    name: str
    extra: str


@dataclass(frozen=True)
class BackendKind:
    """One row.

    Attributes:
        module: import path of its file; see "add a backend" in `docs/architecture.md`.
        import_name: the top-level module of its library; where that is found, it is installed.
        packages: kinds of devices it runs on -> the package it needs there.
        processors: names of `platform.machine()` on which "auto" prefers it; empty: any.
        hardware: import path of a module that knows whether the hardware for it is here, see
            `HardwareModule`; empty: it needs nothing special.
    """

    module: str
    import_name: str
    packages: Mapping[str, Package]
    processors: tuple[str, ...] = ()
    hardware: str = ""


_OPENVINO = Package("openvino", "openvino")
_ONNX_GPU = Package("onnxruntime-gpu", "onnxruntime-gpu")

BACKENDS: dict[str, BackendKind] = {
    "tensorrt": BackendKind(
        "psg_ros.robot.runtime.tensorrt_backend",
        "tensorrt",
        {"cuda": Package("tensorrt", "tensorrt")},
        hardware="psg_ros.robot.runtime.tensorrt.driver",
    ),
    "openvino": BackendKind(
        "psg_ros.robot.runtime.openvino_backend",
        "openvino",
        {"cpu": _OPENVINO, "gpu": _OPENVINO},
        processors=("x86_64", "AMD64"),
    ),
    "onnxruntime": BackendKind(
        "psg_ros.robot.runtime.onnx_backend",
        "onnxruntime",
        {
            "cpu": Package("onnxruntime", "onnxruntime"),
            "cuda": _ONNX_GPU,
            "tensorrt": _ONNX_GPU,
        },
    ),
}
"""Name of a backend, as users write it -> row. "auto" prefers the earlier ones."""

_TRAIN = Package("", "train")

RUN_BACKENDS: dict[str, BackendKind] = {
    "torch": BackendKind(
        "psg_ros.training.torch_pipeline", "torch", {"cpu": _TRAIN, "cuda": _TRAIN}
    ),
}
"""Those that open a run folder of `psg train` in place of a model folder: they need its weights.

Only a `Pipeline` takes one, and "auto" never stands for one.
"""


@dataclass(frozen=True)
class Device:
    """What a network runs on: a kind that a row of `BACKENDS` names, and which one of several."""

    kind: str
    index: int = 0

    def __str__(self) -> str:
        return self.kind if self.kind == "cpu" else f"{self.kind}:{self.index}"


CPU = Device("cpu")


def parse_device(text: str) -> Device | None:
    """Return the device that a user wrote, as `cuda`, `CUDA` or `cuda:1`; None for "auto".

    Raises:
        ValueError: a kind that no backend runs on, or no number after the colon.
    """
    word = text.strip().lower()
    if word == AUTO:
        return None
    kinds = device_kinds()
    match = re.fullmatch(r"([a-z]+)(?::([0-9]{1,3}))?", word)
    if match and match[1] in kinds and not (match[1] == "cpu" and match[2]):
        return Device(match[1], int(match[2] or 0))
    raise ValueError(
        f"device must be one of {AUTO}, {', '.join(kinds)}, or one of several as in cuda:1, "
        f"not {text!r}"
    )


def device_kinds() -> tuple[str, ...]:
    """Return the kinds of devices that any backend runs on, cpu first."""
    rows = sorted(BACKENDS.values(), key=lambda row: bool(row.hardware))
    return tuple(dict.fromkeys(kind for row in rows for kind in row.packages))


def backend_choices() -> tuple[str, ...]:
    """Return what a user may write for a backend that opens model folders."""
    return (AUTO, *BACKENDS)


def pipeline_choices() -> tuple[str, ...]:
    """Return what a user may write for the backend of a pipeline."""
    return (*backend_choices(), *RUN_BACKENDS)


def row_of(name: str) -> BackendKind:
    """Return the row of a backend of either table."""
    return BACKENDS.get(name) or RUN_BACKENDS[name]


def installation(name: str, kind: str = "cpu") -> str:
    """Return the command that installs a backend for a kind of device, and the extra that does."""
    packages = row_of(name).packages
    package = packages.get(kind) or next(iter(packages.values()))
    if not package.name:
        return f"pip install '.[{package.extra}]' in the source folder"
    return f"pip install {package.name} (extra {package.extra!r})"
