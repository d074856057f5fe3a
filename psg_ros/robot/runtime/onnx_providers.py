# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Execution providers of ONNX Runtime: which ones a device needs, and whether they really run.

A provider that cannot start is left out by ONNX Runtime, which then computes on the CPU and says so
in a log message at most. Here that is an error.
"""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from functools import cache

import onnxruntime

from psg_ros.backend_table import BACKENDS, Device, installation
from psg_ros.robot.manifest import ArtifactSpec, TensorSpec
from psg_ros.robot.runtime.refusals import DeviceUnavailable

PROVIDERS = {
    "cpu": ("CPUExecutionProvider",),
    "cuda": ("CUDAExecutionProvider", "CPUExecutionProvider"),
    "tensorrt": ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"),
}
"""Kind of device -> its provider, then those that take the nodes it leaves."""

RECORD_NODES = "session.record_ep_graph_assignment_info"


def kinds_built_in() -> list[str]:
    """Return the kinds of devices that the installed package was built for, cpu first."""
    there = set(onnxruntime.get_available_providers())
    return [kind for kind, providers in PROVIDERS.items() if there.issuperset(providers)]


def check_built_in(device: Device) -> None:
    """Raise DeviceUnavailable unless the installed package was built for a device."""
    if device.kind not in kinds_built_in():
        package = BACKENDS["onnxruntime"].packages[device.kind].name
        raise DeviceUnavailable(
            f"the installed onnxruntime cannot run on {device}: it was built without "
            f"{PROVIDERS[device.kind][0]}; pip uninstall onnxruntime {package}, then "
            f"{installation('onnxruntime', device.kind)}, or set device to cpu"
        )


def provider_options(device: Device, spec: ArtifactSpec) -> list[tuple[str, dict[str, str]]]:
    """Return the providers of a device with their options, as a session takes them.

    Of TensorRT, an engine is built for the sizes that the manifest allows; left alone it would
    build another one for every new number of pairs.
    """
    number = {"device_id": str(device.index)}
    options = {
        # fp32 means fp32: not the 10 bits that tensor cores would keep of it.
        "CUDAExecutionProvider": number | {"use_tf32": "0"},
        "TensorrtExecutionProvider": number | _profile(spec),
    }
    return [(name, options.get(name, {})) for name in PROVIDERS[device.kind]]


@cache
def load_cuda() -> None:
    """Load CUDA and cuDNN, from pip's packages where they are. What is said of it is no output."""
    preload = getattr(onnxruntime, "preload_dlls", None)  # since 1.21
    if preload is not None:
        with contextlib.redirect_stdout(sys.stderr):
            preload(directory="")


def record_nodes(options: onnxruntime.SessionOptions) -> None:
    """Have a session note which provider takes which nodes."""
    options.add_session_config_entry(RECORD_NODES, "1")


def check_running(session: onnxruntime.InferenceSession, device: Device) -> None:
    """Raise DeviceUnavailable unless the provider of a device started and got part of the network.

    Args:
        session: made with `record_nodes`; older versions do not say which nodes a provider got.
    """
    wanted = PROVIDERS[device.kind]
    running = session.get_providers()
    if missing := [provider for provider in wanted if provider not in running]:
        raise not_started(device, f"{' and '.join(missing)} did not start")
    nodes = _nodes_by_provider(session)
    if nodes and not nodes[wanted[0]]:
        others = ", ".join(f"{count} on {name}" for name, count in nodes.items())
        raise not_started(device, f"{wanted[0]} takes no part of the network ({others})")


def not_started(device: Device, why: object) -> DeviceUnavailable:
    """Return the error for a device that the package was built for and that does not work."""
    needs = "driver, CUDA and cuDNN" + (" and TensorRT" if device.kind == "tensorrt" else "")
    reason = " ".join(str(why).split())
    return DeviceUnavailable(
        f"onnxruntime {onnxruntime.__version__} cannot run on {device}: {reason}; install NVIDIA's "
        f"{needs} in the versions it was built for (its own message, above, names them), or set "
        "device to cpu"
    )


def _nodes_by_provider(session: onnxruntime.InferenceSession) -> Counter[str]:
    assigned = getattr(session, "get_provider_graph_assignment_info", None)
    nodes: Counter[str] = Counter()
    for part in assigned() if assigned else ():
        nodes[part.ep_name] += len(part.get_nodes())
    return nodes


def _profile(spec: ArtifactSpec) -> dict[str, str]:
    """Return TensorRT's profile of inputs with free axes: from one to the manifest's maximum."""
    free = [tensor for tensor in spec.inputs if -1 in tensor.shape]
    if not free:
        return {}
    least = _sizes([(t, tuple(1 if size == -1 else size for size in t.shape)) for t in free])
    most = _sizes([(tensor, tensor.greatest) for tensor in free])
    return {
        "trt_profile_min_shapes": least,
        "trt_profile_opt_shapes": most,
        "trt_profile_max_shapes": most,
    }


def _sizes(tensors: list[tuple[TensorSpec, tuple[int, ...]]]) -> str:
    return ",".join(f"{tensor.name}:{'x'.join(map(str, shape))}" for tensor, shape in tensors)
