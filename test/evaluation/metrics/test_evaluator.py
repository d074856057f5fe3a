# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The evaluator as a whole: against a second telling of the protocol, and at its edges."""

import math
from pathlib import Path

import numpy as np
import pytest

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.evaluation.metrics.evaluator import Evaluator, ImageFigures
from psg_ros.evaluation.metrics.recall import PAIRS
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.scene_graph import RelationScores, SceneGraph, SceneNode, SceneRelation, Segmentation

VOCABULARY = Vocabulary(
    tuple(ObjectLabel(name, name < "m", (9, 9, 9)) for name in ("cat", "dog", "sand", "wall|old")),
    tuple(Predicate(name) for name in ("over", "beside", "on", "eating", "behind")),
)
NUM_PREDICATES = VOCABULARY.num_predicates


def segmentation(rows, labels):
    return Segmentation(
        np.array(rows, np.int32), np.array(labels, np.int64), np.ones(len(labels), np.float32)
    )


def graph_of(masks, pairs, logits):
    nodes = tuple(
        SceneNode(i, 0, "cat", True, 1.0, (0, 0, 1, 1), (0.0, 0.0), 1, False)
        for i in range(masks.num_segments)
    )
    scores = RelationScores(
        np.array(pairs, np.int32).reshape(-1, 2),
        np.array(logits, np.float32).reshape(-1, 1 + NUM_PREDICATES),
    )
    return SceneGraph(masks, nodes, (), scores)


def annotated(image_id, masks, triplets):
    crowd = np.zeros(masks.num_segments, bool)
    triplets = np.array(triplets, np.int64).reshape(-1, 3)
    return AnnotatedImage(image_id, Path(f"{image_id}.jpg"), masks, triplets, crowd)


def all_pairs(count):
    return [(s, o) for s in range(count) for o in range(count) if s != o]


def perfect_graph(truth):
    """Say of every pair exactly what is annotated."""
    pairs = all_pairs(truth.segmentation.num_segments)
    logits = np.full((len(pairs), 1 + NUM_PREDICATES), -8.0)
    logits[:, 0] = 8.0
    for subject, object_, predicate in truth.triplets.tolist():
        if subject != object_:
            row = pairs.index((subject, object_))
            logits[row, [0, 1 + predicate]] = -8.0, 8.0
    return graph_of(truth.segmentation, pairs, logits)


def random_truth(rng, image_id):
    masks = segmentation(
        np.kron(rng.integers(-1, 6, (5, 5)), np.ones((3, 3))), rng.integers(0, 4, 6)
    )
    triplets = np.column_stack((rng.integers(0, 6, (9, 2)), rng.integers(0, NUM_PREDICATES - 1, 9)))
    # Self relations come by chance; the first two triplets appear twice.
    triplets = np.concatenate((triplets, triplets[:2]))[: rng.choice([0, 11, 11])]
    return annotated(image_id, masks, triplets)


def random_graph(rng, truth):
    """Noisy masks in another order, a random half of the pairs, few distinct logits: many ties."""
    old = truth.segmentation
    order = rng.permutation(old.num_segments)
    label_map = np.append(order, -1)[old.label_map]
    stray = rng.random(label_map.shape) < rng.choice([0.1, 0.4])
    label_map[stray] = rng.integers(-1, old.num_segments, stray.sum())
    masks = segmentation(label_map, old.labels[np.argsort(order)])
    pairs = [pair for pair in all_pairs(old.num_segments) if rng.random() < 0.5]
    return graph_of(masks, pairs, rng.integers(-2, 3, (len(pairs), 1 + NUM_PREDICATES)))


