# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1: the segmenter, with set matching."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.files import write_text
from psg_ros.network.segmenter import Segmenter
from psg_ros.training.checkpoint import has_checkpoint
from psg_ros.training.config import SegmentationTraining, TrainConfig
from psg_ros.training.distributed import Ranks
from psg_ros.training.history import History, open_history, plot_curves
from psg_ros.training.memory import memory_use
from psg_ros.training.mix import MixedDataset, drawing_chances
from psg_ros.training.samples import Sample, SampleMaker, load_samples, make_sample
from psg_ros.training.segmenter.batches import Batch, BatchStream, Grids, pad_image
from psg_ros.training.segmenter.segmentation_run import STATE, SegmentationRun

REPORT_EVERY = 50
BAD_BATCH = "bad_batch.json"

Source = list[Sample] | Sequence[AnnotatedImage]


def train_segmenter(
    model: Segmenter,
    dataset: Sequence[AnnotatedImage],
    config: TrainConfig,
    *,
    resume: bool,
    ranks: Ranks,
    scaling: str = "area",
    tensorboard: bool = False,
    held_out: Sequence[int] = (),
) -> None:
    """Run stage 1 and leave the averaged weights in `config.out`, and in `model`.

    Args:
        scaling: how the model's images are scaled, see `psg_ros.robot.ops.image`.
        resume: go on from the folder's checkpoint, if there is one.
        held_out: labels that the data set does not show, see `SegmentationLosses`.

    Raises:
        FloatingPointError: a batch with a loss that is not finite; it is named, and described in
            `BAD_BATCH` of the run folder.
    """
    folder = Path(config.out)
    goes_on = has_checkpoint(folder / STATE, ranks) and resume
    run = SegmentationRun(model, config, ranks, held_out)
    history = open_history(folder, "segmentation", tensorboard=tensorboard and ranks.is_main)
    if goes_on:
        run.load(folder)
    elif ranks.is_main:
        # From now on the state says how far the weights are that lie beside it.
        run.save_state(folder)
    if ranks.is_main:
        history.rewind("samples", run.samples_seen)
    if run.samples_seen < run.total_samples:
        chances = chances_of(dataset, run.settings)
        run_phases(run, source_of(dataset, run), history, scaling, chances)
    run.save(folder)
    ranks.barrier()  # the other ranks may need what rank 0 has written
    model.load_state_dict(run.average)
    if ranks.is_main:
        plot_curves(history, "samples", folder / "segmentation.png")


def source_of(dataset: Sequence[AnnotatedImage], run: SegmentationRun) -> Source:
    """Return the decoded pictures, or the data set where they are read as needed."""
    if not run.settings.keep_in_memory:
        return dataset
    return load_samples(dataset, "reading pictures", quiet=not run.ranks.is_main)


def chances_of(
    dataset: Sequence[AnnotatedImage], settings: SegmentationTraining
) -> np.ndarray | None:
    """Return how often each picture of a mix is drawn; None: every picture once in each round."""
    return drawing_chances(dataset, settings.balance) if isinstance(dataset, MixedDataset) else None


def pictures_of(
    dataset: Sequence[AnnotatedImage],
    config: TrainConfig,
    size_hw: tuple[int, int],
    scaling: str,
    count: int,
) -> Iterator[torch.Tensor]:
    """Yield the pictures of the first samples of a run, in batches uint8 [picture, 3, h, w]."""
    settings = config.segmentation
    chances = chances_of(dataset, settings)
    maker = SampleMaker(dataset, size_hw, settings.augmentation, config.seed, scaling, chances)
    for start in range(0, count, settings.batch_size):
        numbers = range(start, min(start + settings.batch_size, count))
        images = [pad_image(make_sample(maker, n).image, size_hw, scaling) for n in numbers]
        yield torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


def run_phases(
    run: SegmentationRun,
    source: Source,
    history: History,
    scaling: str,
    chances: np.ndarray | None = None,
) -> None:
    """Go through the phases, from where the run stands to the end."""
    with tqdm(
        total=run.total_samples,
        initial=run.samples_seen,
        desc="segmenter",
        unit="image",
        disable=not run.ranks.is_main,
    ) as bar:
        end = 0
        for phase in run.settings.phases:
            end += phase.samples
            if run.samples_seen < end:
                stream = open_stream(run, source, phase.input_hw, scaling, chances)
                with closing(stream):
                    train_until(end, run, stream, history, bar)
        if run.means.count:  # else a short run would leave no curve
            report(run, history, bar)


def open_stream(
    run: SegmentationRun,
    source: Source,
    size_hw: tuple[int, int],
    scaling: str,
    chances: np.ndarray | None = None,
) -> BatchStream:
    """Return this rank's part of the batches of one picture size that the run has not seen yet."""
    settings, network = run.settings, run.model.config
    min_segment_px = max(1, settings.min_segment_px * size_hw[0] // network.input_hw[0])
    return BatchStream(
        SampleMaker(source, size_hw, settings.augmentation, run.config.seed, scaling, chances),
        Grids(network.mask_stride, min_segment_px, whole=settings.points > 0),
        settings.batch_size,
        part=run.ranks.part(settings.batch_size),
        start=run.samples_seen,
        workers=settings.workers,
    )


def train_until(
    end: int, run: SegmentationRun, stream: BatchStream, history: History, bar: tqdm
) -> None:
    """Learn until `end` samples have been seen in all; report and save on the way."""
    run.model.train()
    saved = time.monotonic()
    for batch in stream:
        run.means.add(learn(run, batch))
        bar.update(run.settings.batch_size)
        if run.means.count >= REPORT_EVERY:
            report(run, history, bar)
        if time.monotonic() - saved > run.config.minutes_between_checkpoints * 60:
            run.save(Path(run.config.out))
            saved = time.monotonic()
        if run.samples_seen >= end:
            return


def report(run: SegmentationRun, history: History, bar: tqdm) -> None:
    """Record the means since the last report, and start over."""
    row = run.means.take(digits=4)
    if run.ranks.is_main:
        history.add(samples=run.samples_seen, **row, **memory_use(run.ranks.device))
        bar.set_postfix(row)


def learn(run: SegmentationRun, batch: Batch) -> dict[str, float]:
    """Do one step; a batch that the run stumbles over is named and written down."""
    try:
        return run.step(batch.images, batch.targets)
    except FloatingPointError as error:
        place = Path(run.config.out) / BAD_BATCH
        facts = {
            "error": str(error),
            "samples_seen": run.samples_seen,
            "rank": run.ranks.rank,
            "image_ids": batch.image_ids,
        }
        place.parent.mkdir(parents=True, exist_ok=True)
        write_text(place, json.dumps(facts, indent=2) + "\n")
        shown = ", ".join(batch.image_ids)
        raise FloatingPointError(f"{error}, at the images {shown} ({place})") from error
