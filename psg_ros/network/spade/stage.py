# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SpadeStage: images in, what is there and how it relates in any words out; and its folder.

A folder holds `spade.yaml` (settings, words of the training), `network.safetensors` (stage 2) and
`calibration.safetensors` (stage 1). The public models lie where the settings say.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from psg_ros.files import new_folder, write_text
from psg_ros.network.checkpoints.writing import write_tensors
from psg_ros.network.spade.config import SpadeConfig
from psg_ros.network.spade.frozen import FrozenModels, clip_pixels, open_frozen_models
from psg_ros.network.spade.libraries import library, read_model, read_tokenizer
from psg_ros.network.spade.lora import load_lora, lora_state
from psg_ros.network.spade.mask_tokens import pool_masks
from psg_ros.network.spade.network import Found, Related, SpadeNetwork, Words
from psg_ros.network.spade.text_vectors import (
    OBJECT_TEMPLATES,
    PREDICATE_TEMPLATES,
    word_vectors,
)
from psg_ros.network.spade.word_scores import WordScores, fuse
from psg_ros.setting_files import config_from_dict, read_mapping
from psg_ros.spade_config import SPADE_SETTINGS, TrainedWords

SETTINGS = SPADE_SETTINGS
NETWORK, CALIBRATION = "network.safetensors", "calibration.safetensors"
ADAPTER, LORA = "adapter.", "lora."

Embed = Callable[[Sequence[str], Sequence[str]], Tensor]
"""Returns a vector [name, embed] for each name, of sentences made by templates."""


@dataclass(frozen=True)
class Settings:
    """Content of spade.yaml."""

    spade: SpadeConfig = SpadeConfig()
    trained: TrainedWords = TrainedWords()


@dataclass(frozen=True)
class Seen:
    """What the stage says of one image. The last column of probabilities stands for no word.

    Attributes:
        masks: float32 [node, h, w], 0..1 over the whole image; those that were given, or found.
        objects: float32 [node, object + 1]; every row sums to 1.
        pairs: int64 [pair, 2]; (subject, object) nodes.
        predicates: float32 [pair, predicate + 1]; every row sums to 1.
    """

    masks: np.ndarray
    objects: np.ndarray
    pairs: np.ndarray
    predicates: np.ndarray

    def triple_scores(self) -> np.ndarray:
        """Return the score of every pair with every predicate, float64 [pair, predicate].

        The probabilities of the best word of both ends and of the predicate, multiplied.
        """
        best = self.objects[:, :-1].max(axis=1, initial=0.0).astype(np.float64)
        ends = best[self.pairs[:, 0]] * best[self.pairs[:, 1]]
        scores: np.ndarray = ends[:, None] * self.predicates[:, :-1]
        return scores