def restated(images, k):
    """SingleMPO told in loops and dictionaries; percent by name."""
    per_image = {name: [] for name in ("R", "NgR", "inf")}
    per_predicate = {name: {} for name in per_image}
    for truth, graph in images:
        triplets = [tuple(t) for t in truth.triplets.tolist() if t[0] != t[1]]
        if not triplets:
            continue
        partner = restated_match(truth, graph)
        hits = {name: [] for name in per_image}
        if graph is not None:
            best, best_ng = restated_ranking(graph.relation_scores)
            allowed = len({t[:2] for t in triplets}) if k == "pairs" else k
            hits["R"] = [(partner.get(s), partner.get(o), p) for s, o, p in best[:allowed]]
            hits["NgR"] = [(partner.get(s), partner.get(o), p) for s, o, p in best_ng[:allowed]]
            reached = set(partner.values())
            hits["inf"] = [t for t in triplets if t[0] in reached and t[1] in reached]
        for name, answers in hits.items():
            per_image[name].append(sum(t in answers for t in triplets) / len(triplets))
            for predicate in {t[2] for t in triplets}:
                mine = [t in answers for t in triplets if t[2] == predicate]
                per_predicate[name].setdefault(predicate, []).append(sum(mine) / len(mine))
    names = {"R": f"R@{k}", "NgR": f"NgR@{k}", "inf": "R@inf"}
    mean = lambda values: sum(values) / len(values)  # noqa: E731
    result = {names[n]: 100 * mean(v) for n, v in per_image.items()}
    for n, table in per_predicate.items():
        result["m" + names[n]] = 100 * mean([mean(v) for v in table.values()])
    return result


def restated_box_bound(images):
    """R@inf_box: mean over images of the share of triplets with both ends boxed, percent."""
    shares = []
    for truth, graph in images:
        triplets = [t for t in truth.triplets.tolist() if t[0] != t[1]]
        if triplets:
            boxed = restated_boxed(truth.segmentation, graph.segmentation) if graph else set()
            shares.append(sum(t[0] in boxed and t[1] in boxed for t in triplets) / len(triplets))
    return 100 * sum(shares) / len(shares)


def restated_boxed(real, said):
    def box(masks, index):
        rows, columns = np.nonzero(masks.label_map == index)
        if not len(rows):
            return set()
        spans = range(rows.min(), rows.max() + 1), range(columns.min(), columns.max() + 1)
        return {(row, column) for row in spans[0] for column in spans[1]}

    guesses = [(said.labels[j], box(said, j)) for j in range(said.num_segments)]
    return {
        i
        for i in range(real.num_segments)
        for label, guess in guesses
        if label == real.labels[i]
        and guess
        and 2 * len(box(real, i) & guess) >= len(box(real, i) | guess)
    }


def restated_match(truth, graph):
    partner = {}
    if graph is None:
        return partner
    for j in range(graph.segmentation.num_segments):
        guess = graph.segmentation.label_map == j
        for i in range(truth.segmentation.num_segments):
            real = truth.segmentation.label_map == i
            same = truth.segmentation.labels[i] == graph.segmentation.labels[j]
            if same and 2 * (guess & real).sum() > (guess | real).sum():
                partner[j] = i
    return partner


def restated_ranking(scores):
    sigmoid = lambda x: 1 / (1 + math.exp(-x))  # noqa: E731
    one, many = [], []
    for (s, o), row in zip(scores.pairs.tolist(), scores.logits.tolist(), strict=True):
        predicate = row[1:].index(max(row[1:]))
        one.append((row[0], s, o, predicate))
        for p, logit in enumerate(row[1:]):
            many.append((-sigmoid(-row[0]) * sigmoid(logit), s, o, p))
    return [t[1:] for t in sorted(one)], [t[1:] for t in sorted(many)]


def test_agrees_with_a_second_telling_of_the_protocol():
    rng = np.random.default_rng(3)
    images = []
    for number in range(60):
        truth = random_truth(rng, str(number))
        images.append((truth, random_graph(rng, truth) if rng.random() < 0.85 else None))
    evaluator = Evaluator(VOCABULARY, "SGDet", ks=(1, 5, 12, 100, PAIRS))
    for truth, graph in images:
        evaluator.add(truth.image_id, truth, graph)
    report = evaluator.report()
    for k in (1, 5, 12, 100, "pairs"):
        for name, percent in restated(images, k).items():
            assert 0 < percent < 100
            assert report.scores[name] == pytest.approx(percent, abs=1e-9), name
    bound = restated_box_bound(images)
    assert 0 < bound < 100 and bound != report.scores["R@inf"]
    assert report.scores["R@inf_box"] == pytest.approx(bound, abs=1e-9)
    assert report.num_missing == sum(graph is None for _, graph in images) > 0
    related = sum((t.triplets[:, 0] != t.triplets[:, 1]).any() for t, _ in images)
    assert report.num_related_images == related < 60


