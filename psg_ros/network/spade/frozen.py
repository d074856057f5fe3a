# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""FrozenModels: the public networks that SPADE reads images with, and what calibrates them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.network.spade.adapter import ImageAdapter
from psg_ros.network.spade.config import SpadeConfig
from psg_ros.network.spade.libraries import library, read_model, read_tokenizer
from psg_ros.network.spade.lora import add_lora
from psg_ros.network.spade.unet_features import DecoderTaps

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


class FrozenModels(nn.Module):
    """VAE, UNet and CLIP's image tower. All frozen; stage 1 trains adapter and low-rank matrices.

    Args:
        unet, vae: of diffusers.
        vision: CLIPVisionModelWithProjection of transformers, which looks at the masks.
        adapter_vision: the one that the adapter reads; None: the same.
        empty_prompt: the UNet's text embedding of "" [token, width].

    Attributes:
        lora: the low-rank matrices by name.
    """

    def __init__(
        self,
        config: SpadeConfig,
        unet: Any,
        vae: Any,
        vision: Any,
        empty_prompt: Float[Tensor, "token dim"],
        adapter_vision: Any = None,
    ) -> None:
        super().__init__()
        calibration = config.calibration
        self.config = config
        self.vae, self.vision = vae.requires_grad_(False), vision.requires_grad_(False)
        self.adapter_vision = vision if adapter_vision is None else adapter_vision
        self.adapter_vision.requires_grad_(False)
        self.unet = unet
        self.lora = add_lora(
            unet, calibration.lora_targets, calibration.lora_rank, calibration.lora_alpha
        )
        embedding_width = self.adapter_vision.config.projection_dim
        self.adapter = ImageAdapter(calibration.adapter, embedding_width, empty_prompt)
        self.taps = DecoderTaps(unet)
        self.eval()

    def train(self, mode: bool = True) -> FrozenModels:
        """Stay in evaluation mode: nothing here has dropout to train with."""
        return super().train(False)

    def calibrated(self) -> dict[str, nn.Parameter]:
        """Return the parameters that stage 1 trains, by name."""
        own = {f"adapter.{name}": value for name, value in self.adapter.named_parameters()}
        return own | {f"unet.{name}": value for name, value in self.lora.items()}

    @torch.no_grad()
    def latent(self, image: UInt8[Tensor, "batch 3 h w"]) -> Float[Tensor, "batch channel h8 w8"]:
        """Return the mode of the VAE's posterior, scaled as the UNet expects it."""
        pixels = scaled(image, self.config.image_size) * 2 - 1
        dtype = next(self.vae.parameters()).dtype
        return self.vae.encode(pixels.to(dtype)).latent_dist.mode() * self.vae.config.scaling_factor

    def context(self, image: UInt8[Tensor, "batch 3 h w"]) -> Float[Tensor, "batch token dim"]:
        """Return what the UNet gets in place of a text."""
        with torch.no_grad():
            pixels = clip_pixels(image, self.adapter_vision)
            embedding = self.adapter_vision(pixel_values=pixels).image_embeds
        return self.adapter(embedding)

    @torch.no_grad()
    def features(self, image: UInt8[Tensor, "batch 3 h w"]) -> list[Tensor]:
        """Return the maps of the calibrated UNet's decoder, coarsest first."""
        latent = self.latent(image)
        return self.taps(latent, self.config.calibration.student_t, self.context(image))


def open_frozen_models(config: SpadeConfig) -> FrozenModels:
    """Read the models that the config names; nothing in their files is executed or downloaded.

    Raises:
        ImportError: a library is missing.
        FileNotFoundError: a folder is not there.
        ValueError: a folder does not hold such a model in safetensors.
    """
    diffusers, transformers = library("diffusers"), library("transformers")
    diffusion = _folder("diffusion_model", config.diffusion_model)
    clip = _folder("clip_model", config.clip_model)
    tower = transformers.CLIPVisionModelWithProjection
    other = None
    if config.adapter_clip_model:
        other = read_model(tower, _folder("adapter_clip_model", config.adapter_clip_model))
    tokenizer, text = open_prompt_reader(config)
    with torch.no_grad():
        empty = text(**prompt_tokens(tokenizer, [""])).last_hidden_state[0]
    return FrozenModels(
        config,
        read_model(diffusers.UNet2DConditionModel, diffusion, "unet"),
        read_model(diffusers.AutoencoderKL, diffusion, "vae"),
        read_model(tower, clip),
        empty,
        other,
    )


def open_prompt_reader(config: SpadeConfig) -> tuple[Any, Any]:
    """Return the tokenizer and the text tower of the diffusion model.

    Raises:
        As `open_frozen_models`.
    """
    transformers = library("transformers")
    diffusion = _folder("diffusion_model", config.diffusion_model)
    tokenizer = read_tokenizer(transformers.CLIPTokenizer, diffusion, "tokenizer")
    return tokenizer, read_model(transformers.CLIPTextModel, diffusion, "text_encoder")


def prompt_tokens(tokenizer: Any, prompts: list[str]) -> dict[str, Tensor]:
    """Return the tokens of prompts for a text tower, padded and cut to its length."""
    tokens = tokenizer(prompts, padding="max_length", truncation=True, return_tensors="pt")
    return {"input_ids": tokens["input_ids"]}


def scaled(image: UInt8[Tensor, "batch 3 h w"], size: int) -> Float[Tensor, "batch 3 s s"]:
    """Return images in 0..1, the whole of each in a square, so that masks stay in place."""
    pixels = image.float() / 255
    resized = functional.interpolate(pixels, (size, size), mode="bicubic", antialias=True)
    return resized.clamp(0, 1)


def clip_pixels(image: UInt8[Tensor, "batch 3 h w"], vision: Any) -> Float[Tensor, "batch 3 s s"]:
    """Return what CLIP's image tower takes."""
    pixels = scaled(image, vision.config.image_size)
    mean, std = (pixels.new_tensor(one).view(1, 3, 1, 1) for one in (CLIP_MEAN, CLIP_STD))
    return (pixels - mean) / std


def _folder(field: str, value: str) -> Path:
    folder = Path(value).expanduser()
    if not value or not folder.is_dir():
        raise FileNotFoundError(
            f"{field} {value!r} is not a folder: give the one that holds the model's files"
        )
    return folder
