# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How large the numbers get that go into the products of a network, measured on pictures.

ONNX Runtime has this, too, but measures whatever a MatMul reads or makes, the weights of attention
among it: gigabytes a picture at 640 x 640 px. Here only what is asked for is looked at, one picture
after the other.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sized
from typing import Protocol

import numpy as np
import onnx


class Inputs(Sized, Iterable[Mapping[str, np.ndarray]], Protocol):
    """What a network is given, one mapping a run."""


def measure_ranges(
    model: onnx.ModelProto, tensors: Collection[str], inputs: Inputs, beyond: float
) -> dict[str, np.float32]:
    """Return for each tensor the magnitude that few of its numbers exceed.

    Args:
        tensors: names of float32 tensors.
        beyond: the share of all numbers that may exceed it; 0 for none.

    Raises:
        ImportError: ONNX Runtime is not installed.
        ValueError: there are no inputs.
    """
    import onnxruntime

    if not len(inputs):
        raise ValueError("no pictures to measure ranges on")
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    told = {value.name for value in model.graph.output}
    opened.graph.output.extend(onnx.ValueInfoProto(name=n) for n in tensors if n not in told)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; its warnings are about graph rewriting
    session = onnxruntime.InferenceSession(
        opened.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = list(tensors)
    largest: dict[str, np.ndarray] = {}
    for one in inputs:
        for name, values in zip(names, session.run(names, dict(one)), strict=True):
            count = max(1, math.ceil(beyond * values.size * len(inputs)))
            found = np.concatenate((largest.get(name, _NONE), np.abs(values).ravel()))
            largest[name] = np.partition(found, -count)[-count:] if count < found.size else found
    return {name: np.float32(values.min()) for name, values in largest.items()}


_NONE = np.empty(0, np.float32)
