# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The networks of the ladder, put together from the modules in `psg_ros.network`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from psg_ros.benchmark.ladder.dsformer import DsFormer, DsFormerConfig
from psg_ros.benchmark.ladder.steps import Step
from psg_ros.network.config import ModelConfig
from psg_ros.network.dsflash import RelationStage
from psg_ros.network.neck import NeckBlock
from psg_ros.network.segmenters.eomt import Eomt
from psg_ros.network.segmenters.eomt_config import EomtConfig

NUM_LABELS, NUM_PREDICATES = 133, 56
"""Of the PSG data set."""


class AllTokensBlock(nn.Module):
    """A neck's last block that computes every token, as published, and returns the class token."""

    def __init__(self, block: NeckBlock) -> None:
        super().__init__()
        self.block = block

    def class_token(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Take the place of `NeckBlock.class_token`; tokens [pair, token, dim]."""
        return self.block(tokens, mask)[:, 0]


def compute_all_tokens(blocks: nn.ModuleList) -> None:
    """Make the last block of a neck compute all tokens; the results stay the same."""
    blocks[-1] = AllTokensBlock(cast(NeckBlock, blocks[-1]))


class Network(nn.Module):
    """Segmenter and relation network of one step; parameters are named as in `DsFlash`.

    `relations` is a `RelationStage` on the taps of the segmenter, or a `DsFormer` on the image.
    """

    def __init__(
        self, config: ModelConfig, segmenter: Eomt, relations: RelationStage | DsFormer
    ) -> None:
        super().__init__()
        self.config = config
        self.segmenter = segmenter
        self.relations = relations


def eomt_config(config: ModelConfig) -> EomtConfig:
    """Return the sizes of the segmenter.

    Raises:
        ValueError: another segmenter than EoMT, which all steps of the ladder are about.
    """
    if not isinstance(config.segmenter, EomtConfig):
        raise ValueError(f"the ladder measures EoMT, not the segmenter {config.segmenter.type}")
    return config.segmenter


def step_config(step: Step, config: ModelConfig) -> ModelConfig:
    """Return the config of a step; `config` says the sizes."""
    # A stage that prunes by itself masks; the other ways to prune are ways to call it.
    prunes = step.prune == "masked" or step.deployed
    split = config.relations.split if step.bidirectional else "none"
    return replace(
        config,
        segmenter=replace(eomt_config(config), merge_ratio=step.merge_ratio),
        relations=replace(config.relations, split=split, prune=prunes),
    )


def dsformer_config(config: ModelConfig, num_labels: int, num_predicates: int) -> DsFormerConfig:
    """Return a DSFormer with neck and mask embedding like DSFlash's."""
    neck = config.relations
    return DsFormerConfig(
        input_hw=config.segmenter.input_hw,
        dim=neck.dim,
        depth=neck.depth,
        num_heads=neck.num_heads,
        mlp_ratio=neck.mlp_ratio,
        background=neck.background,
        head_hidden=neck.head_hidden,
        num_labels=num_labels,
        num_predicates=num_predicates,
    )


def build_network(
    step: Step,
    config: ModelConfig,
    *,
    num_labels: int = NUM_LABELS,
    num_predicates: int = NUM_PREDICATES,
    weights: Mapping[str, Mapping[str, Tensor]] | None = None,
    seed: int = 0,
) -> Network:
    """Return the network of a step in evaluation mode.

    Modules that two steps share have the same random weights, up to the neck.

    Args:
        config: sizes; `relations.split` must be one that answers both directions.
        weights: state dicts `segmenter` and `relations` of a training run. DSFormer's relation
            network stays random, and steps of one direction leave the gate out.
    """
    if config.relations.split == "none":
        raise ValueError("the ladder needs a model whose relations.split is gate or two_linear")
    config = step_config(step, config)
    torch.manual_seed(seed)
    segmenter = Eomt(eomt_config(config), num_labels)
    torch.manual_seed(seed)
    relations: RelationStage | DsFormer
    if step.backbone == "separate":
        relations = DsFormer(dsformer_config(config, num_labels, num_predicates))
    else:
        relations = RelationStage(config, num_predicates)
    if weights is not None:
        _load(segmenter, relations, weights)
    if step.last_block == "all":
        blocks = relations.blocks if isinstance(relations, DsFormer) else relations.neck.blocks
        compute_all_tokens(blocks)
    return Network(config, segmenter, relations).eval()


def _load(
    segmenter: Eomt,
    relations: RelationStage | DsFormer,
    weights: Mapping[str, Mapping[str, Tensor]],
) -> None:
    segmenter.load_state_dict(weights["segmenter"])
    if isinstance(relations, RelationStage):
        own = relations.state_dict().keys()
        projections = ("head.gate.", "head.backward_projection.")
        state = weights["relations"].items()
        relations.load_state_dict(
            {k: v for k, v in state if k in own or not k.startswith(projections)}
        )
