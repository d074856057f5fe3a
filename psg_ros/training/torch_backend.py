# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One network in torch, behind the interface of the backends that are deployed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from psg_ros.robot.manifest import ArtifactSpec
from psg_ros.robot.runtime.refusals import NetworkFailed
from psg_ros.robot.runtime.tensors import Tensor, check_inputs, to_host

NARROW = {"bf16": torch.bfloat16, "fp16": torch.float16}
WIDE = "fp32"


@dataclass(frozen=True)
class TorchTensor:
    """An output on the device; see `psg_ros.robot.runtime.tensors.DeviceTensor`."""

    tensor: torch.Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """See `DeviceTensor`."""
        return tuple(self.tensor.shape)

    @property
    def dtype(self) -> np.dtype:
        """See `DeviceTensor`."""
        return np.dtype(str(self.tensor.dtype).removeprefix("torch."))

    def numpy(self) -> np.ndarray:
        """See `DeviceTensor`."""
        return self.tensor.cpu().numpy()


class TorchBackend:
    """A module behind the interface `psg_ros.robot.runtime.backend.Backend`."""

    name = "torch"

    def __init__(
        self, module: nn.Module, spec: ArtifactSpec, device: str, precision: str = WIDE
    ) -> None:
        """Use a module, which goes to the device.

        Args:
            device: torch's name of it, as `cpu` or `cuda:0`.
            precision: fp32, bf16 or fp16. The last two are torch's autocast: products in them,
                normalisation, softmax and sums over pixels in fp32.
        """
        self._module: nn.Module | None = module.to(device).eval()
        self._spec, self.device, self.precision = spec, device, precision

    @torch.inference_mode()
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
        named = zip(self._spec.outputs, outputs, strict=True)
        kept = {spec.name: TorchTensor(_typed(output, spec.dtype)) for spec, output in named}
        return {name: t if name in keep else t.numpy() for name, t in kept.items()}

    def close(self) -> None:
        """See `Backend.close`."""
        self._module = None

    def _compute(self, module: nn.Module, inputs: Mapping[str, Tensor]) -> tuple[torch.Tensor, ...]:
        tensors = (_as_torch(inputs[tensor.name]) for tensor in self._spec.inputs)
        with ExitStack() as modes:
            # cuDNN's convolutions would round to TF32 otherwise, which is not fp32.
            modes.enter_context(torch.backends.cudnn.flags(enabled=True, allow_tf32=False))
            if self.precision in NARROW:
                kind = torch.device(self.device).type
                modes.enter_context(torch.autocast(kind, NARROW[self.precision]))
            return module(*(tensor.to(self.device) for tensor in tensors))


def _as_torch(tensor: Tensor) -> torch.Tensor:
    return tensor.tensor if isinstance(tensor, TorchTensor) else torch.from_numpy(to_host(tensor))


def _typed(tensor: torch.Tensor, dtype: str) -> torch.Tensor:
    return tensor.to(getattr(torch, dtype))
