# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pipelines that a user copies from a model card: processor, network, post-processing.

Random weights; the answer of the network gives way to the partition that all peers share, so that
every post-processing has the same segments to find.
"""

from __future__ import annotations

import time
from typing import Any

import cv2
import numpy as np
import torch

from psg_ros.benchmark.ladder.inputs import read_vocabulary
from psg_ros.benchmark.ladder.networks import eomt_config
from psg_ros.benchmark.ladder.scene import Scene
from psg_ros.benchmark.peers import transformers_networks
from psg_ros.benchmark.peers.child import RunFrame
from psg_ros.benchmark.peers.settings import Peer, PeerSettings
from psg_ros.config import Recommendation


def build_eomt(peer: Peer, settings: PeerSettings, scene: Scene) -> RunFrame:
    """Return transformers' EoMT of the same sizes as ours."""
    from transformers.models.eomt.image_processing_pil_eomt import EomtImageProcessorPil

    ours = eomt_config(settings.ladder.model_config)
    vocabulary = read_vocabulary(settings.ladder)
    network = transformers_networks.eomt(ours, vocabulary.num_labels)
    edge = ours.input_hw[0]
    processor = EomtImageProcessorPil(
        size={"shortest_edge": edge, "longest_edge": edge}, do_pad=True
    )
    stuff = [k for k, label in enumerate(vocabulary.labels) if not label.is_thing]
    return _pipeline(settings, scene, processor, network, {"stuff_classes": stuff})


def build_mask2former(peer: Peer, settings: PeerSettings, scene: Scene) -> RunFrame:
    """Return transformers' Mask2Former on a Swin-T, at the same size."""
    from transformers.models.mask2former.image_processing_pil_mask2former import (
        Mask2FormerImageProcessorPil,
    )

    ours = settings.ladder.model_config.segmenter
    vocabulary = read_vocabulary(settings.ladder)
    network = transformers_networks.mask2former(vocabulary.num_labels, ours.num_queries)
    height, width = ours.input_hw
    processor = Mask2FormerImageProcessorPil(size={"height": height, "width": width})
    fused = {k for k, label in enumerate(vocabulary.labels) if not label.is_thing}
    return _pipeline(settings, scene, processor, network, {"label_ids_to_fuse": fused})


def _pipeline(
    settings: PeerSettings, scene: Scene, processor: Any, network: torch.nn.Module, extra: dict
) -> RunFrame:
    """Return processor, network and post-processing as one call.

    Args:
        extra: what the post-processing takes besides: how it is told which labels are stuff.
    """
    if settings.ladder.threads:
        torch.set_num_threads(settings.ladder.threads)
        cv2.setNumThreads(settings.ladder.threads)
    network.eval()
    answer = {
        "class_queries_logits": torch.from_numpy(scene.class_logits)[None],
        "masks_queries_logits": torch.from_numpy(scene.mask_logits)[None],
    }

    @torch.inference_mode()
    def run(image_rgb: np.ndarray) -> tuple[float, int]:
        prepared = processor(images=image_rgb, return_tensors="pt")
        started = time.process_time()
        outputs = network(pixel_values=prepared["pixel_values"])
        network_ms = (time.process_time() - started) * 1e3
        for name, logits in answer.items():
            outputs[name] = logits
        (found,) = processor.post_process_panoptic_segmentation(
            outputs,
            threshold=Recommendation.score,
            overlap_mask_area_threshold=Recommendation.overlap,
            target_sizes=[image_rgb.shape[:2]],
            **extra,
        )
        return network_ms, len(found["segments_info"])

    return run
