# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The check of the kernels, on the fake GPU: it finds nothing, and finds what is wrong."""

from __future__ import annotations

import pytest

pytest.importorskip("onnxruntime", reason="part of the fakes")
pytest.importorskip("simplejpeg", reason="the decoder of images needs it")
import fake_cuda
from fake_nvidia import GPU, install

from psg_ros.benchmark.gpu.kernel_check import check_kernels
from psg_ros.robot.runtime.cuda import FORMATS
from psg_ros.robot.runtime.tensorrt import steps
from psg_ros.robot.runtime.tensorrt.device import DEVICES


@pytest.fixture(params=["cuda", "pycuda"])
def device(request, monkeypatch):
    install(monkeypatch, fake_cuda.Gpu(), request.param)
    return DEVICES[request.param](0)


def test_every_encoding_and_the_merge_are_compared(device):
    found = check_kernels(device, GPU.capability)
    assert len(found) == 2 * len(FORMATS) + 2
    assert max(v for name, v in found.items() if "area" in name) <= 1
    assert max(v for name, v in found.items() if "eomt" in name) == 0
    assert found["merge, mask"] == found["merge, input"] == 0


def test_a_kernel_that_computes_something_else_is_found_out(device, monkeypatch):
    sources = {
        name: text.replace("y = limited(0, y - 16, 255)", "y = limited(0, y - 19, 255)").replace(
            "if (value > best)", "if (value > 1.1 * best)"
        )
        for name, text in steps.kernel_sources().items()
    }
    monkeypatch.setattr(steps, "kernel_sources", lambda: sources)
    found = check_kernels(device, GPU.capability)
    assert found["yuyv, eomt"] > 1 and found["rgb8, eomt"] == 0
    assert found["merge, mask"] > 0.001
