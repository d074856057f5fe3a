# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SPADE's stage 2 at its published sizes, on the CPU: seconds and memory of one image.

    python benchmarks/spade_cost.py [--mask-source external] [--segments 12] [--threads 2]

All weights are random: Stable Diffusion 1.x's UNet and VAE, CLIP ViT-L/14 at 336 px, 133 objects
and 56 predicates. Times are wall-clock and CPU seconds, which other programs disturb less; the peak
of memory is the process's.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import torch

from psg_ros.machine import describe_machine
from psg_ros.network.spade.config import SpadeConfig
from psg_ros.network.spade.frozen import FrozenModels, clip_pixels
from psg_ros.network.spade.libraries import library
from psg_ros.network.spade.mask_tokens import pool_masks
from psg_ros.network.spade.network import SpadeNetwork, Words

TOKENS, TEXT_WIDTH, CLIP_WIDTH = 77, 768, 768
NUM_OBJECTS, NUM_PREDICATES = 133, 56
IMAGE_HW = (480, 640)


def published_models(config: SpadeConfig) -> FrozenModels:
    """Return the public networks with random weights."""
    diffusers, transformers = library("diffusers"), library("transformers")
    unet = diffusers.UNet2DConditionModel(
        sample_size=64, cross_attention_dim=TEXT_WIDTH, attention_head_dim=8
    )
    vae = diffusers.AutoencoderKL(
        block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    )  # fmt: skip
    vision = transformers.CLIPVisionModelWithProjection(
        transformers.CLIPVisionConfig(
            hidden_size=1024,
            intermediate_size=4096,
            num_hidden_layers=24,
            num_attention_heads=16,
            image_size=336,
            patch_size=14,
            projection_dim=CLIP_WIDTH,
        )  # fmt: skip
    )
    return FrozenModels(
        config, unet.eval(), vae.eval(), vision.eval(), torch.randn(TOKENS, TEXT_WIDTH)
    )


def millions(*modules: torch.nn.Module) -> float:
    return sum(p.numel() for module in modules for p in module.parameters()) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mask-source", default="internal", choices=("internal", "external"))
    parser.add_argument("--segments", type=int, default=12, help="given masks (external)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    config = SpadeConfig(mask_source=arguments.mask_source)
    models = published_models(config)
    network = SpadeNetwork(config, models.taps.widths, CLIP_WIDTH).eval()
    print(describe_machine())
    parts = {"UNet": models.unet, "VAE": models.vae, "CLIP": models.vision, "stage 2": network}
    print(", ".join(f"{name} {millions(part):.1f} M" for name, part in parts.items()), "parameters")
    image = torch.randint(0, 256, (1, 3, *IMAGE_HW), dtype=torch.uint8)
    masks = None
    if arguments.mask_source == "external":
        owner = torch.from_numpy(np.arange(IMAGE_HW[1]) * arguments.segments // IMAGE_HW[1])
        masks = (owner == torch.arange(arguments.segments)[:, None]).float()[:, None]
        masks = masks.expand(-1, IMAGE_HW[0], -1)
    words = Words(torch.randn(NUM_OBJECTS, CLIP_WIDTH), torch.randn(NUM_PREDICATES, CLIP_WIDTH))
    times: dict[str, np.ndarray] = {}
    last = np.array([time.perf_counter(), time.process_time()])

    def lap(name: str) -> None:
        nonlocal last
        now = np.array([time.perf_counter(), time.process_time()])
        times[name], last = now - last, now

    with torch.inference_mode():
        latent = models.latent(image)
        lap("VAE encoder")
        context = models.context(image)
        lap("CLIP, for the adapter")
        features = models.taps(latent, config.calibration.student_t, context)
        lap("UNet")
        found, related = network(features, IMAGE_HW, words, masks)
        lap("stage 2")
        subjects, ends = related.pairs.T
        both = (found.masks[subjects] + found.masks[ends]).clamp(max=1)
        pixels = clip_pixels(image, models.vision)
        pool_masks(models.vision, pixels, torch.cat((found.masks, both)), config.clip_pool)
        lap("CLIP, mask tokens")
    times["one image"] = np.sum(list(times.values()), axis=0)
    for name, (wall_s, cpu_s) in times.items():
        print(f"{name:>22}: {wall_s:6.2f} s, {cpu_s:6.2f} CPU s")
    print(f"{len(found.masks)} nodes, {len(related.pairs)} pairs, {arguments.threads} threads")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"{'peak of memory':>22}: {peak:6.2f} GiB")


if __name__ == "__main__":
    main()
