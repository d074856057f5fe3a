# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""FrameBackend: a whole frame on a GPU as one captured graph, from bytes to scored pairs.

Inputs lie in one block of memory and outputs in another, on the GPU and in pinned memory of the
host. The blocks never move, as a graph reads and writes fixed addresses. A frame is one copy up,
one replay, one copy down and one wait.

A graph has a fixed number of rows for the cells of all pairs (`FrameGraph.rooms`). The answer says
how many were needed: where that is more, the frame is computed again with more room, and the next
frames begin with it. There is one graph for each room, recorded when it is first needed.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch

from psg_ros.network.frame_graph import INPUTS, MASKS, OUTPUTS, ROWS_NEEDED, FrameGraph, room_for
from psg_ros.robot.manifest import ArtifactSpec, TensorSpec
from psg_ros.robot.runtime.refusals import DeviceUnavailable, NetworkFailed
from psg_ros.robot.runtime.tensorrt.memory import Packing
from psg_ros.robot.runtime.tensors import Tensor, check_inputs, to_host
from psg_ros.torch_runtime.arithmetic import WIDE, computing_in, store_narrow
from psg_ros.torch_runtime.gpu_stream import GpuStream, Work
from psg_ros.torch_runtime.tensor import TorchTensor

logger = logging.getLogger(__name__)


class FrameBackend:
    """See `psg_ros.robot.runtime.backend.Backend`; of the form `fused`.

    Raises:
        DeviceUnavailable: the GPU has no room for the network, or cannot compute it.
    """

    name = "torch"

    def __init__(
        self, graph: FrameGraph, spec: ArtifactSpec, stream: GpuStream, precision: str = WIDE
    ) -> None:
        """Use a network, which goes to the device of the stream.

        Args:
            spec: with the tensors of `frame_tensors`.
            precision: see `computing_in`.
        """
        self.device, self.precision = stream.device, precision
        self._spec, self._stream = spec, stream
        store_narrow(graph, precision)
        try:
            self._graph: FrameGraph | None = graph.to(stream.device).eval()
            self._given = Block(stream, spec.inputs)
            rows = TensorSpec(ROWS_NEEDED, "int32", ())
            self._found = Block(stream, in_order((*spec.outputs, rows)))
            self._replays: dict[int, Work] = {}
            self._room = graph.rooms[0] if graph.rooms else 0
            self._replays[self._room] = self._recorded(graph, self._room)
        except RuntimeError as error:  # torch's own errors, among them that memory is short
            why = " ".join(str(error).split())
            raise DeviceUnavailable(
                f"{spec.file} does not run on {stream.device} ({why}); set precision to fp16 or "
                "fused_segments to fewer if memory is short, or device to cpu"
            ) from error

    def run(
        self, inputs: Mapping[str, Tensor], keep: Collection[str] = ()
    ) -> Mapping[str, np.ndarray | TorchTensor]:
        """See `Backend.run`. Of what is in `keep`, the masks alone stay on the GPU."""
        if self._graph is None:
            raise RuntimeError(f"{self._spec.file} was closed")
        check_inputs(self._spec, inputs)
        for name, tensor in inputs.items():
            np.copyto(self._given.host[name], to_host(tensor))
        stays = MASKS in keep
        try:
            self._compute(self._graph, self._found.offset(MASKS) if stays else None)
        except RuntimeError as error:
            raise NetworkFailed(self._spec.file, error) from error
        outputs: dict[str, Any] = {t.name: self._found.host[t.name] for t in self._spec.outputs}
        if stays:
            outputs[MASKS] = TorchTensor(self._found.device[MASKS])
        return outputs

    def close(self) -> None:
        """See `Backend.close`."""
        self._graph = None
        self._replays.clear()

    def _compute(self, graph: FrameGraph, num_bytes: int | None) -> None:
        """Compute what was given, until there was room for it; outputs arrive up to a byte."""
        room = self._room
        while True:
            if room not in self._replays:
                self._replays[room] = self._recorded(graph, room)
            self._stream.copy(self._given.there, self._given.here)
            self._replays[room]()
            self._stream.copy(self._found.here[:num_bytes], self._found.there[:num_bytes])
            self._stream.wait()
            if graph.packed is None:
                return
            needed = int(self._found.host[ROWS_NEEDED])
            wanted = room_for(graph.rooms, needed)
            if needed <= room:
                # Not more than did: where memory is short, there may be no graph with more.
                self._room = min(room, wanted)
                return
            room = wanted

    def _recorded(self, graph: FrameGraph, room: int) -> Work:
        logger.debug("%s: a graph with %d rows for its pairs", self._spec.file, room)
        given, found = self._given.device, self._found.device
        arguments = [given[name] for name in INPUTS]

        def work() -> None:
            if graph.packed is not None:
                graph.packed.room = room  # now: where nothing is captured, it runs every time
            with computing_in(self.precision, self.device):
                for name, value in zip(OUTPUTS, graph(*arguments), strict=True):
                    found[name].copy_(value)

        return self._stream.record(work)


class Block:
    """Tensors one after the other in one block, here and on the device.

    Attributes:
        here, there: uint8; all of it.
        host, device: name -> array and tensor that lie in it.
    """

    def __init__(self, stream: GpuStream, tensors: Collection[TensorSpec]) -> None:
        self._packing = Packing({t.name: (t.shape, np.dtype(t.dtype)) for t in tensors})
        self.here, self.there = stream.here(self._packing.size), stream.there(self._packing.size)
        self.host = self._packing.views(self.here.numpy())
        self.device = {tensor.name: self._on_device(tensor) for tensor in tensors}

    def offset(self, name: str) -> int:
        """Return the first byte of a tensor."""
        return self._packing.offsets[name]

    def _on_device(self, tensor: TensorSpec) -> torch.Tensor:
        first, size = self.offset(tensor.name), self.host[tensor.name].nbytes
        typed = self.there[first : first + size].view(getattr(torch, tensor.dtype))
        return typed.view(tensor.shape)


def in_order(outputs: Collection[TensorSpec]) -> list[TensorSpec]:
    """Return outputs in the order of `OUTPUTS`: the masks last, as they usually stay."""
    return sorted(outputs, key=lambda tensor: OUTPUTS.index(tensor.name))


def frame_tensors(graph: FrameGraph) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """Return inputs and outputs of a `FrameGraph` as a manifest of the form `fused` has them."""
    height, width = graph.input_hw
    rows, columns = (size // graph.mask_stride for size in graph.input_hw)
    (slots,), pairs = graph.slots.shape, graph.pairs.shape[1]
    logits = (pairs, graph.relations.head.num_predicates + 1)
    inputs = {
        "image": ("uint8", (1, height, width, 3)),
        "thresholds": ("float32", (2,)),
        "content_hw": ("int32", (2,)),
        "row_edges": ("float32", (rows + 1,)),
        "column_edges": ("float32", (columns + 1,)),
    }
    outputs = {
        "class_logits": ("float32", (slots, graph.segmenter.num_labels + 1)),
        "segment_of": ("int32", (slots,)),
        "segment_map": ("uint8", (rows, columns)),
        "input_map": ("uint8", (height, width)),
        "forward_logits": ("float32", logits),
        "backward_logits": ("float32", logits),
        "mask_logits": ("float32", (slots, rows, columns)),
    }
    return _specs(inputs), _specs(outputs)


def _specs(tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(name, dtype, shape) for name, (dtype, shape) in tensors.items())
