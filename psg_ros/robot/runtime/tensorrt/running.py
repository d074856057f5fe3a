# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""TensorRtBackend: memory made once, one stream, one wait for each run; kept outputs stay."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from psg_ros.robot.manifest import ArtifactSpec, TensorSpec
from psg_ros.robot.runtime.device_steps import Contest
from psg_ros.robot.runtime.refusals import NetworkFailed
from psg_ros.robot.runtime.tensorrt.cuda_device import CapturedWork, CudaDevice
from psg_ros.robot.runtime.tensorrt.memory import Buffers
from psg_ros.robot.runtime.tensorrt.profiles import profiles_of
from psg_ros.robot.runtime.tensorrt.steps import TensorRtSteps, contest_room
from psg_ros.robot.runtime.tensors import Tensor, check_inputs, to_host

if TYPE_CHECKING:  # importing it needs TensorRT
    from psg_ros.robot.runtime.tensorrt.engine import Engine

logger = logging.getLogger(__name__)

CONTEST = "contest"
"""Name of the memory beside the outputs in which masks compete."""

LAST = (CONTEST, "mask_logits", "patch_tokens")
"""What lies behind the other outputs, in this order: what is copied down then lies together, as it
is with masks or without, with tokens or without."""

SMALL_BYTES = 1 << 14
"""Inputs up to this size are compared with the last ones; that is cheaper than a copy."""


def _rank(tensor: TensorSpec) -> int:
    return LAST.index(tensor.name) if tensor.name in LAST else -1


@dataclass(frozen=True)
class TensorRtTensor:
    """An output on the GPU; see `psg_ros.robot.runtime.tensors.DeviceTensor`."""

    address: int
    shape: tuple[int, ...]
    dtype: np.dtype
    fetch: Callable[[], np.ndarray]

    def numpy(self) -> np.ndarray:
        """See `DeviceTensor`."""
        return self.fetch()


@dataclass(frozen=True)
class Bound:
    """Inputs and outputs of a run as a context knows them; equal ones need no new binding.

    Attributes:
        inputs: name -> shape, and where it lies on the GPU.
        kept: outputs that stay there.
        contest: what the masks do before anything is copied.
    """

    inputs: Mapping[str, tuple[tuple[int, ...], int]]
    kept: frozenset[str]
    contest: Contest | None = None


