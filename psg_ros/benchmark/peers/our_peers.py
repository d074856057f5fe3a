# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ours, and DSFormer, which the paper starts from; see `child.RunFrame`."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any

import cv2
import numpy as np

from psg_ros.backend_table import TWINS
from psg_ros.benchmark.ladder.deployed import DeployedFrame, SceneBackend
from psg_ros.benchmark.ladder.scene import Scene
from psg_ros.benchmark.peers.child import RunFrame
from psg_ros.benchmark.peers.settings import Peer, PeerSettings
from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.robot.forms import load_model
from psg_ros.robot.pipeline import Pipeline
from psg_ros.robot.runtime.backend import Backend, open_backend
from psg_ros.robot.runtime.tensors import Tensor


class TimedBackend:
    """Runs a network and notes the CPU time of the last run."""

    def __init__(self, inner: Backend) -> None:
        self.name, self.device, self.precision = inner.name, inner.device, inner.precision
        self._inner = inner
        self.cpu_ms = 0.0

    def run(self, inputs: Mapping[str, Tensor], keep: Collection[str] = ()) -> Mapping[str, Any]:
        """See `Backend`."""
        started = time.process_time()
        outputs = self._inner.run(inputs, keep)
        self.cpu_ms = (time.process_time() - started) * 1e3
        return outputs

    def close(self) -> None:
        """See `Backend`."""
        self._inner.close()


def build_segmenter(peer: Peer, settings: PeerSettings, scene: Scene) -> RunFrame:
    """Return the deployed segmenter: picture to panoptic segments."""
    config = _config(peer, settings, "segmenter")
    folder = load_model(config.model)
    twin = peer.precision if peer.precision in TWINS else ""
    inner = open_backend(
        peer.backend,
        folder.artifact_path("segmenter", twin=twin),
        folder.manifest.artifact("segmenter", twin=twin),
        threads=config.threads,
        device=config.device,
        precision="auto" if twin else peer.precision,
    )
    timed = TimedBackend(inner)
    pipeline = Pipeline(config, folder, SceneBackend(timed, scene))

    def run(image_rgb: np.ndarray) -> tuple[float, int]:
        graph = pipeline(Frame(image_rgb))
        return timed.cpu_ms, len(graph.nodes)

    return run


def build_graph(peer: Peer, settings: PeerSettings, scene: Scene) -> RunFrame:
    """Return the deployed network as a whole: picture to ranked relations."""
    frame = DeployedFrame(_config(peer, settings, "graph"), scene)

    def run(image_rgb: np.ndarray) -> tuple[float, int]:
        return float("nan"), len(frame(image_rgb).nodes)

    return run


def build_dsformer(peer: Peer, settings: PeerSettings, scene: Scene) -> RunFrame:
    """Return the first step of the ladder."""
    from psg_ros.benchmark.ladder.measurement import build_frame
    from psg_ros.benchmark.ladder.steps import STEPS

    frame = build_frame(STEPS[0], settings.ladder)

    def run(image_rgb: np.ndarray) -> tuple[float, int]:
        (result,) = frame([image_rgb])
        return float("nan"), result.masks.segmentation.num_segments

    return run


def _config(peer: Peer, settings: PeerSettings, folder: str) -> PipelineConfig:
    if settings.ladder.threads:
        cv2.setNumThreads(settings.ladder.threads)
    return PipelineConfig(
        model=settings.folders[folder],
        backend=peer.backend or settings.ladder.backend,
        threads=settings.ladder.threads,
        device="cpu",
        precision=settings.ladder.precision if peer.makes == "graph" else "auto",
        relation_source="model",
        min_segment_area=0.0,
    )
