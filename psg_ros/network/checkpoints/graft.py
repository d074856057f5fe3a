# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A pretrained stem under the blocks of a trained segmenter: both know something from the start.

The donor's last blocks, its queries and heads are taken over. The projection of the pretrained stem
is fitted by least squares to the tokens that these blocks are used to. What follows is training.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from psg_ros.labels import Vocabulary
from psg_ros.network.checkpoints.exported import read_exported_segmenter
from psg_ros.network.segmenters.efficientnet_lite import EfficientNetStem
from psg_ros.network.segmenters.eomt import Eomt
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.robot.forms import load_model

NUM_PICTURES = 160
CELLS_PER_BATCH = 1200
"""Cells of every batch that the fit uses; neighbours say much the same."""
RIDGE = 1e-5
NEW_LABEL_SPREAD, NEW_LABEL_BIAS = 0.3, -2.0
"""Labels that the donor does not know: weights so much smaller, bias so much lower."""
COPIED = ("norm.", "mask_head.", "upscale.", "cls_token", "register_tokens")


@dataclass(frozen=True)
class Donor:
    """A trained segmenter with a convolutional stem, and its vocabulary."""

    segmenter: Eomt
    vocabulary: Vocabulary


def open_donor(model: str, config: EomtConfig) -> Donor:
    """Return the segmenter of a model folder.

    Args:
        config: of the network that is to take over its blocks; width and heads are the same.

    Raises:
        FileNotFoundError, ValueError: no such model, or one of another kind or width.
    """
    folder = load_model(model)
    if "segmenter" not in folder.manifest.artifacts:
        what = "has no artifact segmenter; its form of two files is needed"
        raise ValueError(f"graft_from {model} is of form {folder.manifest.form}, which {what}")
    tensors = read_exported_segmenter(folder.artifact_path("segmenter"))
    blocks = {int(found[1]) for name in tensors if (found := re.match(r"blocks\.(\d+)\.", name))}
    depth, (num_queries, dim) = len(blocks), tensors["queries"].shape
    if dim != config.dim or depth < config.depth:
        raise ValueError(
            f"graft_from {model} has {depth} blocks of width {dim}; expected at least "
            f"{config.depth} of width {config.dim}"
        )
    own = replace(config, stem="convolution", depth=depth, num_queries=num_queries, taps=(0,))
    segmenter = Eomt(own, folder.vocabulary.num_labels)
    try:
        segmenter.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"graft_from {model} is of another kind of network: {error}") from error
    return Donor(segmenter.eval(), folder.vocabulary)


@torch.no_grad()
def graft(
    segmenter: Eomt, donor: Donor, vocabulary: Vocabulary, pictures: Iterable[Tensor]
) -> float:
    """Give a segmenter with a pretrained stem the rest of the donor.

    Args:
        vocabulary: of the segmenter; labels of the donor's are joined by name.
        pictures: batches uint8 [picture, 3, h, w], RGB, to fit the projection on.

    Returns:
        Share of the tokens' variance that the fitted projection explains on the last batch, which
        it was not fitted on.
    """
    if not isinstance(segmenter.stem, EfficientNetStem):
        raise ValueError(f"graft_from needs a pretrained stem, not {segmenter.config.stem}")
    skipped = donor.segmenter.config.depth - segmenter.config.depth
    explained = fit_projection(segmenter, segmenter.stem, donor.segmenter, skipped, pictures)
    taken = donor.segmenter.state_dict()
    for name, value in segmenter.state_dict().items():
        if found := re.match(r"blocks\.(\d+)\.(.*)", name):
            value.copy_(taken[f"blocks.{int(found[1]) + skipped}.{found[2]}"])
        elif name.startswith(COPIED):
            value.copy_(taken[name])
    _take_queries(segmenter.queries, taken["queries"])
    if not isinstance(segmenter.class_head, nn.Linear):
        raise ValueError("graft_from brings a closed list of labels; leave out text_encoder")
    _take_labels(segmenter.class_head, donor, vocabulary)
    return explained


@torch.no_grad()
def fit_projection(
    segmenter: Eomt, stem: EfficientNetStem, donor: Eomt, skipped: int, pictures: Iterable[Tensor]
) -> float:
    """Fit the stem's projection to the donor's tokens behind its first `skipped` blocks."""
    segmenter.eval()
    features, tokens = [], []
    for batch in pictures:
        known = stem.features((batch.float() - segmenter.pixel_mean) / segmenter.pixel_std)
        known = known.permute(0, 2, 3, 1).flatten(0, 2)
        wanted = _tokens_behind(donor, skipped, batch.float())
        chosen = torch.randperm(len(known))[:CELLS_PER_BATCH]
        features.append(known[chosen].double())
        tokens.append(wanted[chosen].double())
    mean = torch.cat(features[:-1]).mean(0)
    inputs = [torch.cat((x - mean, x.new_ones(len(x), 1)), dim=1) for x in features]
    known, wanted = torch.cat(inputs[:-1]), torch.cat(tokens[:-1])
    square = known.T @ known
    # By each feature's own size: some hardly vary.
    square += torch.diag(RIDGE * square.diagonal() + torch.finfo(square.dtype).tiny)
    weights = torch.linalg.solve(square, known.T @ wanted)
    stem.projection.weight.copy_(weights[:-1].T[..., None, None])
    stem.projection.bias.copy_(weights[-1] - mean @ weights[:-1])  # type: ignore[union-attr]
    rest = (tokens[-1] - inputs[-1] @ weights).square().sum()
    return 1 - float(rest / (tokens[-1] - wanted.mean(0)).square().sum())


def _tokens_behind(donor: Eomt, num_blocks: int, pixels: Tensor) -> Tensor:
    tokens, grid_hw = donor.embed(pixels)
    rope = donor.rope(grid_hw, tokens.device)
    for block in donor.blocks[:num_blocks]:
        tokens = block(tokens, rope)
    return donor.patch_tokens(tokens, grid_hw[0] * grid_hw[1]).flatten(0, 1)


def _take_queries(own: Tensor, taken: Tensor) -> None:
    """Take over as many queries as there are; more are drawn to be like them."""
    own[: len(taken)] = taken[: len(own)]
    more = len(own) - len(taken)
    if more > 0:
        own[len(taken) :] = taken.mean(0) + taken.std(0) * torch.randn(more, own.shape[1])


def _take_labels(head: nn.Linear, donor: Donor, vocabulary: Vocabulary) -> None:
    taken = donor.segmenter.class_head
    assert isinstance(taken, nn.Linear), "a donor is read with a closed list"
    head.weight.copy_(NEW_LABEL_SPREAD * taken.weight.std() * torch.randn(head.weight.shape))
    head.bias.fill_(float(taken.bias[:-1].mean()) + NEW_LABEL_BIAS)
    shared = [n for n in donor.vocabulary.label_names if n in vocabulary.label_names]
    rows = [*vocabulary.label_index(shared), vocabulary.num_labels]
    from_rows = [*donor.vocabulary.label_index(shared), donor.vocabulary.num_labels]
    head.weight[rows], head.bias[rows] = taken.weight[from_rows], taken.bias[from_rows]
