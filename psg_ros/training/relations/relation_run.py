# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One step of stage 2, and all the state that a killed run needs to go on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from psg_ros.network.dsflash import DsFlash
from psg_ros.training.attention_kernel import fast_attention
from psg_ros.training.checkpoint import (
    load_state,
    save_state,
    save_weights,
    taking_over,
    weights_digest,
)
from psg_ros.training.config import RelationTraining
from psg_ros.training.distributed import Ranks
from psg_ros.training.history import Means
from psg_ros.training.relations.relation_losses import (
    RelationLosses,
    learns_directed_pairs,
    weighted_sum,
)
from psg_ros.training.relations.relation_pairs import PairBatch
from psg_ros.training.relations.relation_samples import autocast

WEIGHTS = "relations.safetensors"
LAST_WEIGHTS = "relations_last.safetensors"
TUNED_SEGMENTER = "segmenter_tuned.safetensors"
LAST_TUNED_SEGMENTER = "segmenter_tuned_last.safetensors"
STATE = "relations.state"
LEFT = (STATE, WEIGHTS, LAST_WEIGHTS, TUNED_SEGMENTER, LAST_TUNED_SEGMENTER)
"""What a run leaves to go on from or to use."""
DIGEST, IMAGES = "segmenter_digest", "images_digest"


