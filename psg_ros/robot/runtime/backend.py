# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Backend: what runs one ONNX file. The packages behind are imported only when one is opened."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import platform
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from psg_ros.backend_table import (
    AUTO,
    BACKENDS,
    CPU,
    RUN_BACKENDS,
    Device,
    backend_choices,
    device_kinds,
    installation,
    parse_device,
    row_of,
)
from psg_ros.machine import cores
from psg_ros.robot.manifest import ArtifactSpec
from psg_ros.robot.runtime.refusals import DeviceUnavailable
from psg_ros.robot.runtime.tensors import Tensor

logger = logging.getLogger(__name__)


class Backend(Protocol):
    """One opened artifact. Use it from one thread at a time.

    Attributes:
        name: of the backend, one of `BACKENDS` or `RUN_BACKENDS`.
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


class HardwareModule(Protocol):
    """What `BackendKind.hardware` names: a module with these two functions, both quick."""

    def shows_itself(self) -> bool:
        """Return whether the hardware is here, so that "auto" considers the backend at all."""
        ...

    def problem(self) -> str:
        """Return why it cannot be used, with the cure; empty: it can."""
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
        ImportError: none is installed, or none that is can run; says what cures it.
        ValueError: no such device.
    """
    wanted = parse_device(device)
    choices = _choices(wanted)
    lacks = {name: _lack(name) for name in choices}
    usable = [name for name in choices if not lacks[name]]
    if not usable:
        kind = wanted.kind if wanted else "cpu"
        absent = [name for name in choices if not _is_installed(name)]
        cures = " or ".join(installation(name, kind) for name in absent)
        if broken := [f"{name} {lacks[name]}" for name in choices if name not in absent]:
            other = cures and f"; another way: {cures}"
            raise ImportError(f"no backend runs on {kind} here: {'; '.join(broken)}{other}")
        raise ImportError(f"no backend is installed, expected {' or '.join(choices)}: {cures}")
    where = platform.machine() if wanted in (None, CPU) else wanted
    first, reason = choices[0], f"the first choice on {where}"
    if BACKENDS[first].hardware:
        reason = f"{reason} with its hardware"
    if usable[0] != first:
        reason = f"{first}, {reason}, {lacks[first]}"
    return usable[0], reason


def resolve_backend(name: str, device: str = AUTO) -> str:
    """Return the backend's name; for "auto" that of `choose_backend`.

    Raises:
        ImportError: "auto", and no backend is installed, or none that is can run.
        ValueError: unknown name or device, or a backend that opens no model folder.
    """
    if name == AUTO:
        chosen, reason = choose_backend(device)
        first = _choices(parse_device(device))[0]
        if chosen == first:
            logger.info("backend auto is %s, %s", chosen, reason)
        else:
            cure = "" if _is_installed(first) else f": {installation(first)}"
            logger.warning("backend auto is %s, because %s%s", chosen, reason, cure)
        return chosen
    if name in RUN_BACKENDS:
        raise ValueError(
            f"{name} opens run folders of psg train, and this is for model folders: set backend to "
            f"{' or '.join(backend_choices())}"
        )
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
        threads: CPU threads; 0 leaves the choice to the backend, or means all cores that this
            process may use where those are not all that there are: backends count the machine's.
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
    return cast(BackendModule, module_of(name)).open_artifact(
        path, spec, threads=threads or thread_limit(), device=wanted, precision=precision
    )


def backend_version(name: str) -> str:
    """Return the version of a backend's library.

    Raises:
        ImportError: it is not installed; says how to install it.
    """
    return module_of(name).describe()[0]


def backend_report() -> list[BackendStatus]:
    """Try every backend and say what was found, without opening a model."""
    return [_status(name) for name in BACKENDS]


def hardware_problem(name: str) -> str:
    """Return why the hardware that a backend needs cannot be used, with the cure; empty: it can."""
    module = BACKENDS[name].hardware
    return _hardware(module).problem() if module else ""


def module_of(name: str) -> Any:
    """Return the file of a backend: a `BackendModule`, or a `RunModule` where it is of a run.

    Raises:
        ImportError: its package is not installed; says how to install it.
    """
    try:
        return importlib.import_module(row_of(name).module)
    except ImportError as error:
        raise ImportError(
            f"backend {name!r} cannot be used ({error}): {installation(name)}, or choose another "
            "backend"
        ) from error


def thread_limit() -> int:
    """Return the number of threads for a process that may not use all cores; 0: no such limit."""
    return cores() if cores() < (os.cpu_count() or 1) else 0


def _choices(device: Device | None) -> list[str]:
    """Return the backends that run on a device, or on any, those made for this processor first.

    One whose hardware is not here does not count, unless no other runs on that device.
    """
    names = [n for n, row in BACKENDS.items() if device is None or device.kind in row.packages]
    here = [name for name in names if _shows_itself(name)]
    return sorted(here or names, key=lambda name: not _suits_processor(name))


def _shows_itself(name: str) -> bool:
    module = BACKENDS[name].hardware
    return not module or _hardware(module).shows_itself()


def _lack(name: str) -> str:
    """Return what a backend lacks here, as the rest of a sentence; empty: nothing is known."""
    if not _is_installed(name):
        return "is not installed"
    problem = hardware_problem(name)
    return problem and f"cannot be used: {problem}"


def _hardware(module: str) -> HardwareModule:
    return cast(HardwareModule, importlib.import_module(module))


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
        version, devices = module_of(name).describe()
    except (ImportError, DeviceUnavailable) as error:
        return BackendStatus(name, problem=str(error))
    return BackendStatus(name, version, devices)
