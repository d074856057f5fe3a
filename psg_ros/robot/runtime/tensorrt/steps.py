# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The steps around a network as kernels on its stream; see `runtime.device_steps.DeviceSteps`.

Nothing here waits. What is enqueued before a run is done before it, and the run waits for all.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from psg_ros.frame import RawPicture
from psg_ros.robot.manifest import ArtifactSpec, TensorSpec
from psg_ros.robot.runtime.cuda import FORMATS, compile_kernels, kernel_sources
from psg_ros.robot.runtime.device_steps import Contest, ContestResult
from psg_ros.robot.runtime.refusals import NetworkFailed
from psg_ros.robot.runtime.tensorrt.antialiasing import weight_table
from psg_ros.robot.runtime.tensorrt.cuda_device import CudaDevice
from psg_ros.robot.runtime.tensorrt.memory import Packing, Twin
from psg_ros.robot.runtime.tensorrt.picture_ring import PictureRing
from psg_ros.robot.runtime.tensors import Tensor

logger = logging.getLogger(__name__)

KERNELS = {
    "prepare.cu": ("prepare", "prepare_antialiased"),
    "segments.cu": ("score_queries", "keep_queries", "compete", "overlap", "gather_pairs"),
}
PAIR_INPUTS = ("subject_overlap", "object_overlap", "boxes")