def without_ghosts_or_repeats(rng, number):
    """A truth that graph constraint can find whole: every segment visible, one predicate a pair."""
    masks = segmentation([[0, 0, 1, 1], [2, 2, 3, 3]], rng.integers(0, 4, 4))
    pairs = rng.permutation(all_pairs(4))[:5]
    return annotated(str(number), masks, np.column_stack((pairs, rng.integers(0, 5, 5))))


@pytest.mark.parametrize("task", ["SGDet", "PredCls"])
def test_truth_against_itself_gives_100_everywhere(task):
    rng = np.random.default_rng(5)
    evaluator = Evaluator(VOCABULARY, task)
    for number in range(20):
        truth = without_ghosts_or_repeats(rng, number)
        evaluator.add(truth.image_id, truth, perfect_graph(truth))
    report = evaluator.report()
    # R, NgR, mR, mNgR at 20, 50, 100, pairs; R and mR without limit; by boxes; PQ, SQ, RQ.
    assert len(report.scores) == (18 + 1 + 9 if task == "SGDet" else 18)
    assert set(report.scores.values()) == {100.0}


def test_missing_images_lower_the_recall_and_the_quality():
    rng = np.random.default_rng(6)
    first, second = (without_ghosts_or_repeats(rng, number) for number in range(2))
    evaluator = Evaluator(VOCABULARY)
    evaluator.add("0", first, perfect_graph(first))
    evaluator.add("1", second, None)
    report = evaluator.report()
    assert report.scores["R@20"] == 50.0
    assert report.num_missing == 1
    assert sum(row.false_negatives for row in report.per_class) == 4


def test_two_predicates_of_one_pair_are_half_found_under_graph_constraint():
    truth = annotated("a", segmentation([[0, 1]], [0, 2]), [(0, 1, 2), (0, 1, 1)])
    evaluator = Evaluator(VOCABULARY)
    evaluator.add("a", truth, perfect_graph(truth))
    scores = evaluator.report().scores
    assert scores["R@20"] == 50.0 and scores["NgR@20"] == 100.0 and scores["R@inf"] == 100.0


def test_given_masks_match_by_index_even_where_masks_cannot_tell():
    # Segment 1 lost its pixels: no IoU can match it, but PredCls gives it.
    truth = annotated("a", segmentation([[0, 0]], [0, 2]), [(0, 1, 2)])
    given, detected = Evaluator(VOCABULARY, "PredCls"), Evaluator(VOCABULARY, "SGDet")
    for evaluator in (given, detected):
        evaluator.add("a", truth, perfect_graph(truth))
    assert given.report().scores["R@20"] == 100.0
    assert detected.report().scores["R@20"] == 0.0


def test_nothing_added_gives_a_report_without_numbers():
    report = Evaluator(VOCABULARY).report()
    assert report.num_images == 0
    assert all(math.isnan(value) for value in report.scores.values())
    assert report.to_dict()["scores"]["R@20"] is None


def test_things_and_stuff_have_their_own_means():
    truth = annotated("a", segmentation([[0, 1]], [0, 2]), [])
    graph = graph_of(segmentation([[0, 1]], [0, 3]), [], [])
    evaluator = Evaluator(VOCABULARY)
    evaluator.add("a", truth, graph)
    scores = evaluator.report().scores
    assert (scores["PQ_things"], scores["PQ_stuff"]) == (100.0, 0.0)
    assert scores["PQ"] == pytest.approx(100 / 3)


def test_each_image_is_answered_with_its_own_figures():
    rng = np.random.default_rng(7)
    first, second = (without_ghosts_or_repeats(rng, number) for number in range(2))
    evaluator = Evaluator(VOCABULARY)
    best, lost = (1,) * len(first.triplets), (0,) * len(second.triplets)
    assert evaluator.add("0", first, perfect_graph(first)) == ImageFigures(1.0, 1.0, best)
    assert evaluator.add("1", second, None) == ImageFigures(0.0, 0.0, lost)


def test_an_image_without_triplets_has_nothing_left_to_find():
    truth = annotated("a", segmentation([[0, 1]], [0, 2]), [])
    assert Evaluator(VOCABULARY).add("a", truth, perfect_graph(truth)) == ImageFigures(1.0, 1.0)


