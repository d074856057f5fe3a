# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of a training run; files in config/train hold differences from these."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Phase:
    """A stretch of stage 1 at one picture size: cheap small pictures first, the real size last."""

    input_hw: tuple[int, int]
    samples: int


@dataclass(frozen=True)
class SegmentationTraining:
    """Stage 1. Loss weights and matching are Mask2Former's and EoMT's.

    Attributes:
        learning_rate: at `batch_size`; linear warmup, then cosine to zero over all phases.
        gate_until: share of the run after which the last query block's masked attention is gone;
            earlier blocks lose theirs earlier (EoMT's annealing).
        semantic_weight: extra cross entropy of a throw-away per-cell classifier on the mask
            features; not in the papers. It teaches a backbone that starts from nothing.
        average: decay of the running average of the weights, which is what is kept.
    """

    phases: tuple[Phase, ...] = ()
    batch_size: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warmup_samples: int = 3000
    clip_norm: float = 1.0
    gate_until: float = 0.8
    class_weight: float = 2.0
    mask_weight: float = 5.0
    dice_weight: float = 5.0
    no_object_weight: float = 0.1
    semantic_weight: float = 1.0
    average: float = 0.999
    min_segment_px: int = 60


@dataclass(frozen=True)
class RelationTraining:
    """Stage 2, on the frozen segmenter and true masks.

    Attributes:
        max_images: how many images are used, 0 for all; their features are kept in memory, half a
            megabyte each for the demo model.
        negatives_per_positive: unannotated pairs drawn for every annotated one (DSFlash: 0.2).
        consistency_weight: of the loss that makes swapped pairs swap their two halves.
        positive_weight_limit: cap of the per-predicate weights images without / images with.
    """

    epochs: int = 20
    max_images: int = 0
    images_per_step: int = 32
    learning_rate: float = 1e-5
    weight_decay: float = 0.02
    warmup_epochs: float = 1.0
    clip_norm: float = 1.0
    negatives_per_positive: float = 0.2
    consistency_weight: float = 1.0
    positive_weight_limit: float = 1000.0


@dataclass(frozen=True)
class TrainConfig:
    """One run.

    Attributes:
        model: a file of config/model, without its ending, or the path of such a .yaml file.
        labels: a file of config/labels, without its ending.
        data: folder in PSG layout; relative to the working directory.
        out: folder for checkpoints and logs.
        minutes_between_checkpoints: a killed run loses at most this much.
    """

    model: str
    labels: str
    data: str
    out: str
    seed: int = 0
    minutes_between_checkpoints: float = 3.0
    segmentation: SegmentationTraining = SegmentationTraining()
    relations: RelationTraining = RelationTraining()
