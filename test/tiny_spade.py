# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SPADE with random weights, small enough for tests: T1 for stage 1, T2 with the topology of SD."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from psg_ros.network.spade.config import CalibrationConfig, SpadeConfig
from psg_ros.network.spade.frozen import FrozenModels
from psg_ros.network.spade.libraries import library
from psg_ros.network.spade.network import SpadeNetwork, Words

EMBEDDING = 24
T1_TOKENS, T2_TOKENS = 8, 77
T1_WIDTH, T2_WIDTH = 32, 64
T2 = SpadeConfig(
    image_size=128, mask_source="external", dim=32, hidden=64, heads=4, rgt_layers=2,
    num_queries=12, encoder_layers=1, decoder_layers=3, interaction_layers=1,
    calibration=CalibrationConfig(map_size=16),
)  # fmt: skip
T1 = dataclasses.replace(T2, image_size=64)


def t1_unet() -> Any:
    """Two levels; 4 cross-attention layers; 16 x 16 latents."""
    torch.manual_seed(0)
    return library("diffusers").UNet2DConditionModel(
        sample_size=16, block_out_channels=(32, 64), layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=T1_WIDTH, attention_head_dim=2, norm_num_groups=8,
    ).eval()  # fmt: skip


def t2_unet() -> Any:
    """Stable Diffusion 1.x at a tenth of its width."""
    torch.manual_seed(0)
    return library("diffusers").UNet2DConditionModel(
        sample_size=16, block_out_channels=(32, 64, 128, 128), layers_per_block=2,
        cross_attention_dim=T2_WIDTH, attention_head_dim=4, norm_num_groups=8,
    ).eval()  # fmt: skip


def tiny_vae() -> Any:
    torch.manual_seed(0)
    return library("diffusers").AutoencoderKL(
        block_out_channels=(8, 8, 16, 16), down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, latent_channels=4, norm_num_groups=8,
    ).eval()  # fmt: skip


def tiny_vision() -> Any:
    torch.manual_seed(0)
    transformers = library("transformers")
    config = transformers.CLIPVisionConfig(
        hidden_size=48, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        image_size=32, patch_size=4, projection_dim=EMBEDDING,
    )  # fmt: skip
    return transformers.CLIPVisionModelWithProjection(config).eval()


def t1_models(config: SpadeConfig = T1) -> FrozenModels:
    empty = torch.randn(T1_TOKENS, T1_WIDTH, generator=seeded(1))
    return FrozenModels(config, t1_unet(), tiny_vae(), tiny_vision(), empty)


def t2_models(config: SpadeConfig = T2) -> FrozenModels:
    empty = torch.randn(T2_TOKENS, T2_WIDTH, generator=seeded(1))
    return FrozenModels(config, t2_unet(), tiny_vae(), tiny_vision(), empty)


def tiny_network(config: SpadeConfig = T2) -> SpadeNetwork:
    torch.manual_seed(0)
    return SpadeNetwork(config, (128, 128, 64, 32), EMBEDDING).eval()


def some_words(objects: int = 7, predicates: int = 5, seed: int = 2) -> Words:
    generator = seeded(seed)
    return Words(
        torch.randn(objects, EMBEDDING, generator=generator),
        torch.randn(predicates, EMBEDDING, generator=generator),
    )


def some_image(size_hw: tuple[int, int] = (96, 128), seed: int = 3) -> Tensor:
    return torch.randint(0, 256, (1, 3, *size_hw), dtype=torch.uint8, generator=seeded(seed))


def some_features(seed: int = 4) -> list[Tensor]:
    """What `FrozenModels.features` returns of T2 at 128 px, coarsest first."""
    generator = seeded(seed)
    sizes = ((128, 2), (128, 4), (64, 8), (32, 16))
    return [torch.randn(1, width, side, side, generator=generator) for width, side in sizes]


def some_masks(count: int = 5, side: int = 16) -> Tensor:
    """Rectangles that do not overlap, on a grid."""
    masks = torch.zeros(count, side, side)
    for index in range(count):
        row, column = 3 * (index // 4), 4 * (index % 4)
        masks[index, row : row + 3, column : column + 4] = 1
    return masks


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def write_public_models(folder: Path) -> SpadeConfig:
    """Write T2's networks as folders of public models; return settings that name them.

    Their tokenizer knows letters alone.
    """
    transformers = library("transformers")
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)] + list(".,")
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    diffusion, clip = folder / "diffusion", folder / "clip"
    for place in (diffusion / "tokenizer", clip):
        place.mkdir(parents=True)
        (place / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(words)}))
        (place / "merges.txt").write_text("#version: 0.2\n")
        tokenizer = transformers.CLIPTokenizer(
            str(place / "vocab.json"), str(place / "merges.txt"), model_max_length=T2_TOKENS
        )
        tokenizer.save_pretrained(place)
    text = transformers.CLIPTextConfig(
        vocab_size=len(words), hidden_size=T2_WIDTH, intermediate_size=64, num_hidden_layers=1,
        num_attention_heads=4, max_position_embeddings=T2_TOKENS, projection_dim=EMBEDDING,
        bos_token_id=len(words) - 2, eos_token_id=len(words) - 1, pad_token_id=len(words) - 1,
    )  # fmt: skip
    t2_unet().save_pretrained(diffusion / "unet")
    tiny_vae().save_pretrained(diffusion / "vae")
    torch.manual_seed(0)
    transformers.CLIPTextModel(text).save_pretrained(diffusion / "text_encoder")
    both = transformers.CLIPConfig(
        text_config=text.to_dict(), vision_config=tiny_vision().config.to_dict(),
        projection_dim=EMBEDDING,
    )  # fmt: skip
    transformers.CLIPModel(both).save_pretrained(clip)
    return dataclasses.replace(T2, diffusion_model=str(diffusion), clip_model=str(clip))


def open_tiny_prompts(folder: Path) -> tuple[Any, Any]:
    """Return tokenizer and text tower of the diffusion model of `write_public_models`."""
    diffusion = Path(write_public_models(folder).diffusion_model)
    transformers = library("transformers")
    return (
        transformers.CLIPTokenizer.from_pretrained(diffusion / "tokenizer"),
        transformers.CLIPTextModel.from_pretrained(diffusion / "text_encoder"),
    )
