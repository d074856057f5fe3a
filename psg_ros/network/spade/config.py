# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of SPADE's two stages. Defaults are the paper's, or our choice where it is silent."""

from __future__ import annotations

from dataclasses import dataclass

from psg_ros.open_set import HELD_OUT
from psg_ros.setting_fields import check_ranges, checked

LORA_TARGETS = ("q", "k", "v")
MAP_PLACES = ("down", "mid", "up")


def _check_some(name: str, values: tuple[str, ...], known: tuple[str, ...]) -> None:
    if not values or len(set(values)) < len(values) or not set(values) <= set(known):
        raise ValueError(f"{name} must be one or more of {', '.join(known)}, not {list(values)}")


@dataclass(frozen=True)
class CalibrationConfig:
    """Stage 1: a student UNet that sees the image learns the attention of one that reads text.

    Attributes:
        inversion_steps: noise levels that the teacher goes up and down again.
        inversion_label: timestep that the first inversion step tells the UNet: of the noisier level
            (`target`) or of the cleaner one (`source`). DDIM: of every step.
        teacher_sampler: `belm` (O-BELM, exact in both directions) or `ddim`.
        teacher_maps: steps whose maps are averaged: those of the sampling run with t <= 300, `all`
            or only the `last` of it, or the noisiest one of the inversion.
        map_places: blocks of the UNet whose cross-attention is recorded.
        map_merge: all maps at `map_size` averaged to one (`finest`), or one for each grid of the
            UNet (`per_resolution`), none finer than `map_size`.
        map_size: side of the merged map in cells; teacher maps are cached at it.
        map_tokens: tokens of the prompt that the loss sees: words and the end token (`content`), or
            `all` 77, most of whose attention is on the start token and the padding.
        student_t: timestep that the UNet is told for the clean latent, in both stages.
        adapter: what makes the UNet's context of CLIP's image embedding; see
            `psg_ros.network.spade.adapter`.
        lora_targets: projections of the cross-attention that get low-rank matrices.
        lora_alpha: these are scaled by `lora_alpha / lora_rank`.
        accumulate: images of a step.
        warmup_steps: steps in which the learning rate rises.
        loss_weight: of the mean absolute difference of the maps.
    """

    inversion_steps: int = checked(50, minimum=2, maximum=500)
    inversion_label: str = checked("target", choices=("target", "source"))
    teacher_sampler: str = checked("belm", choices=("belm", "ddim"))
    teacher_maps: str = checked(
        "sampling_t_le_300", choices=("sampling_t_le_300", "all", "last", "inversion_last")
    )
    map_places: tuple[str, ...] = ("down", "up")
    map_merge: str = checked("finest", choices=("finest", "per_resolution"))
    map_size: int = checked(64, minimum=1)
    map_tokens: str = checked("content", choices=("content", "all"))
    student_t: int = checked(0, minimum=0, maximum=999)
    adapter: str = checked("compact", choices=("compact", "full", "linear"))
    lora_targets: tuple[str, ...] = ("k", "v")
    lora_rank: int = checked(16, minimum=1)
    lora_alpha: float = checked(16.0, above=0)
    learning_rate: float = checked(1e-4, above=0)
    weight_decay: float = checked(1e-4, minimum=0)
    accumulate: int = checked(8, minimum=1)
    warmup_steps: int = checked(500, minimum=0)
    max_grad_norm: float = checked(1.0, above=0)
    epochs: int = checked(30, minimum=1)
    loss_weight: float = checked(1.0, above=0)

    def __post_init__(self) -> None:
        check_ranges(self)
        _check_some("map_places", self.map_places, MAP_PLACES)
        _check_some("lora_targets", self.lora_targets, LORA_TARGETS)


