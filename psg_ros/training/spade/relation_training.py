# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 2: the relation network learns on the features of the calibrated UNet, which stay."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import torch
from torch import nn

from psg_ros.network.spade.network import SpadeNetwork, Words
from psg_ros.training.spade.examples import SpadeExample
from psg_ros.training.spade.relation_losses import spade_losses

logger = logging.getLogger(__name__)
DECAY = 0.1
BATCH = 2
"""Images of a step, as the authors' code has it."""


def train_relations(
    network: SpadeNetwork,
    examples: Sequence[SpadeExample],
    words: Words,
    *,
    seed: int = 0,
    epoch_done: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Train the network in place, as its config says, and return the mean loss of each epoch.

    Args:
        epoch_done: called after each epoch with its number, from 0, and its loss.

    Raises:
        ValueError: no examples.
        FloatingPointError: the loss is not finite.
    """
    if not examples:
        raise ValueError("stage 2 of SPADE needs at least one image with its truth")
    config, generator = network.config, torch.Generator().manual_seed(seed)
    parameters = [one for one in network.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters, lr=config.learning_rate, weight_decay=config.weight_decay
    )
    milestone = max(round(config.decay_at * config.epochs), 1)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [milestone], DECAY)
    curve = []
    network.train()
    for epoch in range(config.epochs):
        total = 0.0
        for batch in torch.randperm(len(examples), generator=generator).split(BATCH):
            optimizer.zero_grad()
            for index in batch.tolist():
                loss = torch.stack(list(spade_losses(network, examples[index], words).values()))
                if not loss.isfinite().all():
                    raise FloatingPointError(
                        f"the loss of image {index} is not finite; lower learning_rate "
                        f"{config.learning_rate}"
                    )
                (loss.sum() / len(batch)).backward()
                total += loss.sum().item()
            nn.utils.clip_grad_norm_(parameters, config.max_grad_norm)
            optimizer.step()
        schedule.step()
        curve.append(total / len(examples))
        logger.info("SPADE stage 2, epoch %d of %d: %.4f", epoch + 1, config.epochs, curve[-1])
        if epoch_done is not None:
            epoch_done(epoch, curve[-1])
    network.eval()
    return curve
