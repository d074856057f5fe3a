# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What words alone can do: heads that compare with words, on a relation stage that stays frozen.

    python benchmarks/open_vocabulary.py RUN --data data/sim --out build/open_vocabulary.json

RUN is a run folder of `psg train` with `held_out_predicates: novel`, so that its relation stage has
not seen the novel predicates. The stage turns every pair into a vector once; then heads are trained
on these vectors with several seeds, all on the same pairs. Task PredCls.

`ovr`: novel predicates (`psg_ros.open_set`) are taken out of the training of the heads, too. Beside
the text encoder stand the same without the prior from labels, a bag of words, and, for chance,
random vectors in place of the novel words'. The gain of unseen words is found on the images of the
training; `curve` says what each gain costs. `closed`: all predicates are trained; a closed head
beside one that compares with words, and each word replaced by a synonym: by one that is kept back
from all training and from the lexicon (`synonyms.py`), by one of the lexicon, as `psg words` bakes
it, and by the same one as `psg words --literal` does.

Settings are chosen with `--split val`; `--split test` is for the report. Needs the extras train and
words.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from pair_images import Images, only
from synonym_recall import SynonymRecall, encoded, scores_of, synonym_figures, synonym_lists
from torch import Tensor
from torch.nn import functional

from psg_ros.data.opening import open_dataset
from psg_ros.machine import describe_machine
from psg_ros.network.relation_head import RelationHead
from psg_ros.open_set import novel_indices
from psg_ros.training.distributed import Ranks
from psg_ros.training.relations.features import unpack
from psg_ros.training.relations.relation_data import evenly_spaced, open_relation_data
from psg_ros.training.relations.relation_weights import positive_weights
from psg_ros.training.relations.unseen_words import best_gain, louder, measure_gains
from psg_ros.training.relations.word_heads import (
    Lesson,
    Pairs,
    image_vectors,
    join_pairs,
    learn_head,
)
from psg_ros.training.train import load_run
from psg_ros.training.words import label_words, teach

CHANCE_DRAWS = 3
OVR_KINDS = {
    "minilm": ("minilm", True), "minilm, no prior": ("minilm", False),
    "bag_of_words": ("bag_of_words", True),
}  # fmt: skip
"""Text encoder, and whether heads learn with the prior."""
CLOSED_KINDS = {"closed": "", "minilm": "minilm"}
"""Text encoder."""
CURVE = (1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 3.0, 3.5, 4.0, 5.0)
"""Gains of which the cost is reported."""


class Study:
    """One run's vectors, and the heads trained on them."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.model, self.config, self.vocabulary = load_run(args.run)
        self.names = self.vocabulary.predicate_names
        self.train = self._images(args, "train", args.train_images)
        self.judged = self._images(args, args.split, args.test_images)

    def _images(self, args: argparse.Namespace, split: str, count: int) -> Images:
        """Return `count` evenly spaced images of a split; 0: all."""
        settings = dataclasses.replace(
            self.config.relations, validation_images=0, held_out_predicates="none",
            feature_cache=str(args.cache / split),
        )  # fmt: skip
        config = dataclasses.replace(self.config, relations=settings, data=str(args.data))
        dataset = open_dataset(args.data, self.vocabulary, split)
        source = open_relation_data(self.model, dataset, config, self.vocabulary, Ranks()).source
        found = len(source.truths)
        chosen = evenly_spaced(found, min(count or found, found)).tolist()
        stage = self.model.relations

        def feature_maps(features: Tensor) -> Sequence[Tensor]:
            return unpack(features, stage.tap_embedding.shapes, "float32")

        samples = (batch[0][0] for batch in source.batches([(0, place)] for place in chosen))
        vectors = list(image_vectors(stage, feature_maps, samples))
        return Images([source.truths[place] for place in chosen], vectors)

    def pairs(self, part: slice = slice(None)) -> Pairs:
        """Return the pairs of some images of the training, with all relations."""
        images = self.train.part(part)
        return join_pairs(images.vectors, images.truths, len(self.names))

    def start(self, encoder: str, held_out: Sequence[int]) -> RelationHead:
        """Return a head with its words; gate and hidden layer are the run's, scores random."""
        config = dataclasses.replace(self.model.config.relations, text_encoder=encoder)
        head = RelationHead(config, len(self.names))
        kept = self.model.relations.head.state_dict().items()
        head.load_state_dict({n: v for n, v in kept if "mlp.2." not in n}, strict=False)
        if encoder:
            scores_of(head).take_words(encoded(encoder, self.names))
            hidden = [self.names[index] for index in held_out]
            teach(head, encoder, self.names, "predicates", hidden)
        return head

    def lesson(
        self, encoder: str, held_out: Sequence[int], seed: int = 0, prior: bool = True
    ) -> Lesson:
        """Return what heads are taught; the prior is of the same encoder."""
        kept = [
            dataclasses.replace(t, triplets=t.triplets[~np.isin(t.triplets[:, 2], held_out)])
            for t in self.train.truths
        ]
        settings, count = self.config.relations, len(self.names)
        weights = positive_weights([t for t in kept if len(t.triplets)], count, settings)
        words = label_words(encoder, self.vocabulary) if encoder and prior else None
        return Lesson(weights, held_out, words, settings.prior_weight, seed)

    def gain(self, encoder: str, held_out: Sequence[int], *, prior: bool = True) -> float:
        """Return the gain of unseen words, as `gain_search` finds it."""
        middle = len(self.train.truths) // 2
        start = self.start(encoder, held_out)

        def learn(pairs: Pairs, hidden: Sequence[int]) -> RelationHead:
            return learn_head(start, pairs, self.lesson(encoder, hidden, prior=prior))

        halves = self.pairs(slice(middle)), self.pairs(slice(middle, None))
        return best_gain(measure_gains(learn, *halves, self.names, held_out))