class Network(Protocol):
    """What the steps need of the backend that they belong to."""

    def address(self, name: str) -> int:
        """Return where an input or output lies on the GPU."""
        ...

    def written(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Return an input that work on the stream has written in place."""
        ...

    def run(
        self, inputs: Mapping[str, Tensor], keep: Collection[str], contest: Contest | None
    ) -> Mapping[str, Any]:
        """See `Backend.run`; between network and copies down, `enqueue_contest` has its turn."""
        ...

    @property
    def contest_memory(self) -> tuple[int, np.ndarray]:
        """Where contests have room: an address on the GPU and its pinned bytes."""
        ...


def load_kernels(cuda: CudaDevice, capability: tuple[int, int]) -> dict[str, Any]:
    """Compile and load all kernels.

    Raises:
        RuntimeError: nothing here compiles them, or they do not load.
    """
    sources = kernel_sources()
    kernels: dict[str, Any] = {}
    for name, functions in KERNELS.items():
        kernels |= cuda.load(compile_kernels(name, sources[name], capability), functions)
    return kernels


def contest_room(spec: ArtifactSpec) -> Packing | None:
    """Return how the result of a contest lies in memory, for the largest map; None: no masks.

    The map comes last, so that a smaller one leaves the others where they are.
    """
    outputs = {tensor.name: tensor for tensor in spec.outputs}
    image = next((t for t in spec.inputs if t.name == "image"), None)
    masks, classes = outputs.get("mask_logits"), outputs.get("class_logits")
    if image is None or masks is None or classes is None or not _are_plain(masks, classes):
        return None
    number, real = np.dtype(np.int32), np.dtype(np.float32)
    (queries,) = masks.shape[-3:-2]
    return Packing(
        {
            "num_kept": ((1,), number),
            "kept": ((queries,), number),
            "own_areas": ((queries,), number),
            "scores": ((queries,), real),
            "labels": ((queries,), number),
            "codes": ((image.shape[1] * image.shape[2],), np.dtype(np.uint16)),
        }
    )


class TensorRtSteps:
    """See `psg_ros.robot.runtime.device_steps.DeviceSteps`."""

    def __init__(
        self, cuda: CudaDevice, kernels: Mapping[str, Any], spec: ArtifactSpec, network: Network
    ) -> None:
        self._cuda, self._kernels, self._spec, self._network = cuda, kernels, spec, network
        self._inputs = {tensor.name: tensor for tensor in spec.inputs}
        self._outputs = {tensor.name: tensor for tensor in spec.outputs}
        self._room = contest_room(spec)
        self._ring = PictureRing(cuda) if "image" in self._inputs else None
        self._weights, self._weights_of = Twin(cuda), ((0, 0), (0, 0))
        self._tables: tuple[tuple[int, int], ...] = ()
        self._pairs, self._ratios = Twin(cuda), Twin(cuda)
        self._where: dict[str, int] = {}

    def send(self, picture: RawPicture) -> None:
        """See `DeviceSteps.send`."""
        if self._ring is not None and picture.encoding in FORMATS:
            try:
                self._ring.send(picture)
            except Exception as error:  # `prepare` tries again, and its error is that of the frame
                logger.debug("a picture was not sent ahead: %s", error)

    def prepare(
        self,
        picture: RawPicture,
        content_hw: tuple[int, int],
        scaling: str,
        padding_rgb: tuple[int, int, int],
    ) -> Tensor | None:
        """See `DeviceSteps.prepare`."""
        if self._ring is None or picture.encoding not in FORMATS:
            return None
        shape = self._inputs["image"].shape
        (height, width), (input_h, input_w) = picture.image_hw, shape[1:3]
        red, green, blue = padding_rgb
        with self._said(), self._cuda.current():
            is_area = scaling == "area"
            tables = () if is_area else self._weight_tables(picture, content_hw)
            kernel = "prepare" if is_area else "prepare_antialiased"
            given = [*_addresses(self._ring.take(picture), self._network.address("image"))]
            given += _numbers(
                FORMATS.index(picture.encoding), picture.step, width, height, content_hw[1],
                content_hw[0], input_w, input_h, red << 16 | green << 8 | blue,
            )  # fmt: skip
            for address, taps in tables:
                given += [*_addresses(address), *_numbers(taps)]
            self._cuda.launch(self._kernels[kernel], input_h * input_w, given)
        return self._network.written("image", shape)

    def run(
        self, inputs: Mapping[str, Tensor], keep: Collection[str], contest: Contest
    ) -> tuple[Mapping[str, Any], ContestResult] | None:
        """See `DeviceSteps.run`."""
        if self._room is None or math.prod(contest.shape_hw) > self._largest_map():
            return None
        found = self._network.run(inputs, keep, contest)
        views = self._room.views(self._network.contest_memory[1])
        (count,) = views["num_kept"].tolist()
        codes = views["codes"][: math.prod(contest.shape_hw)].reshape(contest.shape_hw)
        return found, ContestResult(
            views["kept"][:count], views["scores"], views["labels"], codes,
            views["own_areas"][:count],
        )  # fmt: skip

    def contest_size(self, contest: Contest) -> int:
        """Return how many bytes of the contest's memory its result takes."""
        assert self._room is not None
        return self._room.offsets["codes"] + 2 * math.prod(contest.shape_hw)

    def enqueue_contest(self, contest: Contest) -> None:
        """Enqueue the kernels of a contest between the outputs of the network."""
        assert self._room is not None
        masks, classes = self._outputs["mask_logits"].shape, self._outputs["class_logits"].shape
        (num_queries, grid_h, grid_w), columns = masks[-3:], classes[-1]
        start, _ = self._network.contest_memory
        place = {name: start + offset for name, offset in self._room.offsets.items()}
        logits, grids = map(self._network.address, ("class_logits", "mask_logits"))
        scoring = _addresses(logits, place["scores"], place["labels"])
        self._cuda.launch(
            self._kernels["score_queries"],
            num_queries,
            [*scoring, *_numbers(num_queries, columns)],
        )
        kept = _addresses(
            place["scores"], place["labels"], place["kept"], place["num_kept"], place["own_areas"]
        )
        threshold = np.float32(contest.score_threshold)
        self._cuda.launch(
            self._kernels["keep_queries"],
            num_queries,
            [*kept, *_numbers(num_queries, columns - 1), threshold],
        )
        competing = _addresses(
            grids, place["kept"], place["num_kept"], place["scores"], place["codes"],
            place["own_areas"],
        )  # fmt: skip
        (content_h, content_w), (height, width) = contest.content_hw, contest.shape_hw
        sizes = _numbers(grid_w, grid_h, contest.stride, content_w, content_h, width, height)
        self._cuda.launch(self._kernels["compete"], height * width, [*competing, *sizes])

    def describe_pairs(
        self,
        content_map: np.ndarray,
        num_segments: int,
        grid_hw: tuple[int, int],
        cell_hw: tuple[int, int],
        boxes: np.ndarray,
        pairs: np.ndarray,
    ) -> None:
        """See `DeviceSteps.describe_pairs`."""
        given = {"content": content_map, "boxes": boxes, "pairs": pairs}
        packing = Packing({name: (array.shape, array.dtype) for name, array in given.items()})
        cells = math.prod(grid_hw)
        with self._said(), self._cuda.current():
            self._pairs.reserve(packing.size)
            self._ratios.reserve(num_segments * cells * 4)
            for name, view in packing.views(self._pairs.bytes).items():
                np.copyto(view, given[name])
            self._cuda.upload(self._pairs.address, self._pairs.bytes[: packing.size])
            self._where = {n: self._pairs.address + o for n, o in packing.offsets.items()}
            (height, width), (grid_h, grid_w) = content_map.shape, grid_hw
            sizes = _numbers(num_segments, width, height, grid_w, grid_h, cell_hw[1], cell_hw[0])
            self._cuda.launch(
                self._kernels["overlap"],
                cells,
                [*_addresses(self._where["content"], self._ratios.address), *sizes],
            )

    def pair_inputs(self, first: int, last: int) -> Mapping[str, Tensor]:
        """See `DeviceSteps.pair_inputs`."""
        count, cells = last - first, self._inputs["subject_overlap"].shape[1]
        row_bytes = 2 * np.dtype(np.int32).itemsize
        with self._said(), self._cuda.current():
            sources = (self._where["pairs"] + first * row_bytes, self._ratios.address,
                       self._where["boxes"])  # fmt: skip
            targets = map(self._network.address, PAIR_INPUTS)
            given = [*_addresses(*sources, *targets), *_numbers(count, cells)]
            self._cuda.launch(self._kernels["gather_pairs"], count * (cells + 4), given)
        widths = (cells, cells, 8)
        return {
            name: self._network.written(name, (count, width))
            for name, width in zip(PAIR_INPUTS, widths, strict=True)
        }

    def close(self) -> None:
        """Send nothing any more."""
        if self._ring is not None:
            self._ring.close()

    def _largest_map(self) -> int:
        return math.prod(self._inputs["image"].shape[1:3])

    def _weight_tables(
        self, picture: RawPicture, content_hw: tuple[int, int]
    ) -> tuple[tuple[int, int], ...]:
        """Return where the weights across and down lie, and how many a pixel has at most."""
        if self._weights_of != (picture.image_hw, content_hw):
            axes = zip(picture.image_hw[::-1], content_hw[::-1], strict=True)
            tables = dict(zip("xy", (weight_table(*sizes) for sizes in axes), strict=True))
            packing = Packing({n: (table.shape, table.dtype) for n, table in tables.items()})
            self._weights.reserve(packing.size)
            for name, view in packing.views(self._weights.bytes).items():
                np.copyto(view, tables[name])
            self._cuda.upload(self._weights.address, self._weights.bytes[: packing.size])
            self._weights_of = (picture.image_hw, content_hw)
            self._tables = tuple(
                (self._weights.address + packing.offsets[n], table.shape[1] - 2)
                for n, table in tables.items()
            )
        return self._tables

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Turn what a device library raises into an error that names the network."""
        try:
            yield
        except Exception as error:  # each library has errors of its own
            self._weights_of = ((0, 0), (0, 0))
            raise NetworkFailed(self._spec.file, error) from error


def _are_plain(*tensors: TensorSpec) -> bool:
    return all(tensor.dtype == "float32" and -1 not in tensor.shape for tensor in tensors)


def _addresses(*addresses: int) -> list[np.generic]:
    return [np.uintp(address) for address in addresses]


def _numbers(*numbers: int) -> list[np.generic]:
    return [np.int32(number) for number in numbers]
