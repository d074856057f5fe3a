# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Opens the networks of a model with the backend that runs them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import NamedTuple, Protocol, cast

from psg_ros.backend_table import AUTO, RUN_BACKENDS
from psg_ros.config import PipelineConfig
from psg_ros.robot.forms import form_of, load_model
from psg_ros.robot.manifest import Manifest, ModelFolder, model_sha256
from psg_ros.robot.runtime.backend import Backend, module_of, open_backend, resolve_backend
from psg_ros.robot.runtime.twin_choice import choose_twin


class OpenedModel(NamedTuple):
    """A model that is ready to run.

    Attributes:
        backends: in the order of `Form.ARTIFACTS`.
        precision: arithmetic of the networks together, see `open_backends`.
    """

    folder: ModelFolder
    backends: list[Backend]
    precision: str


class RunModule(Protocol):
    """The file of a backend of `RUN_BACKENDS`: a module with these two functions."""

    def open_networks(self, config: PipelineConfig) -> tuple[ModelFolder, list[Backend]]:
        """Open a run folder as `Pipeline.open` does a model folder, with the same errors."""
        ...

    def describe(self) -> tuple[str, dict[str, str]]:
        """See `psg_ros.robot.runtime.backend.BackendModule`."""
        ...


def open_model(config: PipelineConfig) -> OpenedModel:
    """Open the model that a configuration names: a model folder, or a run folder where it says so.

    Raises:
        FileNotFoundError, ImportError, ValueError: as `Pipeline.open`.
    """
    if config.backend in RUN_BACKENDS:
        run = cast(RunModule, module_of(config.backend))
        folder, backends = run.open_networks(config)
        return OpenedModel(folder, backends, backends[0].precision)
    folder = load_model(config.model)
    return OpenedModel(folder, *open_backends(config, folder))


def digest_of(config: PipelineConfig) -> str:
    """Return what `Pipeline.model_sha256` would be.

    Raises:
        FileNotFoundError, ImportError, ValueError: as `Pipeline.open`.
    """
    if config.backend not in RUN_BACKENDS:
        return model_sha256(load_model(config.model).manifest)
    folder, backends, _ = open_model(config)
    for backend in backends:
        backend.close()
    return model_sha256(folder.manifest)


def open_backends(config: PipelineConfig, folder: ModelFolder) -> tuple[list[Backend], str]:
    """Open the artifacts of a model's form.

    Returns:
        Backends in the order of `Form.ARTIFACTS`, and the arithmetic of the networks together;
        "int8+bf16" is int8 where a twin was chosen, for its products with weights, bf16 elsewhere.

    Raises:
        FileNotFoundError, ImportError, ValueError: as `Pipeline.open`; what was opened is closed.
    """
    name = backend_of(config, folder.manifest)
    twin = choose_twin(config.precision, name, config.device, folder.manifest)
    backends = open_files(config, folder, name, twin, AUTO if twin else config.precision)
    precision = backends[0].precision
    return backends, f"{twin}+{precision}" if twin else precision


def open_files(
    config: PipelineConfig, folder: ModelFolder, name: str, twin: str, precision: str
) -> list[Backend]:
    """Open the artifacts of a model's form in a given backend, in the order of `Form.ARTIFACTS`.

    Args:
        twin: which twins to open, where an artifact has one; "" for none.
        precision: arithmetic, of a twin around its products in eight bits.

    Raises:
        FileNotFoundError, ImportError, ValueError: as `Pipeline.open`; what was opened is closed.
    """
    backends: list[Backend] = []
    with ExitStack() as opened:  # closes what is open when something fails
        for artifact in form_of(folder).ARTIFACTS:
            backend = open_backend(
                name,
                folder.artifact_path(artifact, twin=twin),
                folder.manifest.artifact(artifact, twin=twin),
                threads=config.threads,
                device=config.device,
                precision=precision,
            )
            opened.callback(backend.close)
            backends.append(backend)
        opened.pop_all()
    return backends


def backend_of(config: PipelineConfig, manifest: Manifest) -> str:
    """Return the backend that runs a model: the configured one, else the model's, else the best.

    Raises:
        ImportError, ValueError: as `resolve_backend`.
    """
    wanted = manifest.backend if config.backend == AUTO else config.backend
    return resolve_backend(wanted, config.device)