class RelationRun:
    """State of one run: trained modules, optimizer, progress, best score.

    Args:
        held_out: predicates that are not learned.
        label_words: see `RelationLosses`.

    Attributes:
        batches_seen: batches that are done, over all epochs.
        best: highest validation score so far.
        bare_losses: what `losses` is one rank's copy of.
        directed: whether a drawn pair teaches one direction only.
        means: of the loss terms since the last report.
        segmenter_digest: of the weights that stage 2 started on.
        images_digest: of the images that it learns from and those held out.
    """

    def __init__(
        self,
        model: DsFlash,
        settings: RelationTraining,
        weights: Tensor,
        ranks: Ranks,
        held_out: Sequence[int] = (),
        label_words: Tensor | None = None,
    ) -> None:
        self.model, self.settings, self.ranks = model.to(ranks.device), settings, ranks
        self.segmenter_digest = weights_digest(model.segmenter.state_dict())
        self.images_digest = ""
        segmenter = None if settings.frozen else model.segmenter
        model.segmenter.requires_grad_(not settings.frozen).eval()
        for part in model.segmenter.parts_without_features():  # no loss of stage 2 reaches them
            part.requires_grad_(False)
        num_labels = model.segmenter.num_labels
        losses = RelationLosses(
            model.relations, settings, weights, segmenter, num_labels, held_out, label_words
        )
        self.bare_losses = losses.to(ranks.device)
        self.losses = ranks.wrap(self.bare_losses)
        self.node_head = losses.node_head
        self.optimizer = make_optimizer(model, settings, self.node_head)
        self.directed = learns_directed_pairs(model.relations, settings)
        self.batches_seen, self.best = 0, float("-inf")
        self.means = Means()

    def step(self, batch: PairBatch, rate: float, image_ids: Sequence[str]) -> None:
        """Learn from one batch; its losses are added to those of the epoch.

        Raises:
            FloatingPointError: a loss or gradient that is not finite; names the images. The weights
                stay as they were.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        self.model.relations.train()
        device, precision = self.ranks.device, self.settings.precision
        with fast_attention(device, precision, self._num_tokens(batch)):
            with autocast(device, precision):
                terms = self.losses(batch.to(device))
            # All ranks see the same means and stop together.
            means = self.ranks.mean({name: float(term.detach()) for name, term in terms.items()})
            check_finite(means, image_ids)
            self.optimizer.zero_grad(set_to_none=True)
            weighted_sum(terms, self.settings).backward()
        norm = nn.utils.clip_grad_norm_(self._parameters(), self.settings.clip_norm)
        check_finite({"gradient": float(norm)}, image_ids)
        self.optimizer.step()
        self.means.add(means)

    def _num_tokens(self, batch: PairBatch) -> int:
        """Return the length of a sequence of the segmenter; 0 where none goes through it."""
        if self.settings.frozen:
            return 0
        return self.model.segmenter.num_tokens(batch.features.shape[2:])

    def save_weights(self, folder: Path, *, last: bool = False) -> None:
        """Write what was trained: the weights to use, or those of the last epoch beside them."""
        relations = LAST_WEIGHTS if last else WEIGHTS
        save_weights(self.model.relations.state_dict(), folder / relations)
        if not self.settings.frozen:
            segmenter = LAST_TUNED_SEGMENTER if last else TUNED_SEGMENTER
            save_weights(self.model.segmenter.state_dict(), folder / segmenter)

    def save(self, folder: Path) -> None:
        """Write what `load` needs."""
        save_state(self._state(), folder / STATE)

    def load(self, folder: Path) -> None:
        """Take over the state of a checkpoint; see `check_origin`, too.

        Raises:
            FileNotFoundError: no state.
            ValueError: damaged, or of another network.
        """
        state = load_state(folder / STATE)
        with taking_over(folder / STATE):
            self.model.relations.load_state_dict(state["relations"])
            if not self.settings.frozen:
                self.model.segmenter.load_state_dict(state["segmenter"])
            if self.node_head is not None:
                self.node_head.load_state_dict(state["node_head"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.batches_seen, self.best = state["batches_seen"], state["best"]
            self.means = Means(**state["means"])

    def _state(self) -> dict[str, Any]:
        state = {
            "relations": self.model.relations.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "batches_seen": self.batches_seen,
            "best": self.best,
            "means": asdict(self.means),
            DIGEST: self.segmenter_digest,
            IMAGES: self.images_digest,
        }
        if not self.settings.frozen:
            state["segmenter"] = self.model.segmenter.state_dict()
        if self.node_head is not None:
            state["node_head"] = self.node_head.state_dict()
        return state

    def _parameters(self) -> list[nn.Parameter]:
        return [p for group in self.optimizer.param_groups for p in group["params"]]


def check_origin(folder: Path, segmenter: nn.Module, images_digest: str) -> None:
    """Refuse a checkpoint of a run folder that goes on with something else than it began with.

    Other images are not divided as before into those that train and those held out: what was
    learned from would be judged, and batches counted by another number.

    Raises:
        ValueError: another segmenter, or other images.
    """
    state = load_state(folder / STATE, mapped=True)
    found = state.get(DIGEST)
    if found != weights_digest(segmenter.state_dict()):
        whose = "another segmenter" if found else "a segmenter that it does not name (old version)"
        raise ValueError(
            f"{folder / STATE} was trained on {whose}; start stage 2 over with --stage relations "
            "and without --resume, or put back the segmenter that it was trained on"
        )
    learned = state.get(IMAGES)
    if learned != images_digest:
        which = (
            "was trained on other images than the data set has now, or held out others"
            if learned
            else "does not name the images that it was trained on (old version)"
        )
        cure = ", or put back the data set" if learned else ""
        raise ValueError(
            f"{folder / STATE} {which}; start stage 2 over with --stage relations and without "
            f"--resume{cure}"
        )


def remove_run(folder: Path) -> None:
    """Remove what an earlier run of stage 2 has left, so that nobody goes on with it or uses it."""
    for name in LEFT:
        (folder / name).unlink(missing_ok=True)


def make_optimizer(
    model: DsFlash, settings: RelationTraining, node_head: nn.Module | None = None
) -> torch.optim.AdamW:
    """Return AdamW; each group has the key `scale`, a factor on its learning rate."""
    modules = [model.relations] if node_head is None else [model.relations, node_head]
    learned = [p for module in modules for p in module.parameters()]
    groups: list[dict[str, Any]] = [{"params": learned, "scale": 1.0}]
    if not settings.frozen:
        tuned = [p for p in model.segmenter.parameters() if p.requires_grad]
        groups += [{"params": tuned, "scale": settings.segmenter_rate}]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, weight_decay=settings.weight_decay)


def check_finite(values: Mapping[str, float], image_ids: Sequence[str]) -> None:
    """Raise FloatingPointError unless all loss terms, or what else it is, are finite."""
    if not all(map(math.isfinite, values.values())):
        told = ", ".join(f"{name} {value}" for name, value in values.items())
        raise FloatingPointError(
            f"relation training is not finite ({told}) at images {', '.join(image_ids)}"
        )