def test_what_was_said_of_matched_pairs_is_counted_by_predicate_and_score():
    # "on" is annotated, "beside" said; the reverse pair is scored but not annotated.
    truth = annotated("a", segmentation([[0, 1]], [0, 2]), [(0, 1, 2)])
    logits = [[-9, 0, 9, 0, 0, 0], [9, 0, 9, 0, 0, 0]]
    evaluator = Evaluator(VOCABULARY)
    evaluator.add("a", truth, graph_of(truth.segmentation, [(0, 1), (1, 0)], logits))
    report = evaluator.report()
    rows = [(row.annotated, row.predicted, row.count) for row in report.confusion]
    assert rows == [("on", "beside", 1)]
    assert (report.score.bins[-1].judged, report.score.bins[-1].right) == (1, 0)
    assert report.score.bins[0].others == 1
    assert report.probability is None


def test_probabilities_are_judged_over_all_listed_relations():
    truth = annotated("a", segmentation([[0, 1]], [0, 2]), [(0, 1, 2)])
    # The first holds, the second does not, the third is not calibrated.
    relations = tuple(
        SceneRelation(subject, other, predicate, "on", 0.9, probability)
        for subject, other, predicate, probability in [
            (0, 1, 2, 0.75),
            (1, 0, 2, 0.15),
            (1, 0, 1, math.nan),
        ]
    )
    plain = perfect_graph(truth)
    graph = SceneGraph(plain.segmentation, plain.nodes, relations, plain.relation_scores)
    evaluator = Evaluator(VOCABULARY)
    evaluator.add("a", truth, graph)
    bins = evaluator.report().probability.bins
    assert {i: (b.judged, b.right) for i, b in enumerate(bins) if b.judged} == {
        1: (1, 0),
        7: (1, 1),
    }
    assert evaluator.report().probability.calibration_error == pytest.approx((0.25 + 0.15) / 2)


def broken(truth, **changes):
    good = perfect_graph(truth)
    parts = {"segmentation": good.segmentation, "scores": good.relation_scores} | changes
    return SceneGraph(parts["segmentation"], good.nodes, (), parts["scores"])


def scored(pairs, columns=1 + NUM_PREDICATES, value=0.0):
    return RelationScores(
        np.array(pairs, np.int32), np.full((len(pairs), columns), value, np.float32)
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores": None}, "no relation_scores"),
        ({"scores": scored([(0, 1)], columns=3)}, "must have 6 columns"),
        ({"scores": scored([(0, 1)], value=np.nan)}, "NaN"),
        ({"scores": scored([(0, 9)])}, "two different segments of 2"),
        ({"scores": scored([(1, 1)])}, "two different segments of 2"),
        ({"scores": scored([(0, 1), (0, 1)])}, "a pair appears twice"),
        ({"segmentation": segmentation([[0, 1]], [0, 4])}, "labels of the prediction"),
        ({"segmentation": segmentation([[0, 1, 1]], [0, 2])}, "original image size"),
    ],
)
def test_a_prediction_that_cannot_be_judged_is_refused_by_image(changes, message):
    truth = annotated("a7", segmentation([[0, 1]], [0, 2]), [(0, 1, 2)])
    evaluator = Evaluator(VOCABULARY)
    with pytest.raises(ValueError, match=f"image a7: .*{message}"):
        evaluator.add("a7", truth, broken(truth, **changes))
    assert evaluator.report().num_images == 0


def test_an_image_counts_once_and_only_against_its_own_truth():
    truth = annotated("a", segmentation([[0, 1]], [0, 2]), [])
    evaluator = Evaluator(VOCABULARY)
    evaluator.add("a", truth, None)
    with pytest.raises(ValueError, match="added before"):
        evaluator.add("a", truth, None)
    with pytest.raises(ValueError, match="is of image 'b', the truth of 'a'"):
        evaluator.add("b", truth, None)


def test_given_masks_must_be_the_annotated_ones():
    truth = annotated("a", segmentation([[0, 1]], [0, 2]), [])
    other = graph_of(segmentation([[1, 0]], [0, 2]), [], [])
    with pytest.raises(ValueError, match="image a: PredCls needs"):
        Evaluator(VOCABULARY, "PredCls").add("a", truth, other)


def test_unknown_tasks_and_useless_ks_are_refused():
    with pytest.raises(ValueError, match="PredCls, SGDet, not 'SGCls'"):
        Evaluator(VOCABULARY, "SGCls")
    for ks in ((0, 20), (-2,), ()):
        with pytest.raises(ValueError, match="from 1 on, or -1"):
            Evaluator(VOCABULARY, ks=ks)
