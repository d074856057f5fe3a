# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The last row of the ladder: the exported network in an inference runtime, without torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import cv2
import numpy as np

from psg_ros.benchmark.ladder.inputs import build_scene, check_masks, read_picture, read_vocabulary
from psg_ros.benchmark.ladder.scene import Scene
from psg_ros.benchmark.ladder.settings import LadderSettings, StepResult
from psg_ros.benchmark.ladder.steps import Step
from psg_ros.benchmark.timing import time_calls
from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.machine import peak_resident_mib, processor
from psg_ros.robot.forms import load_model
from psg_ros.robot.forms.two_files import TwoFiles
from psg_ros.robot.pipeline import Pipeline
from psg_ros.robot.runtime.backend import Backend, open_backend, resolve_backend
from psg_ros.robot.runtime.tensors import Tensor
from psg_ros.scene_graph import SceneGraph


class SceneBackend:
    """Runs a segmenter and then answers with the scene's masks in place of the network's."""

    def __init__(self, inner: Backend, scene: Scene) -> None:
        self.name, self.device, self.precision = inner.name, inner.device, inner.precision
        self._inner = inner
        self._answer = {
            "class_logits": scene.class_logits[None],
            "mask_logits": scene.mask_logits[None],
        }

    def run(self, inputs: Mapping[str, Tensor], keep: Collection[str] = ()) -> Mapping[str, Any]:
        """See `Backend`."""
        return {**self._inner.run(inputs, keep), **self._answer}

    def close(self) -> None:
        """See `Backend`."""
        self._inner.close()


class CountingBackend:
    """Runs a relation network that prunes and notes how many cells it was given.

    Attributes:
        widths: cells of each pair of the last frame, padding included; empty it before a frame.
    """

    def __init__(self, inner: Backend) -> None:
        self.name, self.device, self.precision = inner.name, inner.device, inner.precision
        self._inner = inner
        self.widths: list[int] = []

    def run(self, inputs: Mapping[str, Tensor], keep: Collection[str] = ()) -> Mapping[str, Any]:
        """See `Backend`."""
        num_pairs, width = inputs["cells"].shape
        self.widths += [width] * num_pairs
        return self._inner.run(inputs, keep)

    def close(self) -> None:
        """See `Backend`."""
        self._inner.close()


class DeployedFrame:
    """Runs one picture through `Pipeline`; call `close` at the end."""

    def __init__(self, config: PipelineConfig, scene: Scene | None) -> None:
        folder = load_model(config.model)
        name = resolve_backend(config.backend, config.device)
        segmenter, relations = (
            open_backend(
                name,
                folder.artifact_path(artifact),
                folder.manifest.artifact(artifact),
                threads=config.threads,
                device=config.device,
                precision=config.precision,
            )
            for artifact in TwoFiles.ARTIFACTS
        )
        self._counter = CountingBackend(relations)
        segmenter = SceneBackend(segmenter, scene) if scene else segmenter
        self._pipeline = Pipeline(config, folder, segmenter, self._counter)

    def __call__(self, image_rgb: np.ndarray) -> SceneGraph:
        """Return the graph of uint8 [height, width, 3]."""
        self._counter.widths = []
        return self._pipeline(Frame(image_rgb))

    @property
    def runs_on(self) -> str:
        """Backend and device, never "auto"."""
        return f"{self._pipeline.backend_name} on {self._pipeline.device}"

    @property
    def num_cells(self) -> np.ndarray:
        """Cells of each pair of the last frame, padding included, int64 [pair]."""
        return np.array(self._counter.widths, np.int64)

    def close(self) -> None:
        """Release the networks."""
        self._pipeline.close()


def measure_deployed(step: Step, settings: LadderSettings) -> StepResult:
    """Time the model folder of the settings.

    Raises:
        ValueError: a batch: the runtime takes one picture at a time; or no model folder.
    """
    if settings.batch != 1 or not settings.deployed_folder:
        raise ValueError("the deployed step needs a model folder and takes one picture at a time")
    if settings.threads:
        cv2.setNumThreads(settings.threads)
    image, vocabulary = read_picture(settings), read_vocabulary(settings)
    config = PipelineConfig(
        model=settings.deployed_folder,
        backend=settings.backend,
        threads=settings.threads,
        device=settings.device,
        precision=settings.precision,
        merge_resolution=step.masks,
    )
    frame = DeployedFrame(config, build_scene(settings, vocabulary, image.shape[:2]))
    try:
        timing, graph = time_calls(lambda: frame(image), settings.repeats, settings.warmup)
    finally:
        frame.close()
    peak_mib = peak_resident_mib()
    check_masks(len(graph.nodes), settings)
    # Only now: counting needs torch, which is not part of what is measured.
    from psg_ros.benchmark.ladder.work import count_parameters, frame_flops, padded_tokens

    tokens, model = padded_tokens(step, frame.num_cells), settings.model_config
    return StepResult(
        timing=timing,
        masks=len(graph.nodes),
        sequences=len(tokens.computed),
        relations=2 * len(tokens.computed),
        mean_tokens=float(tokens.computed.mean()),
        flops=frame_flops(step, model, tokens, vocabulary),
        parameters=count_parameters(step, model, vocabulary),
        peak_mib=peak_mib,
        device=f"{processor()}, {frame.runs_on}",
    )
