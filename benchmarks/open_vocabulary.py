# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What words alone can do: heads that compare with words, on relation stages that stay frozen.

    python benchmarks/open_vocabulary.py RUN --data data/sim --out build/open_vocabulary.json

RUN is a run folder of `psg train` with a closed list of predicates. Its relation stage turns every
pair into a vector once; then heads are trained on these vectors, which takes a minute each, with
several seeds. All heads see the same pairs in the same order.

`closed`: all predicates are trained; a closed head beside one that compares with words, and words
that no training has seen in place of trained ones ("resting on" for "lying on").
`ovr`: novel predicates (`psg_ros.open_set`) are taken out of the training of the heads; give a run
that was trained with `held_out_predicates: novel`, whose relation stage has not seen them either.
Beside the text encoder stand a bag of words and, for chance, random vectors in place of the novel
words'. Task PredCls, on the split test. Needs the extras train and open-vocabulary.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from psg_ros.data.opening import open_dataset
from psg_ros.evaluation.metrics.evaluator import Evaluator
from psg_ros.labels import Vocabulary, phrase
from psg_ros.machine import describe_machine
from psg_ros.network.config import RelationConfig
from psg_ros.network.dsflash import RelationStage
from psg_ros.network.relation_head import RelationHead
from psg_ros.network.word_scores import word_scores
from psg_ros.open_set import novel_indices
from psg_ros.robot.graph_nodes import describe_nodes
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import RelationScores, SceneGraph
from psg_ros.text.encoders import open_encoder
from psg_ros.training.distributed import Ranks
from psg_ros.training.losses import relation_targets
from psg_ros.training.relations.features import unpack
from psg_ros.training.relations.relation_data import open_held_out, open_relation_data
from psg_ros.training.relations.relation_losses import pair_vectors
from psg_ros.training.relations.relation_samples import RelationSample
from psg_ros.training.relations.relation_weights import positive_weights
from psg_ros.training.relations.validation import ValidationTruth, all_pairs
from psg_ros.training.train import load_run

SYNONYMS = {
    "lying on": "resting on", "beside": "next to", "in": "inside", "over": "above",
    "holding": "grasping", "touching": "in contact with", "walking on": "strolling on",
    "hanging from": "suspended from",
}  # fmt: skip
"""Trained predicate -> words that no training has seen."""
STEPS, BATCH_PAIRS, RATE = 200, 512, 2e-3
CHANCE_DRAWS = 1


@dataclass(frozen=True)
class Pairs:
    """All pairs i < j of some images: vectors [pair, dim], both targets, which image."""

    vectors: Tensor
    targets: Tensor
    image: Tensor


def vectors_of(stage: RelationStage, samples: Sequence[RelationSample]) -> Iterator[Tensor]:
    """Yield the vectors [pair, dim] of all pairs of each image."""
    for sample in samples:
        ends = all_pairs(len(sample.overlap))
        with torch.inference_mode():
            maps = unpack(sample.features[None], stage.tap_embedding.shapes, "float32")
            cells = stage.tap_embedding(maps)
            image = torch.zeros(len(ends), dtype=torch.int64)
            yield pair_vectors(stage, cells, image, sample.overlap[ends], sample.boxes[ends])


def train_head(
    start: RelationHead, config: RelationConfig, pairs: Pairs, weights: Tensor,
    words: Tensor | None, held_out: Sequence[int], seed: int,
) -> RelationHead:  # fmt: skip
    """Return a head that has learned from these pairs; half as many unrelated ones as related.

    Args:
        start: the head of the run: gate and hidden layer begin like its own, the scores from
            nothing.
    """
    torch.manual_seed(seed)
    head = RelationHead(config, len(weights) - 1)
    if (scores := word_scores(head)) is not None and words is not None:
        scores.take_words(words)
    own = {n: v for n, v in start.state_dict().items() if not n.startswith("mlp.2.")}
    head.load_state_dict(own, strict=False)
    columns = torch.ones_like(weights)
    columns[[1 + predicate for predicate in held_out]] = 0
    related = (pairs.targets[:, :, 0] == 0).any(dim=1)
    positive, negative = related.nonzero()[:, 0], (~related).nonzero()[:, 0]
    optimizer = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    half = BATCH_PAIRS * 2 // 3
    for _ in range(STEPS):
        chosen = torch.cat(
            [
                positive[torch.randint(len(positive), (half,))],
                negative[torch.randint(len(negative), (BATCH_PAIRS - half,))],
            ]
        )
        logits = torch.stack(head(pairs.vectors[chosen]), dim=1)
        loss = functional.binary_cross_entropy_with_logits(
            logits, pairs.targets[chosen], pos_weight=weights, reduction="none"
        )
        optimizer.zero_grad()
        (loss * columns / columns.mean()).mean().backward()
        optimizer.step()
        schedule.step()
    return head.eval()


