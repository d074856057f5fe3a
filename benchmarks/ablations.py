# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What each part of DSFlash is worth: train the relation stage without it and measure.

    python benchmarks/ablations.py runs/demo --data data/sim --out build/ablations
    python benchmarks/ablation_report.py build/ablations/results.jsonl --picture ablations.png

RUN is a run folder of `psg train`; its segmenter is used as it is. Each variant differs from its
reference (gate, swap training, true masks at full resolution, no pruning) in one thing and is
trained once per seed, on the same images, for the same number of steps. Variants that differ in the
test alone reuse the weights of another. Every result is a line of results.jsonl; what is there
already is not computed again, so a stopped study goes on. Needs the extra train.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch

from psg_ros.data.opening import open_dataset
from psg_ros.machine import describe_machine
from psg_ros.network.dsflash import DsFlash, build_dsflash
from psg_ros.setting_files import load_config
from psg_ros.training.checkpoint import load_weights
from psg_ros.training.config import RelationTraining, TrainConfig
from psg_ros.training.distributed import Ranks
from psg_ros.training.history import open_history
from psg_ros.training.network import model_config, vocabulary_of
from psg_ros.training.relations.relation_data import (
    HeldOut,
    RelationData,
    open_held_out,
    open_relation_data,
)
from psg_ros.training.relations.relation_losses import learns_directed_pairs
from psg_ros.training.relations.relation_plan import BatchPlan
from psg_ros.training.relations.relation_run import TUNED_SEGMENTER, WEIGHTS, RelationRun
from psg_ros.training.relations.relation_weights import positive_weights
from psg_ros.training.relations.relations import RelationLoop
from psg_ros.training.relations.validation import evaluate_relations
from psg_ros.training.segmenter.segmentation_run import WEIGHTS as SEGMENTER_WEIGHTS
from psg_ros.training.train import CONFIG_COPY

TASKS = ("PredCls", "SGDet")
SCORES = ("R@50", "mR@50", "mNgR@50", "mR@inf")


@dataclass(frozen=True)
class Variant:
    """One row of the study; the dictionaries hold differences from the reference.

    Attributes:
        trained_as: another variant whose weights are tested; empty: its own.
        network: of `RelationConfig`, in training and test.
        training: of `RelationTraining`.
        test: `prune`, `mask_resolution` and `merge_ratio` of the test alone.
        against: the variant that it is compared with; empty: the first; itself: a reference.
    """

    name: str
    trained_as: str = ""
    network: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    test: Mapping[str, Any] = field(default_factory=dict)
    against: str = ""


REFERENCE = "gate, swap training"
SHORT = "reference, one epoch"
ONE_EPOCH = {"epochs": 1}
"""The network runs forth and back in every step of a backbone that is not frozen: slow."""
HALF = "reference, half the pictures"
HALF_PICTURES = {"max_images": 800}
FEW_NEGATIVES = "0.2 negatives per pair"
SPARSE = {"negatives_per_positive": 0.2, **HALF_PICTURES}
ONE_DIRECTION = {"split": "none"}
VARIANTS = (
    Variant(REFERENCE),
    Variant("one direction, both orders", network=ONE_DIRECTION, training={"both_orders": True}),
    Variant("gate, no swap training", training={"swap_training": False}),
    Variant("two projections, swap training", network={"split": "two_linear"}),
    Variant("raw-resolution masks", REFERENCE, test={"mask_resolution": "raw"}),
    Variant("pruning at test time", REFERENCE, test={"prune": True}),
    Variant("pruning in training", network={"prune": True}),
    Variant("ToMe 0.3 at test time", REFERENCE, test={"merge_ratio": 0.3}),
    Variant("ToMe 0.5 at test time", REFERENCE, test={"merge_ratio": 0.5}),
    Variant("inferred masks in training", training={"masks": "inferred"}),
    Variant("no tap norm", network={"tap_norm": "none"}),
    Variant(SHORT, training=ONE_EPOCH, against=SHORT),
    Variant(
        "backbone not frozen, one epoch", training={"frozen": False, **ONE_EPOCH}, against=SHORT
    ),
    Variant(HALF, training=HALF_PICTURES, against=HALF),
    Variant("one direction per pair", network=ONE_DIRECTION, training=HALF_PICTURES, against=HALF),
    Variant(
        "one direction, 1 negative per pair", network=ONE_DIRECTION,
        training={"negatives_per_positive": 1.0, **HALF_PICTURES}, against=HALF,
    ),
    Variant(FEW_NEGATIVES, training=SPARSE, against=HALF),
    Variant(
        "0.2 negatives, balanced", training={"no_relation_weight": "balanced", **SPARSE},
        against=FEW_NEGATIVES,
    ),
)  # fmt: skip