class SpadeStage:
    """A trained SPADE with its words. Call it from one thread.

    Args:
        embed: CLIP's text tower, see `open_text_tower`; asked only about words that are new.

    Attributes:
        objects, predicates: words in use, in the order of the columns.
    """

    def __init__(
        self, models: FrozenModels, network: SpadeNetwork, trained: TrainedWords, embed: Embed
    ) -> None:
        self.models, self.network, self.trained = models, network.eval(), trained
        self._embed = embed
        self._vectors: dict[tuple[str, Sequence[str]], Tensor] = {}
        self.objects: tuple[str, ...] = ()
        self.predicates: tuple[str, ...] = ()
        self.set_words(trained.objects, trained.predicates)

    @classmethod
    def open(cls, folder: Path) -> SpadeStage:
        """Read a folder that `save_stage` has written, and the public models that it names.

        Raises:
            ImportError: a library is missing.
            FileNotFoundError: a file or a model is missing.
            ValueError: a damaged file, or weights of other sizes.
        """
        folder = Path(folder).expanduser()
        settings = read_settings(folder)
        models = open_frozen_models(settings.spade)
        load_calibration(models, folder / CALIBRATION)
        network = SpadeNetwork(
            settings.spade, models.taps.widths, models.vision.config.projection_dim
        )
        _load(network, read_tensors(folder / NETWORK), folder / NETWORK)
        return cls(models, network, settings.trained, open_text_tower(settings.spade))

    def set_words(self, objects: Sequence[str], predicates: Sequence[str]) -> None:
        """Use other words from the next image on; nothing is loaded again."""
        vectors = (
            self._known(objects, OBJECT_TEMPLATES),
            self._known(predicates, PREDICATE_TEMPLATES),
        )
        self._words = Words(*vectors)
        self.objects, self.predicates = tuple(objects), tuple(predicates)

    @torch.inference_mode()
    def __call__(self, image: np.ndarray, masks: np.ndarray | None = None) -> Seen:
        """Return what is in an image.

        Args:
            image: uint8 [height, width, 3], RGB.
            masks: bool or float32 [node, h, w], of the whole image, where the config's mask_source
                is external.

        Raises:
            ValueError: masks missing, or not wanted.
        """
        pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
        given = None if masks is None else torch.from_numpy(masks.astype(np.float32))
        image_hw = (image.shape[0], image.shape[1])
        features = self.models.features(pixels)
        found, related = self.network(features, image_hw, self._words, given)
        objects, predicates = self._probabilities(pixels, found, related)
        return Seen(found.masks.numpy(), objects.numpy(), related.pairs.numpy(), predicates.numpy())

    def _probabilities(self, pixels: Tensor, found: Found, related: Related) -> tuple[Tensor, ...]:
        vision, config, network = self.models.vision, self.network.config, self.network
        subjects, ends = related.pairs.T
        both = (found.masks[subjects] + found.masks[ends]).clamp(max=1)
        asked = torch.cat((found.masks, both))
        pooled = pool_masks(vision, clip_pixels(pixels, vision), asked, config.clip_pool)
        nodes, pairs = pooled.split([len(found.masks), len(both)])
        return (
            self._fused(
                network.object_scores, found.object_logits, nodes, self._words.objects,
                self._is_trained(self.objects, self.trained.objects),
            ),
            self._fused(
                network.relation_scores, related.logits, pairs, self._words.predicates,
                self._is_trained(self.predicates, self.trained.predicates),
            ),
        )  # fmt: skip

    def _fused(
        self, scores: WordScores, logits: Tensor, pooled: Tensor, words: Tensor, trained: Tensor
    ) -> Float[Tensor, "row column"]:
        config = self.network.config
        clip_logits = scores.of_clip(pooled, words)
        return fuse(logits, clip_logits, trained, config.alpha_seen, config.alpha_unseen)

    def _is_trained(self, words: Sequence[str], trained: Sequence[str]) -> Tensor:
        return torch.tensor([word in trained for word in words], dtype=torch.bool)

    def _known(self, names: Sequence[str], templates: Sequence[str]) -> Tensor:
        new = [name for name in dict.fromkeys(names) if (name, templates) not in self._vectors]
        for name, vector in zip(new, self._embed(new, templates), strict=True):
            self._vectors[name, templates] = vector
        width = self.models.vision.config.projection_dim
        vectors = [self._vectors[name, templates] for name in names]
        return torch.stack(vectors) if vectors else torch.zeros(0, width)


def read_settings(folder: Path) -> Settings:
    """Read the settings of a trained SPADE and the words of its training.

    Raises:
        FileNotFoundError: there are none.
        ValueError: a damaged file.
    """
    path = folder / SETTINGS
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} is no folder of a trained SPADE, as psg spade train writes it: it has "
            f"no {SETTINGS}"
        )
    return config_from_dict(Settings, read_mapping(path), str(path))


def open_text_tower(config: SpadeConfig) -> Embed:
    """Return CLIP's text tower, read from the folder of the config's clip_model.

    Raises:
        ValueError: the folder holds none.
    """
    transformers, folder = library("transformers"), Path(config.clip_model).expanduser()
    tower = read_model(transformers.CLIPTextModelWithProjection, folder)
    tokenizer = read_tokenizer(transformers.CLIPTokenizer, folder)
    return lambda names, templates: word_vectors(tower, tokenizer, names, templates)


def save_stage(
    folder: Path, models: FrozenModels, network: SpadeNetwork, trained: TrainedWords
) -> None:
    """Write a new folder for `SpadeStage.open`.

    Raises:
        FileExistsError: it is there.
    """
    settings = dataclasses.asdict(Settings(network.config, trained))
    with new_folder(folder) as scratch:
        scratch.mkdir()
        text = yaml.safe_dump(_plain(settings), sort_keys=False, allow_unicode=True)
        write_text(scratch / SETTINGS, text)
        write_tensors(_own(network.state_dict()), scratch / NETWORK)
        save_calibration(models, scratch / CALIBRATION)


def save_calibration(models: FrozenModels, path: Path) -> None:
    """Write what stage 1 has trained."""
    state = {ADAPTER + name: value for name, value in models.adapter.state_dict().items()}
    state |= {LORA + name: value for name, value in lora_state(models.unet).items()}
    write_tensors(_own(state), path)


def load_calibration(models: FrozenModels, path: Path) -> None:
    """Read what stage 1 has trained.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged, or of other sizes.
    """
    state = read_tensors(path)
    parts = {
        prefix: {n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)}
        for prefix in (ADAPTER, LORA)
    }
    _load(models.adapter, parts[ADAPTER], path)
    load_lora(models.unet, parts[LORA])


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a file of tensors.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it holds none.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; is this a folder of a trained SPADE?")
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} holds no tensors in safetensors: {error}") from error
    return tensors


def _load(module: torch.nn.Module, state: dict[str, Tensor], path: Path) -> None:
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit the settings: {error}") from error


def _own(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone().contiguous() for name, value in state.items()}


def _plain(value: Any) -> Any:
    """Return tuples as the lists that YAML has."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
