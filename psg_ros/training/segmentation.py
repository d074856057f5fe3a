# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1: the segmenter, with set matching, deep supervision, annealed masked attention."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from psg_ros.data.psg import PsgDataset
from psg_ros.modeling.config import SegmenterConfig
from psg_ros.modeling.segmenters.eomt import Eomt
from psg_ros.training.config import SegmentationTraining, TrainConfig
from psg_ros.training.history import History, Means, plot_curves
from psg_ros.training.samples import BatchStream, Sample, load_samples
from psg_ros.training.segmentation_run import STATE, SegmentationRun

REPORT_EVERY = 50


def train_segmenter(
    model: Eomt, dataset: PsgDataset, config: TrainConfig, *, resume: bool, device: str
) -> None:
    """Run stage 1 and leave the averaged weights in `config.out`, and in `model`."""
    folder = Path(config.out)
    run = SegmentationRun(model, config, device)
    history = History(folder / "segmentation.jsonl")
    if resume and (folder / STATE).is_file():
        run.load(folder)
        history.rewind("samples", run.samples_seen)
    if run.progress < 1:
        run_phases(run, load_samples(dataset, "reading pictures"), history)
    run.save(folder)
    model.load_state_dict(run.average)
    plot_curves(history, "samples", folder / "segmentation.png")


def check_settings(
    settings: SegmentationTraining, network: SegmenterConfig, num_images: int
) -> None:
    """Refuse settings that cannot work with this network and this data set.

    Raises:
        ValueError: no phases, a picture size the network cannot take, too large a batch.
    """
    if sum(phase.samples for phase in settings.phases) < 1:
        raise ValueError("segmentation.phases has no samples: list at least one phase")
    for phase in settings.phases:
        if any(size % network.patch_size for size in phase.input_hw):
            what = f"multiples of {network.patch_size} px"
            raise ValueError(f"input_hw {phase.input_hw} of a phase must be {what}")
        if network.position == "learned" and phase.input_hw != network.input_hw:
            what = f"must be the network's {network.input_hw}: its positions are learned"
            raise ValueError(f"input_hw {phase.input_hw} of a phase {what}")
    if settings.batch_size > num_images:
        raise ValueError(f"batch_size {settings.batch_size} exceeds the {num_images} images")


def run_phases(run: SegmentationRun, samples: list[Sample], history: History) -> None:
    """Go through the phases, from where the run stands to the end."""
    with tqdm(
        total=run.total_samples, initial=run.samples_seen, desc="segmenter", unit="image"
    ) as bar:
        end = 0
        for phase in run.settings.phases:
            end += phase.samples
            if run.samples_seen < end:
                with closing(open_stream(run, samples, phase.input_hw)) as stream:
                    train_until(end, run, stream, history, bar)


def open_stream(
    run: SegmentationRun, samples: list[Sample], size_hw: tuple[int, int]
) -> BatchStream:
    """Return the batches of one picture size that the run has not seen yet."""
    settings, network = run.settings, run.model.config
    return BatchStream(
        samples,
        size_hw,
        settings.batch_size,
        stride=network.mask_stride,
        min_segment_px=max(1, settings.min_segment_px * size_hw[0] // network.input_hw[0]),
        seed=run.config.seed,
        start=run.samples_seen // settings.batch_size,
    )


def train_until(
    end: int, run: SegmentationRun, stream: BatchStream, history: History, bar: tqdm
) -> None:
    """Learn until `end` samples have been seen in all; report and save on the way."""
    run.model.train()
    means, saved = Means(), time.monotonic()
    for count, (images, targets) in enumerate(stream, start=1):
        means.add(run.step(images, targets))
        bar.update(len(images))
        if count % REPORT_EVERY == 0:
            row = means.take(digits=4)
            history.add(samples=run.samples_seen, **row)
            bar.set_postfix(row)
        if time.monotonic() - saved > run.config.minutes_between_checkpoints * 60:
            run.save(Path(run.config.out))
            saved = time.monotonic()
        if run.samples_seen >= end:
            return