@dataclass(frozen=True)
class SpadeConfig:
    """Stage 2: from the features of the calibrated UNet to objects and relations in any words.

    Attributes:
        diffusion_model: folder of a Stable Diffusion 1.x (1.4 inverts best) in diffusers' layout.
        clip_model: folder of a CLIP in transformers' layout whose image tower looks at the masks:
            published with ViT-L/14 at 336 px.
        adapter_clip_model: of the CLIP that the adapter reads (ViT-L/14 at 224 px); empty: the same
            one.
        image_size: side in px that images are scaled to for the UNet.
        clip_pool: how CLIP looks at a mask: `mask_token`, a copy of the class token that sees only
            the mask, or the `average` of the patches in it.
        mask_source: `internal`, SPADE finds the segments (published), or `external`, it is given
            them: the way beside a real-time graph.
        adjacency: two segments are neighbours if their centroids are less than `adjacency_frac` of
            the image's width apart (`centroid`), or if their masks `touch`, grown by one cell.
        eta_graph: or if the cosine of their features is above this.
        center_nodes: the mean of all nodes is taken off before every cosine. Without it nodes that
            know little of each other all look alike; the published network has it off.
        rgt_layers: blocks of the relation graph transformer.
        heads, dim, hidden: of all transformers: attention heads, width, width inside MLPs.
        num_queries: segments that are found at most (`internal`).
        encoder_layers, decoder_layers: of the mask generator, the latter a multiple of 3.
        interaction_layers: of the decoder that asks the image about each pair.
        eta_pair: pairs whose nodes have a higher cosine are looked at: `max_pairs` at most, the
            best `min_pairs` whatever their cosine.
        alpha_seen, alpha_unseen: weight of the trained score against CLIP's, for words of the
            training and for others.
        held_out_labels, held_out_predicates: `novel` trains both stages without those that the
            open-set evaluation calls novel (`psg_ros.open_set`): OvR with predicates alone, OvD+R
            with both. Their segments, which count as nothing then, and relations are taken out as
            `psg_ros.data.hold_out` says; the network chooses among the other words.
        lambda_rqc, lambda_mask: weights of the losses of pair selection and of masks.
        relation_weight, no_relation_weight: weight of the relations' cross entropy, and in it of
            pairs without a relation.
    """

    diffusion_model: str = ""
    clip_model: str = ""
    adapter_clip_model: str = ""
    calibration: CalibrationConfig = CalibrationConfig()
    image_size: int = checked(512, minimum=8)
    clip_pool: str = checked("mask_token", choices=("mask_token", "average"))
    mask_source: str = checked("internal", choices=("internal", "external"))
    adjacency: str = checked("centroid", choices=("centroid", "touch"))
    adjacency_frac: float = checked(1 / 3, above=0)
    eta_graph: float = checked(0.65, minimum=-1, maximum=1)
    center_nodes: bool = False
    rgt_layers: int = checked(8, minimum=1)
    heads: int = checked(8, minimum=1)
    dim: int = checked(256, minimum=1)
    hidden: int = checked(2048, minimum=1)
    num_queries: int = checked(100, minimum=2)
    encoder_layers: int = checked(6, minimum=1)
    decoder_layers: int = checked(9, minimum=3)
    interaction_layers: int = checked(6, minimum=1)
    eta_pair: float = checked(0.65, minimum=-1, maximum=1)
    max_pairs: int = checked(100, minimum=1)
    min_pairs: int = checked(10, minimum=1)
    alpha_seen: float = checked(0.34, minimum=0, maximum=1)
    alpha_unseen: float = checked(0.34, minimum=0, maximum=1)
    lambda_rqc: float = checked(0.6, minimum=0)
    lambda_mask: float = checked(1.0, minimum=0)
    relation_weight: float = checked(2.0, minimum=0)
    no_relation_weight: float = checked(0.02, minimum=0)
    learning_rate: float = checked(1e-4, above=0)
    weight_decay: float = checked(1e-4, minimum=0)
    max_grad_norm: float = checked(0.1, above=0)
    epochs: int = checked(80, minimum=1)
    decay_at: float = checked(0.75, above=0, maximum=1)
    held_out_labels: str = checked("none", choices=HELD_OUT)
    held_out_predicates: str = checked("none", choices=HELD_OUT)

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.dim % self.heads or self.dim % 4:
            what = f"a multiple of 4 (sine code) and of heads {self.heads}"
            raise ValueError(f"dim {self.dim} must be {what}")
        if self.min_pairs > self.max_pairs:
            raise ValueError(f"min_pairs {self.min_pairs} must not be above max_pairs")
