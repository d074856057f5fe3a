# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 2: train the relation stage on a frozen segmenter and true masks, with swapped pairs.

Source: DSFlash (CVPR 2026), its training of the bidirectional head. As the segmenter is frozen and
the pictures are not augmented, its taps are computed once and kept in memory (bfloat16).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from psg_ros.data.psg import PsgDataset
from psg_ros.modeling.dsflash import DsFlash, RelationStage
from psg_ros.training.checkpoint import save_weights
from psg_ros.training.config import RelationTraining, TrainConfig
from psg_ros.training.history import History, Means, plot_curves
from psg_ros.training.losses import consistency_loss
from psg_ros.training.relation_samples import PairBatch, RelationSample, collect_samples, pair_batch

WEIGHTS = "relations.safetensors"


def train_relations(
    model: DsFlash, dataset: PsgDataset, config: TrainConfig, *, device: str
) -> None:
    """Run stage 2 from its start and leave the weights of the relation stage in `config.out`.

    Raises:
        ValueError: no image has a relation between two segments.
    """
    folder, settings = Path(config.out), config.relations
    model = model.to(device)
    samples = collect_samples(model, dataset, device, settings.max_images)
    if not samples:
        raise ValueError(f"no image of {dataset.root} has a relation between two segments")
    stage = model.relations
    num_predicates = cast(nn.Linear, stage.head.mlp[-1]).out_features - 1
    weights = positive_weights(samples, num_predicates, settings).to(device)
    optimizer = torch.optim.AdamW(
        stage.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    history, means = History(folder / "relations.jsonl"), Means()
    history.rewind("epoch", 0)
    rng = np.random.default_rng(config.seed)
    steps_per_epoch = math.ceil(len(samples) / settings.images_per_step)
    stage.train()
    with tqdm(total=settings.epochs * steps_per_epoch, desc="relations", unit="step") as bar:
        for epoch in range(settings.epochs):
            order = rng.permutation(len(samples))
            for step in range(steps_per_epoch):
                chosen = order[step::steps_per_epoch]
                batch = pair_batch([samples[i] for i in chosen], num_predicates, settings, rng)
                rate = learning_rate(settings, epoch + step / steps_per_epoch)
                means.add(train_step(stage, optimizer, batch.to(device), weights, rate, settings))
                bar.update()
            row = means.take(digits=5)
            history.add(epoch=epoch + 1, **row)
            bar.set_postfix(row)
            save_weights(stage.state_dict(), folder / WEIGHTS)
    plot_curves(history, "epoch", folder / "relations.png")


def train_step(
    stage: RelationStage,
    optimizer: torch.optim.Optimizer,
    batch: PairBatch,
    weights: Tensor,
    rate: float,
    settings: RelationTraining,
) -> dict[str, float]:
    """Learn from one batch in both orders of every pair; returns the loss terms.

    Raises:
        FloatingPointError: a loss that is not finite.
    """
    for group in optimizer.param_groups:
        group["lr"] = rate
    with torch.autocast(batch.taps[0].device.type, torch.bfloat16):
        cells = stage.tap_embedding(batch.taps)[batch.image_index]
        losses = relation_losses(stage, cells, batch, weights)
    total = losses["bce"] + settings.consistency_weight * losses["consistency"]
    if not torch.isfinite(total):
        raise FloatingPointError(f"relation loss is {float(total.detach())}")
    optimizer.zero_grad(set_to_none=True)
    total.backward()
    nn.utils.clip_grad_norm_(stage.parameters(), settings.clip_norm)
    optimizer.step()
    return {name: float(value.detach()) for name, value in losses.items()}


def relation_losses(
    stage: RelationStage, cells: Tensor, batch: PairBatch, weights: Tensor
) -> dict[str, Tensor]:
    """Return the classification loss of both orders and the swap consistency."""
    first, second = batch.overlap[:, 0], batch.overlap[:, 1]
    pair = stage.pair_vectors(cells, first, second, batch.boxes.flatten(1))
    swapped = stage.pair_vectors(cells, second, first, batch.boxes.flip(1).flatten(1))
    parts, swapped_parts = stage.head.split(pair), stage.head.split(swapped)
    scored = (
        (parts[0], batch.forward_targets),
        (parts[1], batch.backward_targets),
        (swapped_parts[0], batch.backward_targets),
        (swapped_parts[1], batch.forward_targets),
    )
    terms = [
        functional.binary_cross_entropy_with_logits(
            stage.head.mlp(part).float(), targets, pos_weight=weights
        )
        for part, targets in scored
    ]
    return {"bce": torch.stack(terms).sum(), "consistency": consistency_loss(parts, swapped_parts)}


def positive_weights(
    samples: list[RelationSample], num_predicates: int, settings: RelationTraining
) -> Tensor:
    """Return each column's weight of positives: images without the predicate / images with it.

    Column 0 («no relation») weighs 1 / negatives_per_positive (DSFormer).
    """
    present = torch.zeros(num_predicates)
    for sample in samples:
        present[sample.triplets[:, 2].unique()] += 1
    weights = ((len(samples) - present) / present.clamp(min=1)).clamp(
        1 / settings.positive_weight_limit, settings.positive_weight_limit
    )
    return torch.cat((torch.tensor([1 / settings.negatives_per_positive]), weights))


def learning_rate(settings: RelationTraining, epoch: float) -> float:
    """Return the rate at a fractional epoch: linear warmup, then cosine to zero."""
    warm = min(1.0, (epoch + 1e-3) / settings.warmup_epochs) if settings.warmup_epochs else 1.0
    return settings.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * epoch / settings.epochs))
