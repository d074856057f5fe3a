# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Our kernels on a device against the numpy path, on whole pictures. Needs no TensorRT."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

from psg_ros.pictures.image_decoding import decode_image, raw_picture
from psg_ros.robot.manifest import ArtifactSpec, TensorSpec
from psg_ros.robot.ops.enlarge import contest_hw
from psg_ros.robot.ops.image import Placement, padding_rgb, place, write_content
from psg_ros.robot.ops.panoptic import best_label, contest
from psg_ros.robot.ops.scratch import Scratch
from psg_ros.robot.runtime.cuda import FORMATS
from psg_ros.robot.runtime.device_steps import Contest
from psg_ros.robot.runtime.tensorrt.cuda_device import CudaDevice
from psg_ros.robot.runtime.tensorrt.memory import Buffers, Twin
from psg_ros.robot.runtime.tensorrt.steps import TensorRtSteps, contest_room, load_kernels
from psg_ros.robot.runtime.tensors import Tensor

BYTES_A_PIXEL = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "yuyv": 2, "uyvy": 2}
IMAGE_HW, INPUT_HW, STRIDE = (180, 320), (128, 160), 4
QUERIES, COLUMNS = 30, 13
SPEC = ArtifactSpec(
    "kernels",
    "",
    (TensorSpec("image", "uint8", (1, *INPUT_HW, 3)),),
    (
        TensorSpec("class_logits", "float32", (1, QUERIES, COLUMNS)),
        TensorSpec("mask_logits", "float32", (1, QUERIES, *(n // STRIDE for n in INPUT_HW))),
    ),
)


class NoNetwork:
    """Memory of a network whose outputs are given; see `tensorrt.steps.Network`."""

    def __init__(self, cuda: CudaDevice, capability: tuple[int, int]) -> None:
        room = contest_room(SPEC)
        assert room is not None, "it has masks"
        self._cuda = cuda
        self.inputs, self.outputs = Buffers(cuda, SPEC.inputs), Buffers(cuda, SPEC.outputs)
        self._contest = Twin(cuda, room.size)
        self.steps = TensorRtSteps(cuda, load_kernels(cuda, capability), SPEC, self)

    @property
    def contest_memory(self) -> tuple[int, np.ndarray]:
        """See `Network`."""
        return self._contest.address, self._contest.bytes

    def address(self, name: str) -> int:
        """See `Network`."""
        return (self.inputs if name in self.inputs else self.outputs).address(name)

    def written(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Return what the device wrote."""
        host = self.inputs.host(name)
        self._cuda.download(host, self.inputs.address(name))
        self._cuda.synchronize()
        return host.copy()

    def run(
        self, inputs: Mapping[str, Tensor], keep: Collection[str], contest: Contest | None
    ) -> Mapping[str, Any]:
        """Upload the outputs that are there already, and let the masks compete."""
        assert contest is not None, "nothing else is asked for"
        for address, block in self.outputs.blocks({t.name: t.shape for t in SPEC.outputs}):
            self._cuda.upload(address, block)
        self.steps.enqueue_contest(contest)
        self._cuda.download(self._contest.bytes, self._contest.address)
        self._cuda.synchronize()
        return {}


def check_kernels(cuda: CudaDevice, capability: tuple[int, int]) -> dict[str, float]:
    """Return what differs from the numpy path; 0 is best.

    Returns:
        For each encoding and recipe of scaling the largest difference of a byte, which may be 1
        with "area"; for each resolution the share of pixels that another query wins.
    """
    with cuda.current():
        network = NoNetwork(cuda, capability)
        found = {
            f"{encoding}, {scaling}": _byte_difference(network, encoding, scaling)
            for encoding in FORMATS
            for scaling in ("area", "eomt")
        }
        return found | {f"merge, {r}": _other_winners(network, r) for r in ("mask", "input")}


def _byte_difference(network: NoNetwork, encoding: str, scaling: str) -> float:
    (height, width), rng = IMAGE_HW, np.random.default_rng(0)
    step = width * BYTES_A_PIXEL.get(encoding, 1)
    rows = height * 3 // 2 if encoding.startswith("nv") else height
    data = rng.integers(0, 256, rows * step, dtype=np.uint8)
    message = SimpleNamespace(
        encoding=encoding, width=width, height=height, step=step, data=data, is_bigendian=0
    )
    raw = raw_picture(message)
    assert raw is not None, "8 bit"
    content_h, content_w = place(IMAGE_HW, INPUT_HW, scaling).content_hw
    colour = padding_rgb(scaling)
    expected = np.full((*INPUT_HW, 3), colour, np.uint8)
    write_content(decode_image(message), expected[:content_h, :content_w], scaling)
    found = network.steps.prepare(raw, (content_h, content_w), scaling, colour)
    assert isinstance(found, np.ndarray)
    return float(np.abs(found[0].astype(int) - expected).max())


def _other_winners(network: NoNetwork, resolution: str) -> float:
    rng = np.random.default_rng(1)
    classes = network.outputs.host("class_logits")
    masks = network.outputs.host("mask_logits")
    classes[...] = rng.normal(0, 4, classes.shape)
    for mask in masks[0]:
        mask[...] = 60 * cv2.GaussianBlur(rng.normal(0, 1, mask.shape), (0, 0), 3)
    placement = Placement(IMAGE_HW, place(IMAGE_HW, INPUT_HW).content_hw, INPUT_HW)
    scores, labels = best_label(classes[0])
    kept = np.flatnonzero((labels < COLUMNS - 1) & (scores > 0.5))
    matters, expected, _ = contest(masks[0], kept, scores, placement, resolution, Scratch())
    stride = 0 if resolution == "mask" else STRIDE
    shape_hw = contest_hw(placement, STRIDE, resolution)
    wanted = Contest(0.5, shape_hw, placement.content_hw, stride)
    ran = network.steps.run({}, (), wanted)
    assert ran is not None, "the map has room"
    _, result = ran
    winners = result.queries[result.codes % len(result.queries)]
    return float((winners != matters[expected % len(matters)]).mean())
