# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 2: train the relation stage on the segmenter of stage 1.

Source: DSFlash (CVPR 2026). Without augmentation the features of the frozen segmenter are computed
once and kept in memory or on disk; with it the segmenter runs in every step.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import cast

from torch import Tensor
from tqdm import tqdm

from psg_ros.data.dataset import PanopticDataset
from psg_ros.evaluation.metrics.evaluator import Task
from psg_ros.labels import Vocabulary
from psg_ros.network.dsflash import DsFlash
from psg_ros.network.word_scores import word_scores
from psg_ros.training.checkpoint import has_checkpoint, load_into
from psg_ros.training.config import TrainConfig
from psg_ros.training.distributed import Ranks
from psg_ros.training.history import open_history, plot_curves
from psg_ros.training.memory import memory_use, return_free_memory
from psg_ros.training.relations.gain_search import set_gain
from psg_ros.training.relations.held_out import held_out_predicates
from psg_ros.training.relations.relation_data import (
    RelationData,
    images_digest,
    open_relation_data,
)
from psg_ros.training.relations.relation_losses import learns_directed_pairs
from psg_ros.training.relations.relation_pairs import draw_batch, pair_batch, split_pairs
from psg_ros.training.relations.relation_plan import BatchPlan
from psg_ros.training.relations.relation_run import (
    STATE,
    TUNED_SEGMENTER,
    WEIGHTS,
    RelationRun,
    check_origin,
    remove_run,
)
from psg_ros.training.relations.relation_samples import RelationSample
from psg_ros.training.relations.relation_weights import learning_rate, positive_weights
from psg_ros.training.relations.validation import MAIN_SCORE, evaluate_relations
from psg_ros.training.step_draws import draws_of_step
from psg_ros.training.words import label_words

__all__ = ["STATE", "WEIGHTS", "train_relations"]

REPORTED = ("R@20", "R@50", "mR@20", "mR@50", "mNgR@50", "mR@inf")


def train_relations(
    model: DsFlash,
    dataset: PanopticDataset,
    config: TrainConfig,
    *,
    vocabulary: Vocabulary,
    validation: PanopticDataset | None = None,
    resume: bool = False,
    ranks: Ranks,
    tensorboard: bool = False,
) -> None:
    """Run stage 2 and leave the weights of the relation stage in `config.out`.

    Args:
        validation: where images are held out; None: of `dataset`.
        resume: go on from the folder's checkpoint, if there is one; otherwise what an earlier run
            has left is removed.
        tensorboard: write the figures as events, too.

    Raises:
        ValueError: too few images for these settings; a feature cache of something else; a
            checkpoint that was trained on another segmenter or on other images.
        FloatingPointError: the training has diverged; names the images.
    """
    folder = Path(config.out)
    goes_on = has_checkpoint(folder / STATE, ranks) and resume
    images = images_digest(dataset, config.relations, validation)
    if ranks.is_main:  # before the segmenter runs over all images
        if goes_on:
            check_origin(folder, model.segmenter, images)
        else:
            remove_run(folder)
    data = open_relation_data(model, dataset, config, vocabulary, ranks, validation)
    truths, settings = data.source.truths, config.relations
    directed = learns_directed_pairs(model.relations, settings)
    weights = positive_weights(truths, vocabulary.num_predicates, settings, directed=directed)
    held_out = held_out_predicates(settings, vocabulary)
    encoder = model.config.relations.text_encoder
    words = label_words(encoder, vocabulary) if encoder and settings.prior_weight else None
    run = RelationRun(model, settings, weights, ranks, held_out, words)
    run.images_digest = images
    if goes_on:
        run.load(folder)
    plan = BatchPlan(config, len(truths), ranks.world_size)
    RelationLoop(run, plan, data, config, vocabulary, tensorboard=tensorboard).go()


