# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One training run: stage 1, then stage 2; what `psg train` calls."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch

from psg_ros.data.dataset import PanopticDataset
from psg_ros.data.hold_out import without_names
from psg_ros.data.opening import open_dataset
from psg_ros.files import remove_leftovers
from psg_ros.labels import Vocabulary
from psg_ros.network.checkpoints.starts import start_parts
from psg_ros.network.dsflash import DsFlash
from psg_ros.network.segmenter import Segmenter
from psg_ros.open_set import held_out
from psg_ros.robot.manifest import RUN_FILE
from psg_ros.setting_files import load_config
from psg_ros.training.checkpoint import load_into
from psg_ros.training.config import DataSource, TrainConfig
from psg_ros.training.distributed import Ranks, join_ranks
from psg_ros.training.history import check_tensorboard
from psg_ros.training.mix import MixedDataset
from psg_ros.training.network import build_model, vocabulary_of
from psg_ros.training.progress import segmenter_progress, unfinished_stages
from psg_ros.training.relations import relation_run, relations
from psg_ros.training.relations.relation_data import check_relation_data
from psg_ros.training.segmenter import segmentation, segmentation_run
from psg_ros.training.segmenter.initial_weights import load_initial_weights
from psg_ros.training.segmenter.segmentation_checks import check_settings
from psg_ros.training.words import take_ways

logger = logging.getLogger(__name__)

CONFIG_COPY = RUN_FILE
STAGES = ("segmentation", "relations", "all")


def run(
    config_path: Path,
    *,
    resume: bool = False,
    device: str = "cpu",
    stage: str = "all",
    tensorboard: bool = False,
) -> Path:
    """Train and return the run folder; one of several processes where `torchrun` has started it.

    Args:
        resume: go on from the folder's checkpoint; without it a used folder is refused.
        stage: "all", or only one; "relations" needs the folder's finished segmenter, and starts
            again without `resume`: what an earlier stage 2 has left is removed.
        tensorboard: write events below `tensorboard/` of the run folder, too.

    Raises:
        FileNotFoundError: config, data or a checkpoint that is needed is missing.
        FileExistsError: the run folder is in use, or holds a run of another config, or a segmenter
            that stage 1 would replace.
        ValueError: a config that cannot work, a segmenter that is not finished, or a checkpoint
            that does not fit.
        ImportError: `tensorboard` without the package.
        RuntimeError: no such device.
        FloatingPointError: the training has diverged.
    """
    if stage not in STAGES:
        raise ValueError(f"stage must be one of {', '.join(STAGES)}, not {stage!r}")
    check_device(device)
    if tensorboard:
        check_tensorboard()
    with join_ranks(device) as ranks:
        return run_stages(config_path, ranks, resume=resume, stage=stage, tensorboard=tensorboard)


def run_stages(
    config_path: Path, ranks: Ranks, *, resume: bool, stage: str, tensorboard: bool
) -> Path:
    """Train as one of these ranks; see `run`."""
    config = load_config(TrainConfig, config_path)
    folder = Path(config.out)
    check_folder(folder, config_path, goes_on=resume or stage == "relations")
    torch.manual_seed(config.seed)
    vocabulary = vocabulary_of(config)
    model = build_model(config, vocabulary)
    take_ways(model, config, vocabulary)
    dataset = open_split(config, vocabulary, "train", ranks)
    mixed = open_mix(config, vocabulary, ranks) if stage != "relations" else None
    pictures = dataset if mixed is None else mixed
    starts_over = False
    if stage == "relations":
        load_finished_segmenter(model.segmenter, config)
    else:
        count = len(pictures)
        starts_over = prepare_segmenter(model.segmenter, config, count, ranks, resume=resume)
        if starts_over:
            start_parts_of(model, config, vocabulary, pictures, ranks)
    validation = None
    if stage != "segmentation":
        validation = open_validation(config, vocabulary, ranks)
        check_relation_data(dataset, config, vocabulary, ranks.world_size, validation)
    # The folder is taken last: a config that had to be corrected can use it.
    take_folder(folder, config_path, ranks)
    if starts_over and ranks.is_main:
        relation_run.remove_run(folder)  # it was trained on an earlier segmenter
    if stage != "relations":
        segmentation.train_segmenter(
            model.segmenter, pictures, config,
            resume=resume, ranks=ranks, scaling=model.config.scaling, tensorboard=tensorboard,
            held_out=held_out_labels(config, vocabulary),
        )  # fmt: skip
    if stage != "segmentation":
        relations.train_relations(
            model, dataset, config,
            vocabulary=vocabulary, validation=validation, resume=resume, ranks=ranks,
            tensorboard=tensorboard,
        )  # fmt: skip
    return folder


