# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Class heads that compare with words, on a segmenter that stays frozen.

    python benchmarks/open_vocabulary_classes.py RUN --data data/sim --out build/classes.json

RUN is a run folder whose segmenter has a closed list. Its queries are computed once; each goes with
the segment that its mask fits best. On them heads are trained, several seeds each: a closed one and
one that compares with words. Judged are panoptic quality, with the masks of the segmenter and the
thresholds of `--score` and `--overlap`, and how many of the matched queries are named right: by the
trained names, and with one name after the other replaced by a synonym: by one that is kept back
from all training and from the lexicon (`synonyms.py`), by one of the lexicon, as `psg words` bakes
it, and by the same one as `psg words --literal` does. Needs the extras train and words.
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
from open_vocabulary import summary
from synonym_recall import IN_LEXICON, KEPT_BACK, LITERAL, Synonyms, encoded
from synonyms import CLASS_SYNONYMS, lexicon_synonyms
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.data.dataset import read_picture
from psg_ros.data.opening import open_dataset
from psg_ros.evaluation.metrics.overlap import measure_overlap
from psg_ros.evaluation.metrics.panoptic_quality import PanopticCounts, panoptic_counts
from psg_ros.evaluation.metrics.report_rows import panoptic_means
from psg_ros.labels import phrase
from psg_ros.machine import describe_machine
from psg_ros.network.word_scores import WordScores
from psg_ros.robot.ops.image import resize_nearest
from psg_ros.robot.ops.panoptic import merge
from psg_ros.text.lexicon import load_lexicon, ways_to_mean
from psg_ros.training.config import SegmentationTraining
from psg_ros.training.relations.relation_data import evenly_spaced
from psg_ros.training.relations.relation_pictures import network_input
from psg_ros.training.relations.relation_samples import sample_format
from psg_ros.training.segmenter.matcher import match
from psg_ros.training.train import load_run
from psg_ros.training.words import teach
from psg_ros.word_senses import Senses

Table = dict[str, dict[str, float]]
"""Name and synonym -> how often the class is named right by each, in percent."""
STEPS, BATCH, RATE, DECAY, NO_OBJECT = 400, 1024, 2e-3, 0.02, 0.1


@dataclasses.dataclass(frozen=True)
class Seen:
    """What the segmenter saw of some images.

    Attributes:
        queries: float32 [image, query, width], before the class head.
        wanted: int64 [image, query]; the label of the segment that a query fits, or the number of
            labels.
        own: float32 [image, query, label + 1]; logits of the segmenter's own class head.
        masks: float16 [image, query, h, w].
        items: the annotated images.
    """

    queries: Tensor
    wanted: Tensor
    own: Tensor
    masks: Tensor
    items: Sequence[AnnotatedImage]


class Study:
    """A run's segmenter, and what it sees."""

    def __init__(self, run: Path, data: Path) -> None:
        self.model, _, self.vocabulary = load_run(run, with_relations=False)
        self.data, self.format = data, sample_format(self.model, "full")
        self.is_thing = np.array([label.is_thing for label in self.vocabulary.labels])

    def look(self, split: str, count: int) -> Seen:
        """Run the segmenter over evenly spaced images of a split; 0: all."""
        dataset, segmenter = open_dataset(self.data, self.vocabulary, split), self.model.segmenter
        kept: list[Tensor] = []
        hook = segmenter.class_head.register_forward_pre_hook(lambda _, args: kept.append(args[0]))
        rows, items = [], []
        for place in evenly_spaced(len(dataset), min(count or len(dataset), len(dataset))).tolist():
            item = dataset[place]
            pixels = torch.from_numpy(network_input(read_picture(item), self.format))
            with torch.no_grad():
                logits, masks, _ = segmenter(pixels.permute(2, 0, 1)[None].float())
            rows.append((kept.pop()[0], self._wanted(item, masks[0]), logits[0], masks[0].half()))
            items.append(item)
        hook.remove()
        return Seen(*(torch.stack(part) for part in zip(*rows, strict=True)), items)

    def _wanted(self, item: AnnotatedImage, masks: Tensor) -> Tensor:
        """Return the label that each query should have, int64 [query]."""
        truth, (height, width) = item.segmentation, self.format.input_hw
        placement = self.format.place(truth.image_hw)
        content = resize_nearest(truth.label_map, placement.content_hw, placement.image_hw)
        whole = torch.full((height, width), -1)
        whole[: content.shape[0], : content.shape[1]] = torch.from_numpy(content)
        segments = torch.arange(truth.num_segments)[:, None, None]
        stride = self.model.config.segmenter.mask_stride
        shares = functional.avg_pool2d((whole[None] == segments).float()[:, None], stride)
        labels = torch.from_numpy(truth.labels)
        found = match(None, masks.flatten(1), labels, shares.flatten(1), SegmentationTraining())
        wanted = torch.full((len(masks),), self.vocabulary.num_labels)
        wanted[found[0]] = labels[found[1]]
        return wanted

    def head(self, encoder: str, seen: Seen, seed: int) -> nn.Module:
        """Return a trained head; without an encoder one of a closed list."""
        torch.manual_seed(seed)
        width, count = seen.queries.shape[2], self.vocabulary.num_labels
        head: nn.Module = nn.Linear(width, count + 1)
        if encoder:
            names = self.vocabulary.label_names
            words = encoded(encoder, names)
            scores = WordScores(width, words.shape[1], count, none_first=False)
            scores.take_words(words)
            teach(scores, encoder, names, "classes", ())
            head = scores.train()
        weights = torch.ones(count + 1)
        weights[count] = NO_OBJECT
        queries, wanted = seen.queries.flatten(0, 1), seen.wanted.flatten()
        optimizer = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=DECAY)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
        for _ in range(STEPS):
            chosen = torch.randint(len(queries), (BATCH,))
            logits = head(queries[chosen])
            loss = functional.cross_entropy(logits, wanted[chosen], weight=weights)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        return head.eval()

    def quality(self, seen: Seen, logits: Tensor, score: float, overlap: float) -> float:
        """Return PQ in percent of the masks with these class logits [image, query, label + 1]."""
        count = self.vocabulary.num_labels
        counts = PanopticCounts.empty(count)
        for item, classes, masks in zip(seen.items, logits, seen.masks, strict=True):
            truth = item.segmentation
            merged = merge(
                classes.numpy(), masks.float().numpy(), self.format.place(truth.image_hw),
                resolution="input", score_threshold=score, overlap_threshold=overlap,
                is_thing=self.is_thing,
            )  # fmt: skip
            found = merged.segmentation
            common = measure_overlap(truth, found)
            counts += panoptic_counts(truth, item.is_crowd, found, common, count)
        return panoptic_means(counts, self.vocabulary)["PQ"]


