# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Attention maps of the frozen teacher, which reads the relations of an image as its prompt.

It goes from the image to its noise and back again, and its maps on the way back are what stage 1
learns from. That costs 100 passes of the UNet for an image, so the maps are kept in files.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from psg_ros.files import replacing
from psg_ros.network.checkpoints.writing import write_tensors
from psg_ros.network.spade.attention_maps import merge_maps, recording
from psg_ros.network.spade.config import CalibrationConfig
from psg_ros.network.spade.noise_levels import Noise, NoiseLevels, invert, sample
from psg_ros.network.spade.stage import read_tensors

LATE = 300
"""Timestep up to which maps are taken: at the noisy end words are seen nowhere in particular."""
TEACHER_FIELDS = (
    "inversion_steps", "inversion_label", "teacher_sampler", "teacher_maps", "map_places",
    "map_merge", "map_size",
)  # fmt: skip
"""Settings that the maps of the teacher depend on."""

Maps = tuple[Tensor, ...]
"""One for each grid, [batch, token, h, w], finest first."""


@dataclass(frozen=True)
class Prompt:
    """Relations of one image as a text.

    Attributes:
        context: the UNet's text embedding [token, width].
        content: tokens that are words, or the end.
    """

    text: str
    context: Float[Tensor, "token dim"]
    content: Bool[Tensor, " token"]


@torch.no_grad()
def read_prompt(text: str, tokenizer: Any, tower: Any) -> Prompt:
    """Return a prompt as the UNet reads it.

    Args:
        tokenizer, tower: CLIPTokenizer and CLIPTextModel of the diffusion model.
    """
    tokens = tokenizer([text], padding="max_length", truncation=True, return_tensors="pt")
    content = tokens["attention_mask"][0].bool()
    content[0] = False  # the start token, on which most of the attention lies
    context = tower(input_ids=tokens["input_ids"]).last_hidden_state[0]
    return Prompt(text, context, content)


@torch.no_grad()
def teacher_maps(
    unet: nn.Module,
    latent: Float[Tensor, "batch channel h w"],
    context: Float[Tensor, "batch token dim"],
    levels: NoiseLevels,
    config: CalibrationConfig,
) -> Maps:
    """Return the mean of the maps of the steps that the config names.

    Args:
        unet: not calibrated.
        latent: of the images, without noise.
        context: of their prompts.
    """
    kept: list[Maps] = []

    def run(x: Tensor, timestep: int) -> Tensor:
        steps = torch.full((len(x),), timestep, device=x.device)
        return unet(x, steps, context, return_dict=False)[0]

    def recorded(wanted: str) -> Noise:
        def seen(x: Tensor, timestep: int) -> Tensor:
            if wanted == "sampling_t_le_300" and timestep > LATE:
                return run(x, timestep)
            with recording(unet, config.map_places) as recorders:
                noise = run(x, timestep)
                if wanted in ("last", "inversion_last"):
                    kept.clear()
                kept.append(merge_maps(recorders, config.map_size, config.map_merge))
            return noise

        return seen

    sampler, label = config.teacher_sampler, config.inversion_label
    if config.teacher_maps == "inversion_last":
        invert(levels, latent, recorded("inversion_last"), sampler, label)
    else:
        noisy = invert(levels, latent, run, sampler, label)
        sample(levels, noisy, recorded(config.teacher_maps), sampler)
    return tuple(torch.stack(grid).mean(0) for grid in zip(*kept, strict=True))


class MapCache:
    """Teacher maps in a folder, in half precision, one file for each image and prompt.

    Args:
        folder: is made.
        teacher: what tells the diffusion model from others: its folder, or a digest.
    """

    def __init__(self, folder: Path, config: CalibrationConfig, teacher: str) -> None:
        self._folder = folder
        settings = {name: asdict(config)[name] for name in TEACHER_FIELDS}
        self._settings = json.dumps([teacher, settings], sort_keys=True)
        folder.mkdir(parents=True, exist_ok=True)

    def read(self, image: Tensor, prompt: str) -> Maps | None:
        """Return the maps of an image, or None: not there yet, or of other settings.

        Args:
            image: uint8, as the models take it.
        """
        path = self._path(image, prompt)
        if not path.is_file():
            return None
        try:
            tensors = read_tensors(path)
        except ValueError:  # cut off, on a full disk perhaps: made again
            return None
        return tuple(tensors[name].float() for name in sorted(tensors))

    def write(self, image: Tensor, prompt: str, maps: Maps) -> None:
        """Keep the maps of an image."""
        tensors = {str(place): one.half().contiguous() for place, one in enumerate(maps)}
        with replacing(self._path(image, prompt)) as scratch:
            write_tensors(tensors, scratch)

    def _path(self, image: Tensor, prompt: str) -> Path:
        digest = hashlib.sha256(f"{self._settings}\n{prompt}\n".encode())
        digest.update(repr(tuple(image.shape)).encode())
        digest.update(image.numpy().tobytes())
        return self._folder / f"{digest.hexdigest()}.safetensors"