class TensorRtBackend:
    """An engine with its buffers; see `psg_ros.robot.runtime.backend.Backend`."""

    name = "tensorrt"

    def __init__(
        self,
        engine: Engine,
        spec: ArtifactSpec,
        device: CudaDevice,
        name: str,
        kernels: Mapping[str, Any] | None = None,
    ) -> None:
        """Use an engine on a device, of which the user's name is given.

        Args:
            kernels: of `steps.KERNELS`; None: the host does what they do.
        """
        self.device, self.precision = name, spec.precision
        self._engine, self._spec, self._cuda = engine, spec, device
        self._profiles = profiles_of(spec)
        room = contest_room(spec) if kernels else None
        with device.current():
            self._inputs = Buffers(device, spec.inputs)
            extra = [TensorSpec(CONTEST, "uint8", (room.size,))] if room else []
            outputs = sorted((*spec.outputs, *extra), key=_rank)
            self._outputs = Buffers(device, outputs)
            self.steps = TensorRtSteps(device, kernels, spec, self) if kernels else None
        self._bound: Bound | None = None
        self._context: Any = None
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._graph: CapturedWork | None = None
        # A graph holds what a context was bound to; sizes that change would spoil it.
        self._makes_graphs = not self._profiles
        self._on_device: set[str] = set()
        self._is_open = True

    def run(
        self,
        inputs: Mapping[str, Tensor],
        keep: Collection[str] = (),
        contest: Contest | None = None,
    ) -> Mapping[str, Tensor]:
        """See `Backend.run`, and `tensorrt.steps.Network`."""
        if not self._is_open:
            raise RuntimeError(f"{self._spec.file} was closed")
        check_inputs(self._spec, inputs)
        with self._cuda.current():
            try:
                wanted = Bound(self._take(inputs), frozenset(keep), contest)
                if is_new := wanted != self._bound:
                    self._bind(wanted)
                (self._graph.enqueue if self._graph else self._enqueue)()
                self._cuda.synchronize()
                if not is_new and self._graph is None and self._makes_graphs:
                    self._graph = self._captured()
            except NetworkFailed:
                self._forget()
                raise
            except Exception as error:  # each device library has errors of its own
                self._forget()
                raise NetworkFailed(self._spec.file, error) from error
        return {tensor.name: self._output(tensor.name) for tensor in self._spec.outputs}

    def address(self, name: str) -> int:
        """See `tensorrt.steps.Network`."""
        buffers = self._inputs if name in self._inputs else self._outputs
        return buffers.address(name)

    def written(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """See `tensorrt.steps.Network`."""
        self._on_device.discard(name)
        address, host = self._inputs.address(name), self._inputs.host(name, shape)
        return TensorRtTensor(address, shape, host.dtype, lambda: self._fetch(host, address))

    @property
    def contest_memory(self) -> tuple[int, np.ndarray]:
        """See `tensorrt.steps.Network`."""
        return self._outputs.address(CONTEST), self._outputs.host(CONTEST)

    def close(self) -> None:
        """See `Backend.close`."""
        if self._is_open:
            self._is_open = False
            self._graph = self._context = None
            if self.steps is not None:
                self.steps.close()
            with self._cuda.current():
                self._engine.close()
            self._cuda.release()

    def _forget(self) -> None:
        """Trust nothing that may not have been done."""
        self._bound = None
        self._on_device.clear()

    def _take(self, inputs: Mapping[str, Tensor]) -> dict[str, tuple[tuple[int, ...], int]]:
        """Enqueue copies of arrays; tensors of this GPU are taken where they lie.

        Small ones, as thresholds, hardly ever change and are not copied again when they did not.
        """
        places, changed = {}, {}
        for name, tensor in inputs.items():
            if isinstance(tensor, TensorRtTensor):
                places[name] = (tensor.shape, tensor.address)
                continue
            array = to_host(tensor)
            host = self._inputs.host(name, array.shape)
            places[name] = (array.shape, self._inputs.address(name))
            is_small = array.nbytes <= SMALL_BYTES
            if not (is_small and name in self._on_device and np.array_equal(host, array)):
                np.copyto(host, array)
                changed[name] = array.shape
        for address, block in self._inputs.blocks(changed):
            self._cuda.upload(address, block)
        fixed = {tensor.name for tensor in self._spec.inputs if -1 not in tensor.shape}
        self._on_device |= fixed & changed.keys()
        return places

    def _bind(self, wanted: Bound) -> None:
        """Tell a context what it works on."""
        self._bound = None
        if (graph := self._graph) is not None:
            self._graph = None
            graph.free()
        shapes = {name: shape for name, (shape, _) in wanted.inputs.items()}
        fitting = (n for n, profile in enumerate(self._profiles) if profile.takes(shapes))
        self._context = self._engine.context(next(fitting, 0), self._cuda.stream)
        for name, (shape, address) in wanted.inputs.items():
            self._check(self._context.set_input_shape(name, shape))
            self._check(self._context.set_tensor_address(name, address))
        for tensor in self._spec.outputs:
            self._shapes[tensor.name] = tuple(self._context.get_tensor_shape(tensor.name))
            address = self._outputs.address(tensor.name)
            self._check(self._context.set_tensor_address(tensor.name, address))
        self._bound = wanted

    def _enqueue(self) -> None:
        """Enqueue the network, what follows it on the device, and the copies down."""
        assert self._bound is not None, "bound before"
        self._check(self._context.execute_async_v3(self._cuda.stream))
        wanted = {n: shape for n, shape in self._shapes.items() if n not in self._bound.kept}
        if self.steps is not None and (contest := self._bound.contest) is not None:
            self.steps.enqueue_contest(contest)
            wanted[CONTEST] = (self.steps.contest_size(contest),)
        for address, block in self._outputs.blocks(wanted):
            self._cuda.download(block, address)

    def _captured(self) -> CapturedWork | None:
        """Return what enqueues all in one call; None where library or network has none."""
        try:
            graph = self._cuda.capture(self._enqueue)
        except Exception as error:  # this frame is done, and the next one needs no graph
            logger.warning(
                "%s runs call by call, which is slower: it makes no CUDA graph (%s)",
                self._spec.file,
                error,
            )
            graph = None
        self._makes_graphs = graph is not None
        return graph

    def _check(self, went_well: bool) -> None:
        if not went_well:
            raise NetworkFailed(self._spec.file, self._engine.log.why())

    def _output(self, name: str) -> Tensor:
        shape = self._shapes[name]
        host, address = self._outputs.host(name, shape), self._outputs.address(name)
        if self._bound is None or name not in self._bound.kept:
            return host
        return TensorRtTensor(address, shape, host.dtype, lambda: self._fetch(host, address))

    def _fetch(self, host: np.ndarray, address: int) -> np.ndarray:
        """Return a copy of what lies on the GPU."""
        with self._cuda.current():
            self._cuda.download(host, address)
            self._cuda.synchronize()
        return host.copy()