def named_right(logits: Tensor, wanted: Tensor) -> np.ndarray:
    """Return of each label how often it is the best one of matched queries; NaN of absent ones."""
    count = logits.shape[-1] - 1
    best = logits[..., :count].argmax(dim=-1)
    shares = np.full(count, np.nan)
    for label in range(count):
        if (here := wanted == label).any():
            shares[label] = float(100 * (best[here] == label).float().mean())
    return shares


def synonym_lists(names: Sequence[str]) -> list[tuple[str, Synonyms, Senses]]:
    """Return what each list is called, the list, and what `psg words` knows when it bakes it."""
    others, taught = load_lexicon().classes, frozenset(map(phrase, names))
    senses = Senses(taught, ways_to_mean(others, taught))
    known = lexicon_synonyms(names, others)
    return [
        (KEPT_BACK, {name: (other,) for name, other in CLASS_SYNONYMS.items()}, senses),
        (IN_LEXICON, known, senses),
        (LITERAL, known, dataclasses.replace(senses, literal=True)),
    ]


def synonym_figures(what: str, table: Table) -> dict[str, float]:
    """Return the figures of the list of synonyms that is called `what`, in percent."""
    return {
        f"{what}: named right": float(np.mean([row["synonym"] for row in table.values()])),
        f"{what}: found, %": float(
            100 * np.mean([row["synonym"] >= row["name"] / 2 for row in table.values()])
        ),
    }


def replaced(
    head: WordScores, names: Sequence[str], seen: Seen, synonyms: Synonyms, senses: Senses
) -> Table:
    """Return how often each class is named right, by its name and by each of its synonyms."""
    words, table = head.words, {}
    with torch.no_grad():
        own = named_right(head(seen.queries), seen.wanted)
    for index, name in enumerate(map(phrase, names)):
        here = seen.wanted == index
        for other in synonyms.get(name, ()) if here.any() else ():
            others = words.clone()
            asked = [*names[:index], other, *names[index + 1 :]]
            others[index] = encoded("minilm", [senses.spoken(asked)[index]])[0]
            head.take_words(others)
            with torch.no_grad():
                best = head(seen.queries[here])[:, : len(names)].argmax(dim=1)
            share = float(100 * (best == index).float().mean())
            table[f"{name} -> {other}"] = {"name": own[index], "synonym": share}
    head.take_words(words)
    return table


def main() -> None:
    """Train, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", choices=("val", "test"), default="test")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--train-images", type=int, default=0)
    parser.add_argument("--test-images", type=int, default=0)
    parser.add_argument("--score", type=float, default=0.5)
    parser.add_argument("--overlap", type=float, default=0.5)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    started, study = time.process_time(), Study(args.run, args.data)
    train, judged = study.look("train", args.train_images), study.look(args.split, args.test_images)
    thresholds = args.score, args.overlap
    rows: dict[str, list[dict[str, float]]] = {}
    names = study.vocabulary.label_names
    each: dict[str, dict[str, list[dict[str, float]]]] = {}
    for kind, encoder in (("closed", ""), ("minilm", "minilm")):
        for seed in range(args.seeds):
            head = study.head(encoder, train, seed)
            with torch.no_grad():
                logits = head(judged.queries)
            right = float(np.nanmean(named_right(logits, judged.wanted)))
            row = {"PQ": study.quality(judged, logits, *thresholds), "named right": right}
            for what, synonyms, senses in synonym_lists(names):
                if not isinstance(head, WordScores):
                    continue
                table = replaced(head, names, judged, synonyms, senses)
                row |= synonym_figures(what, table)
                for name, one in table.items():
                    each.setdefault(what, {}).setdefault(name, []).append(one)
            rows.setdefault(kind, []).append(row)
            print(kind, seed, row, flush=True)
    figures = {
        "command": f"python benchmarks/open_vocabulary_classes.py RUN --data {args.data.name} "
        f"--split {args.split} --train-images {args.train_images} "
        f"--test-images {args.test_images}",
        "machine": describe_machine(), "seeds": args.seeds,
        "images": {"train": len(train.items), args.split: len(judged.items)},
        "PQ of the segmenter's own class head": round(
            study.quality(judged, judged.own, *thresholds), 1
        ),
        "heads": {kind: summary(found) for kind, found in rows.items()},
        **{
            f"named right, with one name replaced, {what}": {
                name: summary(found) for name, found in tables.items()
            }
            for what, tables in each.items()
        },
        "cpu_s": round(time.process_time() - started),
    }  # fmt: skip
    args.out.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
