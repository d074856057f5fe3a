# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One training run: stage 1, then stage 2; what `psg train` calls."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from psg_ros.config import load_config
from psg_ros.data.dataset import PanopticDataset
from psg_ros.data.opening import open_dataset
from psg_ros.labels import Vocabulary, load_vocabulary
from psg_ros.modeling.config import ModelConfig
from psg_ros.modeling.dsflash import DsFlash
from psg_ros.modeling.segmenters.eomt import Eomt
from psg_ros.resources import share_path
from psg_ros.training import relation_run, relations, segmentation, segmentation_run
from psg_ros.training.checkpoint import load_weights
from psg_ros.training.config import TrainConfig
from psg_ros.training.distributed import Ranks, join_ranks
from psg_ros.training.history import check_tensorboard
from psg_ros.training.initial_weights import load_initial_weights
from psg_ros.training.relation_data import check_relation_data
from psg_ros.training.segmentation_checks import check_settings

CONFIG_COPY = "train.yaml"
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
        stage: «all», or only one; «relations» needs the folder's segmenter, and starts
            anew without `resume`.
        tensorboard: write events below `tensorboard/` of the run folder, too.

    Raises:
        FileNotFoundError: config, data or a checkpoint that is needed is missing.
        FileExistsError: the run folder is in use, or holds a run of another config.
        ValueError: a config that cannot work.
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
    dataset = open_split(config, vocabulary, "train", ranks)
    if stage == "relations":
        model.segmenter.load_state_dict(load_weights(folder / segmentation_run.WEIGHTS))
    else:
        sizes = (model.config.segmenter, len(dataset), ranks.world_size)
        check_settings(config.segmentation, *sizes)
        if not (resume and (folder / segmentation_run.STATE).is_file()):
            start_from(config.segmentation.initial_weights, model.segmenter, ranks)
    validation = None
    if stage != "segmentation":
        validation = open_validation(config, vocabulary, ranks)
        check_relation_data(dataset, config, ranks.world_size, validation)
    # The folder is taken last: a config that had to be corrected can use it.
    take_folder(folder, config_path, ranks)
    if stage != "relations":
        segmentation.train_segmenter(
            model.segmenter, dataset, config, resume=resume, ranks=ranks, tensorboard=tensorboard
        )
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


def open_split(
    config: TrainConfig, vocabulary: Vocabulary, split: str, ranks: Ranks
) -> PanopticDataset:
    """Return a split of the data set of a config; see `open_dataset`."""
    dataset = open_dataset(
        Path(config.data),
        vocabulary,
        split,
        images=Path(config.images) if config.images else None,
        panoptic=Path(config.panoptic) if config.panoptic else None,
        partial=config.partial,
        skip_broken=config.skip_broken,
    )
    if dataset.skipped and ranks.is_main:
        print(f"{len(dataset.skipped)} broken images of {split} are left out")
    return dataset


def start_from(initial_weights: str, segmenter: Eomt, ranks: Ranks) -> None:
    """Load the weights to start from, if any, and say what of the segmenter stays random."""
    if not initial_weights:
        return
    fresh = load_initial_weights(segmenter, initial_weights, segmentation_run.WEIGHTS)
    if ranks.is_main:
        what = f"random: {', '.join(fresh)}" if fresh else "nothing is random"
        print(f"the segmenter starts from {initial_weights}; {what}")


def take_folder(folder: Path, config_path: Path, ranks: Ranks) -> None:
    """Make the run folder with a copy of the config in it."""
    ranks.barrier()  # no rank may find the folder taken by another
    if ranks.is_main:
        folder.mkdir(parents=True, exist_ok=True)
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
    if copy.read_text() != config_path.read_text():
        what = f"a run of another config ({copy})"
        raise FileExistsError(f"{folder} holds {what}; choose another `out`")


def vocabulary_of(config: TrainConfig) -> Vocabulary:
    """Return the labels and predicates that a config names."""
    return load_vocabulary(share_path() / "config" / "labels" / f"{config.labels}.yaml")


def build_model(config: TrainConfig, vocabulary: Vocabulary) -> DsFlash:
    """Return the untrained network of a config."""
    model_config = load_config(ModelConfig, model_file(config))
    return DsFlash(model_config, vocabulary.num_labels, vocabulary.num_predicates)


def model_file(config: TrainConfig) -> Path:
    """Return the file with the sizes of the network."""
    if config.model.endswith(".yaml"):
        return Path(config.model)
    return share_path() / "config" / "model" / f"{config.model}.yaml"


def load_run(folder: Path) -> tuple[DsFlash, TrainConfig, Vocabulary]:
    """Return the trained network of a run folder, in evaluation mode.

    Raises:
        FileNotFoundError: the folder is not a finished run.
    """
    config_path = folder / CONFIG_COPY
    if not config_path.is_file():
        raise FileNotFoundError(f"{folder} is not a run folder: it has no {CONFIG_COPY}")
    config = load_config(TrainConfig, config_path)
    vocabulary = vocabulary_of(config)
    model = build_model(config, vocabulary)
    segmenter, relation_stage = weight_files(folder, config)
    model.segmenter.load_state_dict(load_weights(segmenter))
    model.relations.load_state_dict(load_weights(relation_stage))
    return model.eval(), config, vocabulary


def weight_files(folder: Path, config: TrainConfig) -> tuple[Path, Path]:
    """Return where a finished run has the weights of the segmenter and of the relation stage."""
    tuned = not config.relations.frozen
    segmenter = relation_run.TUNED_SEGMENTER if tuned else segmentation_run.WEIGHTS
    return folder / segmenter, folder / relations.WEIGHTS
