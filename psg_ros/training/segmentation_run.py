# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One step of stage 1, and all the state that a killed run needs to go on."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.modeling.segmenters.eomt import Eomt
from psg_ros.training.checkpoint import load_state, save_state, save_weights
from psg_ros.training.config import SegmentationTraining, TrainConfig
from psg_ros.training.losses import SegmentTargets, set_loss

WEIGHTS = "segmenter.safetensors"
STATE = "segmenter.state"


class SegmentationRun:
    """State of one run: model, throw-away semantic head, running average, optimizer, progress."""

    def __init__(self, model: Eomt, config: TrainConfig, device: str) -> None:
        self.config, self.settings, self.device = config, config.segmentation, device
        num_labels = model.class_head.out_features - 1
        self.model = model.to(device)
        self.semantic_head = nn.Conv2d(model.config.dim, num_labels, kernel_size=1).to(device)
        self.average = {name: value.clone() for name, value in model.state_dict().items()}
        self.optimizer = make_optimizer([model, self.semantic_head], self.settings)
        self.samples_seen = 0

    @property
    def total_samples(self) -> int:
        return sum(phase.samples for phase in self.settings.phases)

    @property
    def progress(self) -> float:
        """Share of the run that is done; the last batch may carry it a little above 1."""
        return self.samples_seen / self.total_samples

    def step(self, images: Tensor, targets: list[SegmentTargets]) -> dict[str, float]:
        """Learn from one batch uint8 [batch, 3, h, w], RGB; returns the loss terms.

        Raises:
            FloatingPointError: a loss or a prediction that is not finite.
        """
        # Every step has a seed of its own, so a resumed run draws the same attention gates.
        torch.manual_seed(self.config.seed + self.samples_seen)
        self.set_learning_rate()
        targets = [target.to(self.device) for target in targets]
        with torch.autocast(torch.device(self.device).type, torch.bfloat16):
            losses = self.losses(images.to(self.device).float(), targets)
            total = sum(losses.values(), torch.zeros(()))
        if not torch.isfinite(total):
            seen = self.samples_seen
            raise FloatingPointError(f"loss is {float(total.detach())} after {seen} samples")
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        self.samples_seen += len(images)
        self.update_average()
        return {name: float(value.detach()) for name, value in losses.items()}

    def losses(self, images: Tensor, targets: list[SegmentTargets]) -> dict[str, Tensor]:
        """Return the weighted loss terms, set losses averaged over all predictions."""
        gates = gate_probabilities(
            self.progress / self.settings.gate_until, self.model.config.num_query_blocks
        )
        predictions = self.model.forward_deep(images, gates)
        total: dict[str, Tensor] = {}
        for class_logits, mask_logits, _ in predictions:
            for name, value in set_loss(class_logits, mask_logits, targets, self.settings).items():
                total[name] = total.get(name, 0) + value / len(predictions)
        semantic = torch.stack([target.semantic for target in targets])
        cells = self.semantic_head(predictions[-1][2]).float()
        total["semantic"] = self.settings.semantic_weight * functional.cross_entropy(
            cells, semantic, ignore_index=-1
        )
        return total

    def set_learning_rate(self) -> None:
        warm = min(1.0, (self.samples_seen + 1) / max(1, self.settings.warmup_samples))
        cosine = 0.5 * (1 + math.cos(math.pi * min(self.progress, 1.0)))
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * warm * cosine

    @torch.no_grad()
    def update_average(self) -> None:
        # Early on the average must forget the random start quickly.
        steps = self.samples_seen / self.settings.batch_size
        decay = min(self.settings.average, (1 + steps) / (10 + steps))
        for name, value in self.model.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - decay)
            else:
                self.average[name].copy_(value)

    def save(self, folder: Path) -> None:
        """Write the averaged weights for users, and beside them what `load` needs."""
        save_weights(self.average, folder / WEIGHTS)
        state = {
            "model": self.model.state_dict(),
            "semantic_head": self.semantic_head.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "samples_seen": self.samples_seen,
        }
        save_state(state, folder / STATE)

    def load(self, folder: Path) -> None:
        """Take over the state of a checkpoint."""
        state = load_state(folder / STATE)
        self.model.load_state_dict(state["model"])
        self.semantic_head.load_state_dict(state["semantic_head"])
        self.average = {name: value.to(self.device) for name, value in state["average"].items()}
        self.optimizer.load_state_dict(state["optimizer"])
        self.samples_seen = state["samples_seen"]


def gate_probabilities(progress: float, num_blocks: int) -> list[float]:
    """Return each query block's chance of masked attention: 1 at first, 0 at the end.

    Earlier blocks lose it earlier, each over its own stretch, with polynomial power 0.9 (EoMT).
    """
    chances = []
    for block in range(num_blocks):
        local = progress * num_blocks - block
        chances.append((1 - min(max(local, 0.0), 1.0)) ** 0.9)
    return chances


def make_optimizer(modules: list[nn.Module], settings: SegmentationTraining) -> torch.optim.AdamW:
    """Return AdamW; vectors (norms, biases, tokens) are not decayed."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98))
