# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A third backend, complete: a reference evaluator on a device whose memory no host can read."""

from __future__ import annotations

import onnx
from onnx.reference import ReferenceEvaluator

from psg_ros.backend_table import BackendKind, Device, Package
from psg_ros.file_digest import file_sha256
from psg_ros.robot.runtime.compiled_cache import CompiledFor, load_or_compile
from psg_ros.robot.runtime.refusals import choose_precision
from psg_ros.robot.runtime.tensors import check_inputs


class ToyTensor:
    def __init__(self, memory):
        self.shape, self.dtype, self.memory = memory.shape, memory.dtype, memory

    def numpy(self, *_):
        raise AssertionError("the host reads what stays on the device")

    __array__ = __len__ = __iter__ = __getitem__ = numpy


class ToyBackend:
    name, precision, handed_on = "toy", "fp32", 0

    def __init__(self, network, spec, device):
        self.network, self.spec, self.device = ReferenceEvaluator(network), spec, str(device)

    def run(self, inputs, keep=()):
        check_inputs(self.spec, inputs)
        ToyBackend.handed_on += sum(isinstance(t, ToyTensor) for t in inputs.values())
        feed = {n: t.memory if isinstance(t, ToyTensor) else t for n, t in inputs.items()}
        names = [tensor.name for tensor in self.spec.outputs]
        outputs = zip(names, self.network.run(names, feed), strict=True)
        return {name: ToyTensor(array) if name in keep else array for name, array in outputs}

    def close(self):
        self.network = None


def open_artifact(path, spec, *, threads, device, precision):
    chosen = choose_precision(precision, ("fp32",), "toy")
    wanted = CompiledFor(file_sha256(path), "toy", onnx.__version__, "toy", chosen)
    network = load_or_compile(
        wanted,
        compile=lambda: onnx.load(path),
        restore=lambda blob: onnx.load_from_string(bytes(blob)),
        serialize=lambda model: model.SerializeToString(),
    )
    return ToyBackend(network, spec, device or Device("toy"))


def describe():
    return onnx.__version__, {"toy:0": "a toy, fp32", "toy:1": "another, fp32"}


TOY = BackendKind("toy_backend", "onnx", {"toy": Package("toy-runtime", "toy-extra")})
