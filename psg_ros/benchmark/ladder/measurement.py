# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Time one step in torch, in this process."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import torch

from psg_ros.benchmark.ladder.frame import Frame
from psg_ros.benchmark.ladder.inputs import build_scene, check_masks, read_picture, read_vocabulary
from psg_ros.benchmark.ladder.networks import Network, build_network
from psg_ros.benchmark.ladder.settings import LadderSettings, StepResult
from psg_ros.benchmark.ladder.steps import Step
from psg_ros.benchmark.ladder.work import count_parameters, frame_flops, pair_tokens
from psg_ros.benchmark.timing import time_calls
from psg_ros.labels import Vocabulary
from psg_ros.machine import peak_resident_mib, processor
from psg_ros.network.checkpoints.reading import read_file
from psg_ros.network.mask_embedding import kept_cells

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def measure_step(step: Step, settings: LadderSettings) -> StepResult:
    """Build the network of a step, run its frames and count its work.

    Raises:
        RuntimeError: no such device, or segments were lost.
        ValueError: sizes that this step cannot work with.
    """
    frame = build_frame(step, settings)
    images = [read_picture(settings)] * settings.batch
    if frame.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(frame.device)
    timing, results = time_calls(
        lambda: frame(images), settings.repeats, settings.warmup, frame.synchronize
    )
    peak_mib = _peak_mib(frame.device)
    masks, pairs = results[-1].masks, results[-1].pairs
    check_masks(masks.segmentation.num_segments, settings)
    num_kept = kept_cells(pairs.subject_overlap, pairs.object_overlap).sum(dim=1).cpu().numpy()
    tokens = pair_tokens(step, num_kept, pairs.subject_overlap.shape[1])
    model, vocabulary = settings.model_config, read_vocabulary(settings)
    return StepResult(
        timing=timing,
        masks=masks.segmentation.num_segments,
        sequences=len(pairs.pairs),
        relations=len(results[-1].scores.pairs),
        mean_tokens=float(tokens.computed.mean()),
        flops=frame_flops(step, model, tokens, vocabulary),
        parameters=count_parameters(step, model, vocabulary),
        peak_mib=peak_mib,
        device=_device_name(frame.device),
        batch=settings.batch,
    )


def build_frame(step: Step, settings: LadderSettings) -> Frame:
    """Return what runs the frames of a step."""
    device = torch.device(settings.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(f"device {settings.device}: torch finds no CUDA here; use cpu")
    if settings.threads:
        torch.set_num_threads(settings.threads)
        cv2.setNumThreads(settings.threads)
    vocabulary = read_vocabulary(settings)
    network = build_step_network(step, settings, vocabulary)
    return Frame(
        step,
        network,
        np.array([label.is_thing for label in vocabulary.labels]),
        build_scene(settings, vocabulary, read_picture(settings).shape[:2]),
        device=device,
        dtype=DTYPES[settings.dtype],
        scaling=network.config.scaling,
    )


def build_step_network(step: Step, settings: LadderSettings, vocabulary: Vocabulary) -> Network:
    """Return the network of a step, with random weights or those of the settings."""
    weights = None
    if settings.weights is not None:
        files = dataclasses.asdict(settings.weights)
        weights = {part: read_file(Path(file)) for part, file in files.items()}
    return build_network(
        step,
        settings.model_config,
        num_labels=vocabulary.num_labels,
        num_predicates=vocabulary.num_predicates,
        weights=weights,
        seed=settings.seed,
    )


def _peak_mib(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return peak_resident_mib()


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
