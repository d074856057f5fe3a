# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ClipText: the text tower of a CLIP model that the user has, through transformers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from psg_ros.text.encoders import missing_package


class ClipText:
    """See `psg_ros.text.encoders.TextEncoder`.

    Args:
        folder: of the model in transformers' layout (config, tokenizer, safetensors); nothing is
            downloaded.

    Raises:
        ImportError: torch or transformers is missing; names the extra.
        FileNotFoundError: no such folder.
        ValueError: it holds no CLIP text tower.
    """

    def __init__(self, folder: str) -> None:
        try:
            import torch
            from transformers import CLIPTextModelWithProjection, CLIPTokenizer
        except ImportError as error:
            raise missing_package("clip", error, "open-vocabulary") from error
        path = Path(folder).expanduser()
        if not path.is_dir():
            raise FileNotFoundError(f"{path} is no folder; expected a CLIP model after 'clip:'")
        try:
            self._tokenizer = CLIPTokenizer.from_pretrained(path, local_files_only=True)
            self._tower = CLIPTextModelWithProjection.from_pretrained(
                path, local_files_only=True, use_safetensors=True
            ).eval()
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(f"{path} holds no CLIP text tower: {error}") from error
        self._torch = torch
        self.dim = int(self._tower.config.projection_dim)

    def encode(self, phrases: Sequence[str]) -> np.ndarray:
        """See `TextEncoder`."""
        if not phrases:
            return np.zeros((0, self.dim), np.float32)
        tokens = self._tokenizer(list(phrases), padding=True, truncation=True, return_tensors="pt")
        with self._torch.inference_mode():
            vectors = self._tower(**tokens).text_embeds.numpy().astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
