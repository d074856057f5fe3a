# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Backend: what runs one ONNX file. The packages behind are imported only when one is opened."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Protocol

import numpy as np

from psg_ros.robot.manifest import ArtifactSpec

logger = logging.getLogger(__name__)

BACKENDS = {"openvino": "openvino_backend", "onnxruntime": "onnx_backend"}
"""Name of a backend, of its package and of its pip extra -> module in this folder."""


class Backend(Protocol):
    """One opened artifact. Use it from one thread at a time.

    Attributes:
        name: of the backend, one of `BACKENDS`; or `torch`.
        precision: arithmetic in use, "fp32" or "bf16".
    """

    name: str
    precision: str

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the network once.

        Args:
            inputs: one array per input of the artifact, C-contiguous; not copied.

        Returns:
            One array per output. They are valid until the next `run` of this backend.

        Raises:
            ValueError: names, dtypes or shapes other than the artifact's.
        """
        ...

    def close(self) -> None:
        """Release the network; may be called twice. `run` raises RuntimeError afterwards."""
        ...


@dataclass(frozen=True)
class BackendStatus:
    """Whether a backend could be opened here, which version, and what it runs on or lacks."""

    name: str
    available: bool
    version: str
    detail: str


def choose_backend() -> tuple[str, str]:
    """Return what "auto" stands for here, the first choice that is installed, and why it is that.

    Raises:
        ImportError: none is installed; says how to install each.
    """
    choices = _choices()
    installed = [name for name in choices if importlib.util.find_spec(name) is not None]
    if not installed:
        cures = " or ".join(installation(name) for name in choices)
        raise ImportError(f"no backend is installed, expected {' or '.join(choices)}: {cures}")
    reason = f"the first choice on {platform.machine()}"
    if installed[0] != choices[0]:
        reason = f"{choices[0]}, {reason}, is not installed"
    return installed[0], reason


def resolve_backend(name: str) -> str:
    """Return the backend's name; for "auto" that of `choose_backend`.

    Raises:
        ImportError: "auto", and no backend is installed.
        ValueError: unknown name.
    """
    if name == "auto":
        chosen, reason = choose_backend()
        first = _choices()[0]
        if chosen != first:
            cure = installation(first)
            logger.warning("backend auto is %s, because %s: %s", chosen, reason, cure)
        return chosen
    if name not in BACKENDS:
        raise ValueError(f"unknown backend {name!r}; known: auto, {', '.join(BACKENDS)}")
    return name


def installation(name: str) -> str:
    """Return the command that installs a backend's package, and the extra that brings it, too."""
    return f"pip install {name} (extra {name!r})"


def open_backend(
    name: str, path: Path, spec: ArtifactSpec, *, threads: int = 0, precision: str = "auto"
) -> Backend:
    """Load an ONNX file.

    Args:
        name: see `resolve_backend`.
        spec: the tensors that the manifest promises.
        threads: CPU threads; 0 leaves the choice to the backend.
        precision: "auto", "fp32" or "bf16"; auto takes bf16 where backend and processor have it.

    Raises:
        ImportError: the backend's package is not installed; says how to install it.
        ValueError: an unknown name, a damaged or foreign file, tensors other than the manifest's,
            or a precision that is not available.
    """
    opened: Backend = _module(resolve_backend(name)).open_artifact(
        path, spec, threads=threads, precision=precision
    )
    return opened


def backend_report() -> list[BackendStatus]:
    """Try every backend and say what was found, without opening a model."""
    return [_status(name) for name in BACKENDS]


def _choices() -> tuple[str, ...]:
    """Return the backends, the one that is faster on this processor first."""
    is_x86 = platform.machine() in ("x86_64", "AMD64")
    return ("openvino", "onnxruntime") if is_x86 else ("onnxruntime", "openvino")


def _status(name: str) -> BackendStatus:
    try:
        version, detail = _module(name).describe()
    except ImportError as error:
        return BackendStatus(name, False, "", str(error))
    return BackendStatus(name, True, version, detail)


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(f"psg_ros.robot.runtime.{BACKENDS[name]}")
    except ImportError as error:
        raise ImportError(
            f"backend {name!r} cannot be used ({error}): {installation(name)}, or choose another "
            "backend"
        ) from error
