# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Vectors of words: what CLIP's text tower says of sentences with the word in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from psg_ros.labels import phrase
from psg_ros.network.spade.frozen import prompt_tokens

OBJECT_TEMPLATES = (
    "a photo of a {}.",
    "This is a photo of a {}",
    "There is a {} in the scene",
    "There is the {} in the scene",
    "a photo of a {} in the scene",
    "a photo of a small {}.",
    "a photo of a medium {}.",
    "a photo of a large {}.",
    "This is a photo of a small {}.",
    "This is a photo of a medium {}.",
    "This is a photo of a large {}.",
    "There is a small {} in the scene.",
    "There is a medium {} in the scene.",
    "There is a large {} in the scene.",
)
"""FC-CLIP's."""
PREDICATE_TEMPLATES = ("a photo of something {} something", "something is {} something", "{}")
"""Our choice: the paper's are not published."""


@torch.no_grad()
def word_vectors(
    text: Any, tokenizer: Any, names: Sequence[str], templates: Sequence[str]
) -> Float[Tensor, "word embed"]:
    """Return a unit vector for each name: the mean of those of its sentences.

    Args:
        text: CLIPTextModelWithProjection of transformers.
        names: as in a vocabulary; they are said as `phrase` says them.
    """
    vectors = []
    for name in names:
        sentences = [template.format(phrase(name)) for template in templates]
        embedded = text(**prompt_tokens(tokenizer, sentences)).text_embeds
        vectors.append(functional.normalize(embedded, dim=-1).mean(0))
    if not vectors:
        return torch.zeros(0, text.config.projection_dim)
    return functional.normalize(torch.stack(vectors), dim=-1)


def relation_prompt(triples: Sequence[tuple[str, str, str]]) -> str:
    """Return the prompt of an image's (subject, predicate, object), in the order given."""
    return ", ".join(
        f"{phrase(subject)} is {phrase(predicate)} {phrase(end)}"
        for subject, predicate, end in triples
    )
