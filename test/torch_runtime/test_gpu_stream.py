# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the stream of a GPU calls of torch, and in which order; torch.cuda itself is a fake."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from psg_ros.torch_runtime.gpu_stream import WARM_UP, CudaStream


class FakeCuda:
    """Notes calls; a replay does what was captured, any other call of a GPU is an error."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.capture_fails: Exception | None = None

    def Stream(self, device):
        def synchronize() -> None:
            self.calls.append("wait")

        return SimpleNamespace(device=device, synchronize=synchronize)

    def CUDAGraph(self):
        return SimpleNamespace(replay=lambda: self.calls.append("replay"))

    @contextmanager
    def stream(self, stream):
        self.calls.append(f"on {stream.device}")
        yield

    @contextmanager
    def graph(self, graph, *, pool, stream, capture_error_mode):
        self.calls.append(f"capture {capture_error_mode} {pool}")
        yield
        if self.capture_fails:
            raise self.capture_fails

    def graph_pool_handle(self):
        return "pool"

    def synchronize(self, device):
        self.calls.append("wait for all")


@pytest.fixture
def cuda(monkeypatch) -> FakeCuda:
    fake = FakeCuda()
    monkeypatch.setattr(torch, "cuda", fake)
    return fake


def test_work_warms_up_on_the_stream_is_captured_once_and_then_only_replayed(cuda):
    stream = CudaStream("cuda:1")
    replay = stream.record(lambda: cuda.calls.append("work"))
    warm = ["wait for all", "on cuda:1", *WARM_UP * ["work"], "wait"]
    assert cuda.calls == [*warm, "capture thread_local pool", "work"]
    cuda.calls.clear()
    for _ in range(2):
        replay()
    assert cuda.calls == 2 * ["on cuda:1", "replay"]


def test_copies_go_on_the_same_stream(cuda):
    stream = CudaStream("cuda:0")
    target = torch.zeros(3)
    stream.copy(target, torch.ones(3))
    stream.wait()
    assert target.tolist() == [1, 1, 1] and cuda.calls == ["on cuda:0", "wait"]


def test_where_capturing_is_not_permitted_a_warning_says_that_kernels_run_one_by_one(cuda, caplog):
    cuda.capture_fails = RuntimeError("CUDA error: operation not permitted\nwhen capturing")
    replay = CudaStream("cuda:0").record(lambda: cuda.calls.append("work"))
    (said,) = caplog.messages
    assert said == (
        "a frame on cuda:0 runs kernel by kernel, which is slower: capturing it as one graph "
        "failed (CUDA error: operation not permitted when capturing)"
    )
    cuda.calls.clear()
    replay()
    assert cuda.calls == ["on cuda:0", "work"]


def test_no_memory_for_a_capture_is_an_error(cuda, caplog):
    cuda.capture_fails = torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(torch.OutOfMemoryError):
        CudaStream("cuda:0").record(lambda: None)
    assert not caplog.messages
