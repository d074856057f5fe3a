# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One step of stage 1, and all the state that a killed run needs to go on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from psg_ros.network.segmenter import Segmenter
from psg_ros.training.attention_kernel import fast_attention
from psg_ros.training.checkpoint import load_state, save_state, save_weights, taking_over
from psg_ros.training.config import SegmentationTraining, TrainConfig
from psg_ros.training.distributed import Ranks, without_averaging
from psg_ros.training.history import Means
from psg_ros.training.losses import SegmentTargets, Totals, count_totals
from psg_ros.training.optimizer import make_optimizer, set_learning_rates
from psg_ros.training.segmenter.segmentation_losses import (
    SegmentationLosses,
    sample_generators,
)
from psg_ros.training.step_draws import draws_of_step

WEIGHTS = "segmenter.safetensors"
STATE = "segmenter.state"


def num_samples(settings: SegmentationTraining) -> int:
    """Return how many samples a whole run sees."""
    return sum(phase.samples for phase in settings.phases)


def freeze(model: nn.Module, parts: Sequence[nn.Module]) -> None:
    """Let all of a network learn but these parts of it."""
    model.requires_grad_(True)
    for part in parts:
        part.requires_grad_(False)


class SegmentationRun:
    """State of one run: model, throw-away semantic head, running average, optimizer, progress.

    Attributes:
        samples_seen: over all phases.
        means: of the loss terms since the last report.

    Args:
        held_out: labels that the data set does not show, see `SegmentationLosses`.
    """

    def __init__(
        self, model: Segmenter, config: TrainConfig, ranks: Ranks, held_out: Sequence[int] = ()
    ) -> None:
        self.config, self.settings, self.ranks = config, config.segmentation, ranks
        self.model = model
        self.losses = SegmentationLosses(model, self.settings, held_out).to(ranks.device)
        self.average = {name: value.clone() for name, value in model.state_dict().items()}
        head = self.losses.semantic_head
        self.optimizer = make_optimizer(model, self.settings, head)
        self.samples_seen, self.means = 0, Means()
        self._wrapped = ranks.wrap(self.losses)

    @property
    def total_samples(self) -> int:
        """Samples of a whole run; the last batch may carry `samples_seen` a little above."""
        return num_samples(self.settings)

    def step(self, images: Tensor, targets: list[SegmentTargets]) -> dict[str, float]:
        """Learn from one batch uint8 [image, 3, h, w], RGB; returns the loss terms.

        Args:
            images, targets: this rank's part of the batch.

        Raises:
            FloatingPointError: a loss, a prediction or a gradient that is not finite; the weights
                stay as they were.
        """
        set_learning_rates(self.optimizer, self.settings, self.samples_seen)
        freeze(self.model, self.model.frozen_parts(self.samples_seen, self.settings))
        self.optimizer.zero_grad(set_to_none=True)
        tokens = self.model.num_tokens(images.shape[2:])
        with fast_attention(self.ranks.device, self.settings.precision, tokens):
            terms = self._accumulate_gradients(images, targets)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        if not norm.isfinite():
            raise FloatingPointError(f"gradient is {float(norm)} after {self.samples_seen} samples")
        self.optimizer.step()
        self.samples_seen += len(images) * self.ranks.world_size
        self.update_average()
        return self.ranks.sum(terms)

    def _accumulate_gradients(
        self, images: Tensor, targets: list[SegmentTargets]
    ) -> dict[str, float]:
        """Return this rank's share of the loss terms of the batch."""
        size, device = len(images), self.ranks.device
        totals, seen = self._totals(targets), self.samples_seen
        first = seen + self.ranks.rank * size
        generators = sample_generators(self.config.seed, first, size, device)
        draws_of_step(self.config.seed, seen)
        share = -(-size // self.settings.accumulate)
        terms: dict[str, float] = {}
        for start in range(0, size, share):
            part = slice(start, start + share)
            moved = [target.to(device) for target in targets[part]]
            is_last = start + share >= size
            with nullcontext() if is_last else without_averaging(self._wrapped):
                losses = self._wrapped(
                    images[part].to(device), moved, seen, totals, generators[part]
                )
                self._backward(losses)
            for name, value in losses.items():
                terms[name] = terms.get(name, 0.0) + float(value.detach())
        return terms

    def _backward(self, losses: dict[str, Tensor]) -> None:
        total = sum(losses.values(), torch.zeros((), device=self.ranks.device))
        if not torch.isfinite(total):
            seen = self.samples_seen
            raise FloatingPointError(f"loss is {float(total.detach())} after {seen} samples")
        # The ranks' gradients are averaged, but their losses are shares of one sum.
        (total * self.ranks.world_size).backward()

    def _totals(self, targets: list[SegmentTargets]) -> Totals:
        totals = count_totals(targets, self.model.config.num_queries, self.settings)
        return Totals(**self.ranks.sum(asdict(totals)))

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
        """Write the averaged weights for users, and beside them what `load` needs; rank 0 only."""
        if self.ranks.is_main:
            save_weights(self.average, folder / WEIGHTS)
            self.save_state(folder)

    def save_state(self, folder: Path) -> None:
        """Write what `load` needs."""
        state = {
            "losses": self.losses.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "samples_seen": self.samples_seen,
            "means": asdict(self.means),
        }
        save_state(state, folder / STATE)

    def load(self, folder: Path) -> None:
        """Take over the state of a checkpoint.

        Raises:
            ValueError: damaged, or of another network.
        """
        state = load_state(folder / STATE)
        with taking_over(folder / STATE):
            self.losses.load_state_dict(state["losses"])
            self.optimizer.load_state_dict(state["optimizer"])
            average, self.samples_seen = state["average"], state["samples_seen"]
            # States of older versions lack them: then the next report is of fewer steps.
            self.means = Means(**state.get("means", {}))
        self.average = {name: value.to(self.ranks.device) for name, value in average.items()}
