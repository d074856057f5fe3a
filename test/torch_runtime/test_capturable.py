# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The function that a GPU captures has nothing in it that a capture does not permit.

It runs on tensors that have a shape, a type and the device `cuda`, and no numbers. So what asks for
numbers is an error, what makes a tensor on the processor is found, and so is what mixes the two.
Whether a kernel of CUDA can be captured is not seen here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from cuda_without_gpu import allow_cuda_without_gpu
from fake_gpu_stream import ASKS_THE_HOST, NotPermitted
from tiny_networks import NETWORKS
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from psg_ros.network import fixed_packing, kept_tables
from psg_ros.network.config import ModelConfig
from psg_ros.network.dsflash import DsFlash, build_dsflash
from psg_ros.network.frame_graph import OUTPUTS, FrameGraph
from psg_ros.resources import share_path
from psg_ros.setting_files import config_from_dict, load_config
from psg_ros.torch_runtime.arithmetic import NARROW, store_narrow
from psg_ros.torch_runtime.frame_backend import frame_tensors, in_order

SLOTS = 4
SHIPPED = sorted((share_path() / "config" / "model").glob("*.yaml"))


class OnTheGpuAlone(TorchDispatchMode):
    """Refuses operators that ask the host, and results that lie there."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.overloadpacket in ASKS_THE_HOST:
            raise NotPermitted(f"{function} asks the host")
        results = function(*args, **(kwargs or {}))
        for result in tree_leaves(results):
            if isinstance(result, torch.Tensor) and result.device.type != "cuda":
                raise NotPermitted(f"{function} gives a tensor on {result.device}")
        self.names.add(function.overloadpacket.__name__)
        return results


@contextmanager
def autocast(precision: str) -> Iterator[None]:
    """As `torch.autocast`, which switches itself off where there is no GPU."""
    if precision not in NARROW:
        yield
        return
    before = torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")
    torch.set_autocast_enabled("cuda", True)
    torch.set_autocast_dtype("cuda", NARROW[precision])
    try:
        yield
    finally:
        torch.set_autocast_enabled("cuda", before[0])
        torch.set_autocast_dtype("cuda", before[1])


def run_without_numbers(model: DsFlash, precision: str) -> tuple[dict, set[str]]:
    """Run a frame on the device `cuda`; return its outputs, and the operators it took."""
    graph = FrameGraph(model, [True] * model.segmenter.num_labels, SLOTS).eval()
    store_narrow(graph, precision)
    with FakeTensorMode():
        for part in graph.modules():
            for table in (part._parameters, part._buffers):
                for name, real in table.items():
                    if real is not None:
                        table[name] = torch.empty(real.shape, dtype=real.dtype, device="cuda")
        inputs = [
            torch.empty(t.shape, dtype=getattr(torch, t.dtype), device="cuda")
            for t in frame_tensors(graph)[0]
        ]
        kept_tables.TABLES.clear()  # those made here have no numbers, so they stay here
        with torch.no_grad(), autocast(precision):
            graph(*inputs)  # warms up, as before a capture
            with OnTheGpuAlone() as mode:
                outputs = graph(*inputs)
    declared = {tensor.name: tensor for tensor in in_order(frame_tensors(graph)[1])}
    for name, output in zip(OUTPUTS, outputs, strict=True):
        if name in declared:
            assert tuple(output.shape) == declared[name].shape, name
    return dict(zip(OUTPUTS, outputs, strict=True)), mode.names


@pytest.fixture(autouse=True)
def cuda(monkeypatch) -> None:
    allow_cuda_without_gpu()
    monkeypatch.setattr(kept_tables, "TABLES", {})  # those of other tests have numbers


@pytest.fixture
def ampere(monkeypatch) -> None:
    """What torch would say of a GPU that has flash attention."""
    monkeypatch.setattr(torch.backends.cuda, "is_flash_attention_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))


def tiny(kind: str, **relations) -> DsFlash:
    content = {**NETWORKS[kind], "relations": {**NETWORKS[kind]["relations"], **relations}}
    return build_dsflash(config_from_dict(ModelConfig, content, kind), 3, 2)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("kind", NETWORKS)
def test_a_frame_of_every_segmenter_stays_on_the_gpu(ampere, kind, precision):
    outputs, _ = run_without_numbers(tiny(kind, prune=True), precision)
    assert all(output.device.type == "cuda" for output in outputs.values())
    assert outputs["class_logits"].dtype == torch.float32


@pytest.mark.slow
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_so_does_one_of_every_network_that_ships(ampere, path):
    config = load_config(ModelConfig, path)
    with torch.device("meta"):
        model = build_dsflash(config, 133, 56)
    run_without_numbers(model, "fp16")


def test_so_does_one_that_merges_tokens(ampere):
    content = {**NETWORKS["eomt"]["segmenter"], "merge_ratio": 0.5, "position": "rope"}
    config = config_from_dict(ModelConfig, {**NETWORKS["eomt"], "segmenter": content}, "eomt")
    run_without_numbers(build_dsflash(config, 3, 2), "fp16")


STAGES = [{}, {"prune": True}, {"prune": True, "split": "none"}]


@pytest.mark.parametrize("options", STAGES, ids=str)
def test_so_does_one_of_every_relation_stage(ampere, options):
    run_without_numbers(tiny("eomt", **options), "fp16")


def test_pairs_attend_by_varlen_attention_where_torch_has_it(ampere, monkeypatch):
    pytest.importorskip("torch.nn.attention.varlen")
    _, names = run_without_numbers(tiny("eomt", prune=True), "fp16")
    assert any("varlen" in name for name in names)
    _, names = run_without_numbers(tiny("eomt", prune=True), "fp32")
    assert not any("varlen" in name for name in names), "its kernels are of half precision"
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    _, names = run_without_numbers(tiny("eomt", prune=True), "fp16")
    assert not any("varlen" in name for name in names), "and for Ampere and later"
    monkeypatch.setattr(fixed_packing, "HAS_VARLEN", False)
    run_without_numbers(tiny("eomt", prune=True), "fp16")


@pytest.mark.parametrize(
    "bad",
    [
        lambda features: features + torch.arange(3).sum(),
        lambda features: features * features.max().item(),
        lambda features: features * torch.tensor(2.0),
        lambda features: features[features > 0].mean() + features,
    ],
    ids=["a tensor on the processor", "a number for the host", "a constant", "a free shape"],
)
def test_what_a_capture_would_break_on_is_found(bad):
    model = tiny("eomt")
    model.segmenter.class_head.register_forward_hook(lambda part, given, made: bad(made))
    with pytest.raises(Exception, match="asks the host|on cpu|_local_scalar_dense|nonzero"):
        run_without_numbers(model, "fp32")