class RelationLoop:
    """Goes through the epochs of one run; reports, validates and saves on the way."""

    def __init__(
        self,
        run: RelationRun,
        plan: BatchPlan,
        data: RelationData,
        config: TrainConfig,
        vocabulary: Vocabulary,
        *,
        tensorboard: bool = False,
    ) -> None:
        self._run, self._plan, self._data = run, plan, data
        self._config, self._vocabulary = config, vocabulary
        self._folder, self._is_main = Path(config.out), run.ranks.is_main
        board = tensorboard and self._is_main
        self._history = open_history(self._folder, "relations", tensorboard=board)
        self._saved = time.monotonic()

    def go(self) -> None:
        """Learn from where the run stands to the end."""
        run, plan = self._run, self._plan
        if self._is_main:
            self._history.rewind("epoch", run.batches_seen // plan.per_epoch)
        numbers = range(run.batches_seen, len(plan))
        shown = tqdm(
            numbers, "relations", len(plan), initial=run.batches_seen, unit="batch",
            disable=None if self._is_main else True,
        )  # fmt: skip
        wanted = (self._mine(number) for number in numbers)
        with closing(self._data.source.batches(wanted)) as batches:
            for number, (samples, features) in zip(shown, batches, strict=True):
                self._learn(number, samples, features)
                run.batches_seen += 1
                if run.batches_seen % plan.per_epoch == 0:
                    shown.set_postfix(self._finish_epoch())
                elif self._is_due():
                    self._save()
        if self._is_main:
            self._finish()
        run.ranks.barrier()

    def _finish(self) -> None:
        """Plot the curves; give the weights that are kept the gain of unseen words."""
        plot_curves(self._history, "epoch", self._folder / "relations.png")
        losses = self._run.bare_losses
        if word_scores(losses.stage.head) is not None:
            load_into(losses.stage, self._folder / WEIGHTS)
            if losses.segmenter is not None:  # the one that these relations were trained with
                load_into(losses.segmenter, self._folder / TUNED_SEGMENTER)
            set_gain(losses, self._data.source, self._vocabulary)
            self._run.save_weights(self._folder)

    def _mine(self, number: int) -> list[tuple[int, int]]:
        places = self._plan.batch(number)
        return places[self._plan.part(len(places), self._run.ranks.rank)]

    def _learn(self, number: int, samples: Sequence[RelationSample], features: Tensor) -> None:
        """Take the steps of one batch; every process draws the pairs of all of them."""
        run, plan, settings = self._run, self._plan, self._run.settings
        truths = [self._data.source.truths[image] for _, image in plan.batch(number)]
        image_ids = [truth.image_id for truth in truths]
        first = plan.part(len(truths), run.ranks.rank).start
        rate = learning_rate(settings, plan.epoch(number))
        drawn = draw_batch(
            truths, self._vocabulary.num_predicates, settings, plan.rng(number),
            directed=run.directed,
        )  # fmt: skip
        draws_of_step(self._config.seed, number)
        for part in split_pairs(drawn, settings.pairs_per_step):
            batch = pair_batch(part, samples, features, first, run.ranks.world_size)
            run.step(batch, rate, image_ids)

    def _finish_epoch(self) -> dict[str, float]:
        """Report, validate, keep the weights if they are the best; returns what is reported."""
        run, row = self._run, self._run.means.take(digits=5)
        if self._is_main:
            scores = self._validate()
            score = scores.get(MAIN_SCORE)
            if score is None or score > run.best:
                run.best = run.best if score is None else score
                run.save_weights(self._folder)
            if score is not None:
                run.save_weights(self._folder, last=True)
            task = run.settings.validation_task
            row |= {f"{task} {name}": round(scores[name], 3) for name in REPORTED if scores}
            return_free_memory()
            epoch, memory = run.batches_seen // self._plan.per_epoch, memory_use(run.ranks.device)
            self._history.add(epoch=epoch, **row, **memory)
        self._save()
        return row

    def _validate(self) -> dict[str, float]:
        """Return the scores on the held-out images; nothing where there are none."""
        if self._data.held_out is None:
            return {}
        held_out, settings = self._data.held_out(), self._run.settings
        return evaluate_relations(
            self._run.model.relations,
            held_out.samples,
            held_out.truths,
            self._vocabulary,
            cast(Task, settings.validation_task),
            device=self._run.ranks.device,
            precision=settings.precision,
        )

    def _is_due(self) -> bool:
        waited = time.monotonic() - self._saved
        return waited > self._config.minutes_between_checkpoints * 60

    def _save(self) -> None:
        if self._is_main:
            self._run.save(self._folder)
        self._saved = time.monotonic()