def open_validation(
    config: TrainConfig, vocabulary: Vocabulary, ranks: Ranks
) -> PanopticDataset | None:
    """Return the split that stage 2 holds images out of; None: those of the training split."""
    settings = config.relations
    if not settings.validation_images or settings.validation_split == "train":
        return None
    return open_split(config, vocabulary, settings.validation_split, ranks)


def open_mix(config: TrainConfig, vocabulary: Vocabulary, ranks: Ranks) -> MixedDataset | None:
    """Return the data sets of stage 1 as one; None where it trains on `data`."""
    sources = config.segmentation.sources
    if not sources:
        return None
    parts = [open_source(source, config, vocabulary, "train", ranks) for source in sources]
    return MixedDataset(tuple(parts), tuple(source.share for source in sources))


def open_split(
    config: TrainConfig, vocabulary: Vocabulary, split: str, ranks: Ranks
) -> PanopticDataset:
    """Return a split of the data set of a config; see `open_source`."""
    return open_source(config, config, vocabulary, split, ranks)


def open_source(
    source: TrainConfig | DataSource,
    config: TrainConfig,
    vocabulary: Vocabulary,
    split: str,
    ranks: Ranks,
) -> PanopticDataset:
    """Return a split of a data set, without what a config holds out; see `open_dataset`."""
    dataset = open_dataset(
        Path(source.data),
        vocabulary,
        split,
        images=Path(source.images) if source.images else None,
        panoptic=Path(source.panoptic) if source.panoptic else None,
        partial=config.partial,
        skip_broken=config.skip_broken,
    )
    if dataset.skipped and ranks.is_main:
        print(f"{len(dataset.skipped)} broken images of {split} are left out ({source.data})")
    return without_names(dataset, held_out_labels(config, vocabulary), ())


def held_out_labels(config: TrainConfig, vocabulary: Vocabulary) -> tuple[int, ...]:
    """Return the labels that a run does not see, ascending."""
    return held_out(config.held_out_labels, vocabulary.label_names)


def prepare_segmenter(
    segmenter: Segmenter, config: TrainConfig, num_images: int, ranks: Ranks, *, resume: bool
) -> bool:
    """Return whether stage 1 starts over; then the segmenter has its initial weights.

    Raises:
        FileExistsError: it would replace a segmenter.
        FileNotFoundError, ValueError: settings or initial weights that cannot work.
    """
    check_settings(config.segmentation, segmenter.config, num_images, ranks.world_size)
    folder = Path(config.out)
    if resume and (folder / segmentation_run.STATE).is_file():
        return False
    if (folder / segmentation_run.WEIGHTS).is_file():
        raise FileExistsError(
            f"stage 1 would start over and replace {folder / segmentation_run.WEIGHTS}; add "
            "--stage relations to train relations on it, choose another `out`, or delete it"
        )
    start_from(config.segmentation.initial_weights, segmenter, ranks)
    return True


def load_finished_segmenter(segmenter: Segmenter, config: TrainConfig) -> None:
    """Give the segmenter what stage 1 or `psg convert` has left in the run folder.

    Raises:
        FileNotFoundError: no weights.
        ValueError: stage 1 is not finished; or weights that do not fit.
    """
    folder = Path(config.out)
    progress = segmenter_progress(folder, config.segmentation)
    if progress is not None and not progress.is_finished:
        raise ValueError(
            f"stage 1 of {folder} is not finished ({progress}), and relations are trained on the "
            "segmenter as it will stay; first go on with --resume and without --stage relations"
        )
    load_into(segmenter, folder / segmentation_run.WEIGHTS)


