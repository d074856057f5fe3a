# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Backend: what runs one ONNX file. The packages behind are imported only when one is opened."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import platform
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from psg_ros.backend_table import (
    AUTO,
    BACKENDS,
    CPU,
    Device,
    backend_choices,
    device_kinds,
    installation,
    parse_device,
)
from psg_ros.robot.manifest import ArtifactSpec
from psg_ros.robot.runtime.tensors import Tensor

logger = logging.getLogger(__name__)


class Backend(Protocol):
    """One opened artifact. Use it from one thread at a time.

    Attributes:
        name: of the backend, one of `BACKENDS`; or `torch`.
        device: what it really runs on, as `cpu` or `cuda:0`; never "auto".
        precision: arithmetic in use, as "fp32" or "bf16"; never "auto".
    """

    name: str
    device: str
    precision: str

    def run(self, inputs: Mapping[str, Tensor], keep: Collection[str] = ()) -> Mapping[str, Any]:
        """Run the network once.

        Args:
            inputs: one tensor per input of the artifact: a C-contiguous array, which is not copied
                on the host, or what a backend kept.
            keep: outputs that the caller only passes on. They may stay on the device.

        Returns:
            One array per output, but a `Tensor` for each of `keep`. They are valid until the next
            `run` of this backend.

        Raises:
            NetworkFailed: the network cannot compute this input.
            ValueError: names, dtypes or shapes other than the artifact's.
        """
        ...

    def close(self) -> None:
        """Release the network; may be called twice. `run` raises RuntimeError afterwards."""
        ...


class BackendModule(Protocol):
    """The file of a backend, `BackendKind.module`: a module with these two functions."""

    def open_artifact(
        self, path: Path, spec: ArtifactSpec, *, threads: int, device: Device | None, precision: str
    ) -> Backend:
        """See `open_backend`. The device is of a kind in the backend's row; None: choose one.

        Raises:
            DeviceUnavailable: the device does not work here. Never runs on another one instead.
        """
        ...

    def describe(self) -> tuple[str, dict[str, str]]:
        """Return the version of the library, and its devices here -> what there is to know."""
        ...


@dataclass(frozen=True)
class BackendStatus:
    """Whether a backend can be opened here.

    Attributes:
        version: of its library; empty where that is missing.
        devices: as a user writes them -> their names and precisions.
        problem: what it lacks, with the cure; empty where it lacks nothing.
    """

    name: str
    version: str = ""
    devices: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


def choose_backend(device: str = AUTO) -> tuple[str, str]:
    """Return what "auto" stands for here, the first choice that is installed, and why it is that.

    Args:
        device: only backends that run on it count; see `parse_device`.

    Raises:
        ImportError: none is installed; says how to install each.
        ValueError: no such device.
    """
    wanted = parse_device(device)
    choices = _choices(wanted)
    installed = [name for name in choices if _is_installed(name)]
    if not installed:
        kind = wanted.kind if wanted else "cpu"
        cures = " or ".join(installation(name, kind) for name in choices)
        raise ImportError(f"no backend is installed, expected {' or '.join(choices)}: {cures}")
    where = platform.machine() if wanted in (None, CPU) else wanted
    reason = f"the first choice on {where}"
    if installed[0] != choices[0]:
        reason = f"{choices[0]}, {reason}, is not installed"
    return installed[0], reason


def resolve_backend(name: str, device: str = AUTO) -> str:
    """Return the backend's name; for "auto" that of `choose_backend`.

    Raises:
        ImportError: "auto", and no backend is installed.
        ValueError: unknown name or device.
    """
    if name == AUTO:
        chosen, reason = choose_backend(device)
        first = _choices(parse_device(device))[0]
        if chosen != first:
            cure = installation(first)
            logger.warning("backend auto is %s, because %s: %s", chosen, reason, cure)
        return chosen
    if name not in BACKENDS:
        known = ", ".join(backend_choices())
        raise ValueError(f"unknown backend {name!r}; known: {known}")
    return name


def open_backend(
    name: str,
    path: Path,
    spec: ArtifactSpec,
    *,
    threads: int = 0,
    device: str = AUTO,
    precision: str = AUTO,
) -> Backend:
    """Load an ONNX file.

    Args:
        name: see `resolve_backend`.
        spec: the tensors that the manifest promises.
        threads: CPU threads; 0 leaves the choice to the backend.
        device: see `parse_device`; auto leaves the choice to the backend, which warns where
            something better was there but did not work.
        precision: "auto" or what the backend has on its device.

    Raises:
        ImportError: the backend's package is not installed; says how to install it.
        ValueError: an unknown name, a damaged or foreign file, tensors other than the manifest's,
            or a device or precision that is not available.
    """
    name, wanted = resolve_backend(name, device), parse_device(device)
    if wanted and wanted.kind not in BACKENDS[name].packages:
        raise ValueError(_other_backends(name, wanted))
    return _module(name).open_artifact(
        path, spec, threads=threads, device=wanted, precision=precision
    )


def backend_version(name: str) -> str:
    """Return the version of a backend's library.

    Raises:
        ImportError: it is not installed; says how to install it.
    """
    return _module(name).describe()[0]


def backend_report() -> list[BackendStatus]:
    """Try every backend and say what was found, without opening a model."""
    return [_status(name) for name in BACKENDS]


def _choices(device: Device | None) -> list[str]:
    """Return the backends that run on a device, or on any, those made for this processor first."""
    names = [n for n, row in BACKENDS.items() if device is None or device.kind in row.packages]
    return sorted(names, key=lambda name: not _suits_processor(name))


def _suits_processor(name: str) -> bool:
    processors = BACKENDS[name].processors
    return not processors or platform.machine() in processors


def _is_installed(name: str) -> bool:
    return importlib.util.find_spec(BACKENDS[name].import_name) is not None


def _other_backends(name: str, device: Device) -> str:
    kinds = [kind for kind in device_kinds() if kind in BACKENDS[name].packages]
    others = " or ".join(_choices(device))
    return (
        f"{name} runs on {' or '.join(kinds)}, not on {device.kind}; set device to auto or one of "
        f"those, or backend to {others}"
    )


def _status(name: str) -> BackendStatus:
    try:
        version, devices = _module(name).describe()
    except ImportError as error:
        return BackendStatus(name, problem=str(error))
    return BackendStatus(name, version, devices)


def _module(name: str) -> BackendModule:
    try:
        return cast(BackendModule, importlib.import_module(BACKENDS[name].module))
    except ImportError as error:
        raise ImportError(
            f"backend {name!r} cannot be used ({error}): {installation(name)}, or choose another "
            "backend"
        ) from error