def summary(rows: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return mean and standard deviation of each figure over the seeds."""
    return {
        name: {
            "mean": round(float(np.mean([row[name] for row in rows])), 1),
            "sd": round(float(np.std([row[name] for row in rows], ddof=1)), 1),
        }
        for name in rows[0]
    }


def ovr_figures(
    images: Images, head: RelationHead, novel: Sequence[int], gain: float
) -> dict[str, float]:
    """Return how a head does on base and on novel predicates, in percent."""
    found = images.scores(head)
    alone = images.recall(only(found, novel), novel)
    seen, unseen = beside_each_other(images, head, novel, gain)
    plain = beside_each_other(images, head, novel, 1.0)
    return {
        "novel words alone: named right": images.accuracy(found, list(novel)),
        "novel words alone: mR@50": float(np.nanmean(alone[list(novel)])),
        "all words, gain: base mR@50": seen,
        "all words, gain: novel mR@50": unseen,
        "all words, gain: harmonic mean": 2 * seen * unseen / max(seen + unseen, 1e-9),
        "all words, no gain: base mR@50": plain[0],
        "all words, no gain: novel mR@50": plain[1],
    }


def beside_each_other(
    images: Images, head: RelationHead, novel: Sequence[int], gain: float
) -> tuple[float, float]:
    """Return mR@50 of base and of novel predicates, all on offer, in percent."""
    scores = scores_of(head)
    words = scores.words
    scores.take_words(louder(words, novel, gain))
    recalls = images.recall(images.scores(head), range(len(words)))
    scores.take_words(words)
    base = [index for index in range(len(words)) if index not in novel]
    return float(np.nanmean(recalls[base])), float(np.nanmean(recalls[list(novel)]))


def curve_row(images: Images, head: RelationHead, novel: Sequence[int]) -> dict[str, float]:
    """Return what each gain of `CURVE` costs and brings."""
    row = {}
    for gain in CURVE:
        seen, unseen = beside_each_other(images, head, novel, gain)
        row |= {f"{gain:g}: base mR@50": seen, f"{gain:g}: novel mR@50": unseen}
    return row


def by_chance(
    images: Images, head: RelationHead, novel: Sequence[int], gain: float, seed: int
) -> dict[str, float]:
    """Return the figures with random vectors in place of the novel words', the mean of draws."""
    scores, rows = scores_of(head), []
    words = scores.words
    for draw in range(CHANCE_DRAWS):
        generator = torch.Generator().manual_seed(1000 * seed + draw)
        random = words.clone()
        random[list(novel)] = functional.normalize(
            torch.randn(len(novel), words.shape[1], generator=generator), dim=1
        )
        scores.take_words(random)
        rows.append(ovr_figures(images, head, novel, gain))
    scores.take_words(words)
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def ovr_study(study: Study, seeds: Sequence[int], wanted: Sequence[str]) -> dict[str, object]:
    """Return the figures of `ovr`."""
    novel = novel_indices(study.names)
    pairs, images = study.pairs().without(novel), study.judged
    gains: dict[str, float] = {}
    rows: dict[str, list[dict[str, float]]] = {}
    curve: list[dict[str, float]] = []
    for kind in wanted or OVR_KINDS:
        encoder, prior = OVR_KINDS[kind]
        gains[kind] = study.gain(encoder, novel, prior=prior)
        print(kind, "gain", gains[kind], flush=True)
        start = study.start(encoder, novel)
        for seed in seeds:
            head = learn_head(start, pairs, study.lesson(encoder, novel, seed, prior))
            rows.setdefault(kind, []).append(ovr_figures(images, head, novel, gains[kind]))
            print(kind, seed, rows[kind][-1], flush=True)
            if kind == "minilm":
                chance = by_chance(images, head, novel, gains[kind], seed)
                rows.setdefault("chance", []).append(chance)
                curve.append(curve_row(images, head, novel))
    return {
        "novel": [study.names[index] for index in novel],
        "gains": gains,
        "curve": summary(curve) if curve else {},
        "heads": {name: summary(found) for name, found in rows.items()},
    }


def closed_study(study: Study, seeds: Sequence[int], wanted: Sequence[str]) -> dict[str, object]:
    """Return the figures of `closed`."""
    pairs, images, every = study.pairs(), study.judged, range(len(study.names))
    rows: dict[str, list[dict[str, float]]] = {}
    each: dict[str, dict[str, list[dict[str, float]]]] = {}
    for kind in wanted or CLOSED_KINDS:
        encoder = CLOSED_KINDS[kind]
        start = study.start(encoder, ())
        for seed in seeds:
            head = learn_head(start, pairs, study.lesson(encoder, (), seed))
            own = images.recall(images.scores(head), every)
            row = {"mR@50": float(np.nanmean(own))}
            for what, synonyms, senses in synonym_lists(study.names) if encoder else ():
                asked = SynonymRecall(study.judged, study.names, head, encoder, senses)
                table = asked.one_replaced(own, synonyms)
                row |= synonym_figures(what, table, asked.all_replaced(synonyms))
                for name in table:
                    each.setdefault(what, {}).setdefault(name, []).append(table[name])
            rows.setdefault(kind, []).append(row)
            print(kind, seed, row, flush=True)
    return {
        "heads": {name: summary(found) for name, found in rows.items()},
        **{
            f"R@50 of {what} (found: half of the trained word's or more)": {
                name: summary(found) for name, found in tables.items()
            }
            for what, tables in each.items()
        },
    }


def main() -> None:
    """Run the parts and write their figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--part", choices=("closed", "ovr", "both"), default="both")
    parser.add_argument("--kinds", nargs="+", default=(), help="only these heads of a part")
    parser.add_argument("--split", choices=("val", "test"), default="test")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--train-images", type=int, default=0, help="evenly spaced; 0 for all")
    parser.add_argument("--test-images", type=int, default=0, help="evenly spaced; 0 for all")
    parser.add_argument("--cache", type=Path, default=Path("build/open_vocabulary"))
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    started = time.process_time()
    study = Study(args)
    figures: dict[str, object] = {
        "command": f"python benchmarks/open_vocabulary.py RUN --data {args.data.name} --split "
        f"{args.split} --train-images {args.train_images} --test-images {args.test_images}",
        "machine": describe_machine(),
        "images": {"train": len(study.train.truths), args.split: len(study.judged.truths)},
        "seeds": args.seeds,
    }  # fmt: skip
    for part, of_part in (("ovr", ovr_study), ("closed", closed_study)):
        if args.part in (part, "both"):
            figures[part] = of_part(study, range(args.seeds), args.kinds)
            figures["cpu_s"] = round(time.process_time() - started)
            args.out.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