def start_from(initial_weights: str, segmenter: Segmenter, ranks: Ranks) -> None:
    """Load the weights to start from, if any, and say what of the segmenter stays random."""
    if not initial_weights:
        return
    fresh = load_initial_weights(segmenter, initial_weights, segmentation_run.WEIGHTS)
    if ranks.is_main:
        what = f"random: {', '.join(fresh)}" if fresh else "nothing is random"
        print(f"the segmenter starts from {initial_weights}; {what}")


def start_parts_of(
    model: DsFlash,
    config: TrainConfig,
    vocabulary: Vocabulary,
    dataset: PanopticDataset | MixedDataset,
    ranks: Ranks,
) -> None:
    """Give parts of the segmenter what the settings of stage 1 say; say so."""

    def pictures(count: int) -> Iterator[torch.Tensor]:
        input_hw = model.config.segmenter.input_hw
        return segmentation.pictures_of(dataset, config, input_hw, model.config.scaling, count)

    for line in start_parts(model.segmenter, config.segmentation, vocabulary, pictures):
        if ranks.is_main:
            print(line)


def take_folder(folder: Path, config_path: Path, ranks: Ranks) -> None:
    """Make the run folder with a copy of the config in it; remove what a kill has left there."""
    ranks.barrier()  # no rank may find the folder taken by another
    if ranks.is_main:
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        shutil.copyfile(config_path, folder / CONFIG_COPY)
    ranks.barrier()


def check_device(device: str) -> None:
    """Raise RuntimeError unless torch knows the device and it is there."""
    if torch.device(device).type == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(f"device {device}: torch finds no CUDA here; use cpu")


def check_folder(folder: Path, config_path: Path, *, goes_on: bool) -> None:
    """Raise FileExistsError unless the run folder is new, or holds this run and `goes_on`."""
    copy = folder / CONFIG_COPY
    if not copy.is_file():
        return
    if not goes_on:
        raise FileExistsError(f"{folder} holds a run; add --resume or choose another `out`")
    if copy.read_bytes() != config_path.read_bytes():
        what = f"a run of another config ({copy})"
        raise FileExistsError(f"{folder} holds {what}; choose another `out`")


def load_run(
    folder: Path, *, with_relations: bool = True
) -> tuple[DsFlash, TrainConfig, Vocabulary]:
    """Return the network of a run folder with its weights so far, in evaluation mode.

    A run that is not finished is good for a look: it gives a warning that says how far it is.

    Args:
        with_relations: False leaves the relation stage random, for a use of the segmenter alone.

    Raises:
        FileNotFoundError: no run folder, or a stage that is wanted has no weights yet.
        ValueError: weights that are damaged or of another network, or a damaged checkpoint.
    """
    config_path = folder / CONFIG_COPY
    if not config_path.is_file():
        raise FileNotFoundError(f"{folder} is not a run folder: it has no {CONFIG_COPY}")
    config = load_config(TrainConfig, config_path)
    vocabulary = vocabulary_of(config)
    model = build_model(config, vocabulary, folder)
    segmenter, relation_stage = weight_files(folder, config)
    load_into(model.segmenter, segmenter)
    if with_relations:
        load_into(model.relations, relation_stage)
    unfinished = ", ".join(map(str, unfinished_stages(folder, config)))
    if unfinished:
        logger.warning("the training of %s is not finished (%s)", folder, unfinished)
    return model.eval(), config, vocabulary


def weight_files(folder: Path, config: TrainConfig) -> tuple[Path, Path]:
    """Return where a run has the weights to use of the segmenter and of the relation stage."""
    tuned = not config.relations.frozen
    segmenter = relation_run.TUNED_SEGMENTER if tuned else segmentation_run.WEIGHTS
    return folder / segmenter, folder / relations.WEIGHTS
