# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""TorchTensor: an output that stays where torch computed it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch


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