class Test:
    """The split test, with the vectors of all pairs."""

    def __init__(
        self, stage: RelationStage, samples: Sequence[RelationSample],
        truths: Sequence[ValidationTruth], vocabulary: Vocabulary,
    ) -> None:  # fmt: skip
        self.vocabulary, self.truths = vocabulary, truths
        self.vectors = list(vectors_of(stage, samples))

    def logits(self, head: RelationHead) -> list[RelationScores]:
        """Return the scores of both directions of all pairs of each image."""
        found = []
        for vectors, image in zip(self.vectors, self.truths, strict=True):
            with torch.inference_mode():
                both = torch.cat(head(vectors)).numpy()
            ends = all_pairs(image.segmentation.num_segments)
            found.append(RelationScores(torch.cat((ends, ends.flip(1))).int().numpy(), both))
        return found

    def scores(
        self, found: Sequence[RelationScores], counted: Sequence[int] | None = None
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Return figures in percent, and R@50 of each predicate.

        Args:
            counted: predicates whose triplets count; None: all.
        """
        evaluator = Evaluator(self.vocabulary, "PredCls", (20, 50, 100))
        for image, scores in zip(self.truths, found, strict=True):
            truth = image.truth
            if counted is not None:
                kept = np.isin(truth.triplets[:, 2], counted)
                truth = dataclasses.replace(truth, triplets=truth.triplets[kept])
            if not len(truth.triplets):
                continue
            segmentation = image.segmentation
            regions = measure_regions(segmentation.label_map, segmentation.num_segments)
            nodes = describe_nodes(segmentation, regions, self.vocabulary)
            evaluator.add(truth.image_id, truth, SceneGraph(segmentation, nodes, (), scores))
        report = evaluator.report()
        each = {row.name: row.recall["R@50"] for row in report.per_predicate}
        return {name: report.scores[name] for name in ("R@50", "mR@50", "mNgR@50")}, each

    def accuracy(self, found: Sequence[RelationScores], words: Sequence[int]) -> float:
        """Return how often the best of some words is the annotated one, the mean over these words.

        Asked for each annotated direction that has one of them; chance is 1 / words.
        """
        right, asked = np.zeros(len(words)), np.zeros(len(words))
        for image, scores in zip(self.truths, found, strict=True):
            row = {tuple(ends): i for i, ends in enumerate(scores.pairs.tolist())}
            for subject, other, predicate in image.truth.triplets.tolist():
                if predicate in words and subject != other:
                    logits = scores.logits[row[subject, other]][[1 + word for word in words]]
                    asked[words.index(predicate)] += 1
                    right[words.index(predicate)] += words[int(logits.argmax())] == predicate
        return float(100 * (right / np.maximum(asked, 1))[asked > 0].mean())


def only(found: Sequence[RelationScores], words: Sequence[int]) -> list[RelationScores]:
    """Return the scores as if the vocabulary were these words alone."""
    result = []
    for scores in found:
        logits = np.full_like(scores.logits, -1e4)
        columns = [0, *(1 + word for word in words)]
        logits[:, columns] = scores.logits[:, columns]
        result.append(RelationScores(scores.pairs, logits))
    return result


def encoded(encoder: str, names: Sequence[str]) -> Tensor:
    """Return the vectors of names."""
    return torch.from_numpy(open_encoder(encoder).encode([phrase(name) for name in names]))


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return mean and standard deviation."""
    return {"mean": round(float(np.mean(values)), 2), "sd": round(float(np.std(values, ddof=1)), 2)}


def summary(rows: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Return mean and standard deviation of each figure over the seeds."""
    return {name: spread([row[name] for row in rows]) for name in rows[0]}


class Study:
    """One run's vectors, and the heads trained on them."""

    def __init__(self, run: Path, data: Path, cache: Path, num_train: int, num_test: int) -> None:
        model, config, self.vocabulary = load_run(run)
        settings = dataclasses.replace(
            config.relations, validation_images=0, validation_task="PredCls",
            feature_cache=str(cache), held_out_predicates="none",
        )  # fmt: skip
        self.settings, self.config = settings, model.config.relations
        self.start = model.relations.head
        config = dataclasses.replace(config, relations=settings, data=str(data))
        opened = {s: open_dataset(data, self.vocabulary, s) for s in ("train", "test")}
        train = open_relation_data(model, opened["train"], config, self.vocabulary, Ranks())
        source = train.source
        self.truths = source.truths[: num_train or None]
        places = [[(0, index)] for index in range(len(self.truths))]
        samples = (batch[0][0] for batch in source.batches(places))
        vectors = list(vectors_of(model.relations, samples))  # type: ignore[arg-type]
        count = sum(len(record.triplets) > 0 for record in opened["test"].records)
        testing = dataclasses.replace(
            config, relations=dataclasses.replace(
                settings, validation_images=count, feature_cache=str(cache.with_name("test"))
            )
        )  # fmt: skip
        held = open_held_out(model, opened["test"], testing, self.vocabulary)
        kept = slice(num_test or None)
        self.test = Test(model.relations, held.samples[kept], held.truths[kept], self.vocabulary)
        self.vectors = vectors

    def pairs(self, held_out: Sequence[int]) -> Pairs:
        """Return the training pairs, without the relations of some predicates."""
        targets, image = [], []
        for index, truth in enumerate(self.truths):
            kept = truth.triplets[~np.isin(truth.triplets[:, 2], list(held_out))]
            ends, known = all_pairs(truth.num_segments), torch.from_numpy(kept)
            count = self.vocabulary.num_predicates
            both = [relation_targets(known, way, count) for way in (ends, ends.flip(1))]
            targets.append(torch.stack(both, dim=1))
            image.append(torch.full((len(ends),), index))
        return Pairs(torch.cat(self.vectors), torch.cat(targets), torch.cat(image))

    def weights(self, held_out: Sequence[int]) -> Tensor:
        """Return the weights of positives, as stage 2 of training has them."""
        kept = [
            dataclasses.replace(
                truth, triplets=truth.triplets[~np.isin(truth.triplets[:, 2], list(held_out))]
            )
            for truth in self.truths
        ]
        count = self.vocabulary.num_predicates
        return positive_weights([t for t in kept if len(t.triplets)], count, self.settings)

    def head(self, encoder: str, held_out: Sequence[int], pairs: Pairs, seed: int) -> RelationHead:
        """Return a trained head; without an encoder one of a closed list."""
        config = dataclasses.replace(self.config, text_encoder=encoder)
        words = encoded(encoder, self.vocabulary.predicate_names) if encoder else None
        weights = self.weights(held_out)
        return train_head(self.start, config, pairs, weights, words, held_out, seed)


def closed_study(study: Study, seeds: Sequence[int]) -> dict[str, object]:
    """Return the figures of `closed`."""
    pairs, names = study.pairs(()), study.vocabulary.predicate_names
    rows: dict[str, list[dict[str, float]]] = {"closed": [], "minilm": []}
    replaced: dict[str, list[dict[str, float]]] = {}
    for seed in seeds:
        for encoder in ("", "minilm"):
            head = study.head(encoder, (), pairs, seed)
            figures, each = study.test.scores(study.test.logits(head))
            rows[encoder or "closed"].append(figures)
            print(seed, encoder or "closed", figures, flush=True)
        for name, other in SYNONYMS.items():
            words = [other if one == name else one for one in names]
            scores = word_scores(head)
            assert scores is not None
            scores.take_words(encoded("minilm", words))
            index = names.index(name)
            now = study.test.scores(study.test.logits(head), [index])[0]["R@50"]
            unrelated = [("purple" if one == name else one) for one in names]
            scores.take_words(encoded("minilm", unrelated))
            never = study.test.scores(study.test.logits(head), [index])[0]["R@50"]
            row = {"trained word": each[name], "other word": now, "unrelated word": never}
            replaced.setdefault(f"{name} -> {other}", []).append(row)
            print(seed, name, other, row, flush=True)
    return {
        "heads": {name: summary(found) for name, found in rows.items()},
        "R@50 of synonyms": {name: summary(found) for name, found in replaced.items()},
    }


def ovr_study(study: Study, seeds: Sequence[int]) -> dict[str, object]:
    """Return the figures of `ovr`."""
    names = study.vocabulary.predicate_names
    novel = novel_indices(names)
    base = [index for index in range(len(names)) if index not in novel]
    pairs = study.pairs(novel)
    rows: dict[str, list[dict[str, float]]] = {}
    for seed in seeds:
        for encoder in ("minilm", "bag_of_words"):
            head = study.head(encoder, novel, pairs, seed)
            rows.setdefault(encoder, []).append(ovr_figures(study.test, head, novel, base))
            print(seed, encoder, rows[encoder][-1], flush=True)
            if encoder != "minilm":
                continue
            scores = word_scores(head)
            assert scores is not None
            draws = []
            for draw in range(CHANCE_DRAWS):
                generator = torch.Generator().manual_seed(1000 * seed + draw)
                words = scores.words.clone()
                random = torch.randn(len(novel), words.shape[1], generator=generator)
                words[list(novel)] = functional.normalize(random, dim=1)
                kept = scores.words
                scores.take_words(words)
                draws.append(ovr_figures(study.test, head, novel, base))
                scores.take_words(kept)
            rows.setdefault("chance", []).append(
                {name: float(np.mean([draw[name] for draw in draws])) for name in draws[0]}
            )
            print(seed, "chance", rows["chance"][-1], flush=True)
    return {
        "novel": [names[index] for index in novel],
        "heads": {name: summary(found) for name, found in rows.items()},
    }


def ovr_figures(
    test: Test, head: RelationHead, novel: Sequence[int], base: Sequence[int]
) -> dict[str, float]:
    """Return how a head does on base and on novel predicates."""
    names, found = test.vocabulary.predicate_names, test.logits(head)
    each = test.scores(found)[1]
    alone = test.scores(only(found, novel), novel)[0]
    return {
        "base mR@50": float(np.nanmean([each[names[index]] for index in base])),
        "novel mR@50": float(np.nanmean([each[names[index]] for index in novel])),
        "novel words alone mR@50": alone["mR@50"],
        "novel words alone accuracy": test.accuracy(found, list(novel)),
    }


def main() -> None:
    """Run one part and write its figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--part", choices=("closed", "ovr", "both"), default="both")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--train-images", type=int, default=0, help="the first ones; 0 for all")
    parser.add_argument("--test-images", type=int, default=0, help="the first ones; 0 for all")
    parser.add_argument("--cache", type=Path, default=Path("build/open_vocabulary/cache"))
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    started = time.monotonic()
    study = Study(args.run, args.data, args.cache, args.train_images, args.test_images)
    figures: dict[str, object] = {}
    if args.part in ("ovr", "both"):
        figures["ovr"] = ovr_study(study, range(args.seeds))
    if args.part in ("closed", "both"):
        figures["closed"] = closed_study(study, range(args.seeds))
    about = {
        "seeds": args.seeds, "machine": describe_machine(),
        "images": {"train": len(study.truths), "test": len(study.test.truths)},
        "seconds": round(time.monotonic() - started),
    }  # fmt: skip
    args.out.write_text(json.dumps(about | figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