class Study:
    """Data and segmenter that all variants share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.config = load_config(TrainConfig, options.run / CONFIG_COPY)
        self.vocabulary = vocabulary_of(self.config)
        self.model_config = model_config(self.config, options.run)
        self.segmenter = load_weights(options.run / SEGMENTER_WEIGHTS)
        self.train = open_dataset(options.data, self.vocabulary, "train")
        self.test = open_dataset(options.data, self.vocabulary, "test")
        self.train_data = cache(self._train_data)
        self.test_data = cache(self._test_data)

    def settings(self, variant: Variant) -> RelationTraining:
        """Return the settings of stage 2: those of the run, shortened, with the difference."""
        options = self.options
        shortened = {
            "epochs": options.epochs, "max_images": options.images,
            "images_per_step": options.images_per_step, "pairs_per_step": 0,
            "validation_images": 0, "feature_cache": "", "workers": 1,
            "score_threshold": options.score, "overlap_threshold": options.overlap,
            **variant.training,
        }  # fmt: skip
        return dataclasses.replace(self.config.relations, **shortened)

    def train_config(self, variant: Variant, seed: int) -> TrainConfig:
        out = self.options.out / f"{variant.name.replace(' ', '_')}_{seed}"
        out.mkdir(parents=True, exist_ok=True)
        settings = self.settings(variant)
        return dataclasses.replace(self.config, seed=seed, out=str(out), relations=settings)

    def model(self, variant: Variant, seed: int = 0, merge_ratio: float = 0.0) -> DsFlash:
        """Return the network with the trained segmenter and a fresh relation stage."""
        network = dataclasses.replace(self.model_config.relations, **variant.network)
        segmenter = dataclasses.replace(self.model_config.segmenter, merge_ratio=merge_ratio)
        config = dataclasses.replace(self.model_config, relations=network, segmenter=segmenter)
        torch.manual_seed(seed)
        model = build_dsflash(config, self.vocabulary.num_labels, self.vocabulary.num_predicates)
        model.segmenter.load_state_dict(self.segmenter)
        return model.eval()

    def fit(self, variant: Variant, seed: int) -> tuple[DsFlash, float]:
        """Train a variant, or load what was trained; returns it and the seconds it took."""
        model, config, seconds = self.model(variant, seed), self.train_config(variant, seed), 0.0
        folder = Path(config.out)
        if not is_trained(folder, config.relations.epochs):
            started = time.monotonic()
            data = self.data_of(variant, model, config)
            settings, truths = config.relations, data.source.truths
            weights = positive_weights(
                truths, self.vocabulary.num_predicates, settings,
                directed=learns_directed_pairs(model.relations, settings),
            )  # fmt: skip
            run = RelationRun(model, settings, weights, Ranks())
            plan = BatchPlan(config, len(truths), 1)
            RelationLoop(run, plan, data, config, self.vocabulary).go()
            seconds = time.monotonic() - started
        model.relations.load_state_dict(load_weights(folder / WEIGHTS))
        if not config.relations.frozen:
            model.segmenter.load_state_dict(load_weights(folder / TUNED_SEGMENTER))
        return model.eval(), seconds

    def data_of(self, variant: Variant, model: DsFlash, config: TrainConfig) -> RelationData:
        if config.relations.reads_pictures:
            return open_relation_data(model, self.train, config, self.vocabulary, Ranks())
        return self.train_data(config.relations.masks, config.relations.max_images)

    def _train_data(self, masks: str, max_images: int) -> RelationData:
        """Features and ratios of the training images, once for all seeds."""
        variant = Variant("", training={"masks": masks, "max_images": max_images})
        config = dataclasses.replace(self.config, relations=self.settings(variant))
        return open_relation_data(self.model(variant), self.train, config, self.vocabulary, Ranks())

    def _test_data(self, task: str, mask_resolution: str, merge_ratio: float) -> HeldOut:
        model = self.model(VARIANTS[0], merge_ratio=merge_ratio)
        return self.held_out(model, task, mask_resolution)

    def held_out(self, model: DsFlash, task: str, mask_resolution: str) -> HeldOut:
        """Return the test images as the segmenter of this model sees them."""
        training = {"mask_resolution": mask_resolution}
        settings = dataclasses.replace(
            self.settings(Variant("", training=training)),
            validation_images=self.options.test,
            validation_task=task,
        )
        config = dataclasses.replace(self.config, relations=settings)
        return open_held_out(model, self.test, config, self.vocabulary)

    def scores(self, variant: Variant, model: DsFlash, task: str) -> dict[str, float]:
        """Return the recalls of a trained variant on the test images."""
        resolution = variant.test.get("mask_resolution", "full")
        if variant.training.get("frozen", True):
            held_out = self.test_data(task, resolution, variant.test.get("merge_ratio", 0.0))
        else:
            held_out = self.held_out(model, task, resolution)
        found = evaluate_relations(
            model.relations, held_out.samples, held_out.truths, self.vocabulary, task,
            prune=variant.test.get("prune"),
        )  # fmt: skip
        return {f"{task} {name}": found[name] for name in SCORES}


def is_trained(folder: Path, epochs: int) -> bool:
    """Return whether the last epoch is over; weights are there from the first one on."""
    rows = open_history(folder, "relations").rows()
    return bool(rows) and rows[-1]["epoch"] == epochs


def run_study(study: Study, seeds: list[int], only: list[str]) -> None:
    """Go through variants and seeds, those with a result already left out."""
    results = study.options.out / "results.jsonl"
    done = {(row["variant"], row["seed"]) for row in read_results(results)}
    by_name = {variant.name: variant for variant in VARIANTS}
    for seed in seeds:
        for variant in VARIANTS:
            if (variant.name, seed) in done or (only and variant.name not in only):
                continue
            model, seconds = study.fit(by_name[variant.trained_as or variant.name], seed)
            row = {"variant": variant.name, "seed": seed, "train_s": round(seconds, 1)}
            for task in TASKS:
                row |= study.scores(variant, model, task)
            with results.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(json.dumps(row), flush=True)


def read_results(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a results file; none where there is no file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder of psg train")
    parser.add_argument("--data", type=Path, required=True, help="data set with a test split")
    parser.add_argument("--out", type=Path, required=True, help="folder for weights and results")
    parser.add_argument("--images", type=int, default=1600, help="that train (default: 1600)")
    parser.add_argument("--test", type=int, default=300, help="images to test (default: 300)")
    parser.add_argument("--epochs", type=int, default=6, help="(default: 6)")
    parser.add_argument("--images-per-step", type=int, default=4, help="(default: 4)")
    parser.add_argument("--score", type=float, default=0.5, help="for inferred segments")
    parser.add_argument("--overlap", type=float, default=0.5, help="for inferred segments")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="variants to run")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    facts = {name: str(value) for name, value in vars(options).items()}
    settings = {"machine": describe_machine("torch"), **facts}
    (options.out / "settings.json").write_text(json.dumps(settings, indent=2) + "\n")
    run_study(Study(options), options.seeds, options.only)


if __name__ == "__main__":
    main()
