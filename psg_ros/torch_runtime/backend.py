# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One network in torch, behind the interface of the backends that are deployed."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import torch
from torch import nn

from psg_ros.robot.manifest import ArtifactSpec
from psg_ros.robot.runtime.refusals import NetworkFailed
from psg_ros.robot.runtime.tensors import Tensor, check_inputs, to_host
from psg_ros.torch_runtime.arithmetic import WIDE, computing_in
from psg_ros.torch_runtime.tensor import TorchTensor


class TorchBackend:
    """A module behind the interface `psg_ros.robot.runtime.backend.Backend`."""

    name = "torch"

    def __init__(
        self, module: nn.Module, spec: ArtifactSpec, device: str, precision: str = WIDE
    ) -> None:
        """Use a module, which goes to the device.

        Args:
            device, precision: see `computing_in`.
        """
        self._module: nn.Module | None = module.to(device).eval()
        self._spec, self.device, self.precision = spec, device, precision

    def run(
        self, inputs: Mapping[str, Tensor], keep: Collection[str] = ()
    ) -> Mapping[str, np.ndarray | TorchTensor]:
        """See `Backend.run`."""
        if self._module is None:
            raise RuntimeError(f"{self._spec.file} was closed")
        check_inputs(self._spec, inputs)
        try:
            outputs = self._compute(self._module, inputs)
        except RuntimeError as error:  # torch's own errors, among them that memory is short
            raise NetworkFailed(self._spec.file, error) from error
        return {name: t if name in keep else t.numpy() for name, t in outputs.items()}

    def close(self) -> None:
        """See `Backend.close`."""
        self._module = None

    def _compute(self, module: nn.Module, inputs: Mapping[str, Tensor]) -> dict[str, TorchTensor]:
        with computing_in(self.precision, self.device):
            tensors = (_as_torch(inputs[tensor.name]) for tensor in self._spec.inputs)
            outputs = module(*(tensor.to(self.device) for tensor in tensors))
            named = zip(self._spec.outputs, outputs, strict=True)
            return {spec.name: TorchTensor(_typed(output, spec.dtype)) for spec, output in named}


def _as_torch(tensor: Tensor) -> torch.Tensor:
    return tensor.tensor if isinstance(tensor, TorchTensor) else torch.from_numpy(to_host(tensor))


def _typed(tensor: torch.Tensor, dtype: str) -> torch.Tensor:
    return tensor.to(getattr(torch, dtype))
