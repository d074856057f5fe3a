# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Panoptic quality of several models on the same data sets, each class judged by its name.

    python benchmarks/photo_models.py --models demo runs/photo --data \\
        nyu=data/eval/nyu.json:data/raw/nyu coco=data/eval/coco.json:data/raw/coco128 sim=data/sim

A model is a model folder, or a run folder of `psg train`, finished or not; relations are not asked
for. Models may know other labels than the data: a class that a model lacks counts as missed. All
means are over the classes in truth. IoU is that of the label map: each labelled pixel's class
against the truth's, void in the prediction is wrong. Needs the extra train for run folders.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.data.dataset import PanopticDataset, read_picture
from psg_ros.data.opening import open_dataset
from psg_ros.drawing.annotated_files import write_image
from psg_ros.drawing.draw import overlay
from psg_ros.evaluation.metrics.overlap import measure_overlap
from psg_ros.evaluation.metrics.panoptic_quality import PanopticCounts, panoptic_counts
from psg_ros.labels import Vocabulary, load_vocabulary
from psg_ros.resources import share_path
from psg_ros.robot.forms import (
    Form,
    MergeSettings,
    StepClock,
    form_of,
    load_model,
    make_form,
)
from psg_ros.robot.graph_nodes import describe_nodes
from psg_ros.robot.manifest import Manifest, ModelFolder
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.robot.runtime.backend import open_backend, resolve_backend
from psg_ros.scene_graph import RelationScores, SceneGraph, Segmentation, StageTimes

RUN_FILE = "train.yaml"
FORM = "segmenter_only"
"""Of a run: its relations are not asked for."""


@dataclass(frozen=True)
class Model:
    """A segmenter whose labels are those of the common vocabulary.

    Attributes:
        segment: image uint8 [h, w, 3] RGB -> its segments.
    """

    name: str
    segment: Callable[[np.ndarray], Segmentation]


@dataclass(frozen=True)
class Figures:
    """Percent; means over the classes in truth.

    Attributes:
        by_class: PQ of each of them.
    """

    images: int
    pq: float
    pq_things: float
    pq_stuff: float
    mean_iou: float
    by_class: dict[str, float]


def main() -> None:
    """Measure all models on all data sets; print a table, write JSON and pictures where asked."""
    args = _parser().parse_args()
    cv2.setNumThreads(1)
    vocabulary = load_vocabulary(share_path() / "config" / "labels" / "psg.yaml")
    models = [open_model(name, vocabulary, args) for name in args.models]
    report: dict[str, dict[str, dict]] = {}
    for name, path, folder in map(_parse_data, args.data):
        dataset = open_dataset(path, vocabulary, "test", images=folder, panoptic=folder)
        for model in models:
            figures = measure(model, dataset, vocabulary, args.images)
            report.setdefault(name, {})[model.name] = vars(figures)
            print(_row(name, model.name, figures), flush=True)
        if args.draw:
            draw(args.draw / name, models, dataset, vocabulary, args.draw_count)
    if args.json:
        args.json.write_text(json.dumps(report, indent=2) + "\n")


def open_model(name: str, vocabulary: Vocabulary, args: argparse.Namespace) -> Model:
    """Return the segmenter of a model or run folder."""
    if (Path(name) / RUN_FILE).is_file():
        folder, form = open_run(Path(name))
    else:
        folder = load_model(name)
        backends = (
            open_backend(
                resolve_backend("auto"),
                folder.artifact_path(artifact),
                folder.manifest.artifact(artifact),
                threads=args.threads,
                precision=args.precision,
            )
            for artifact in form_of(folder).ARTIFACTS
        )
        form = make_form(folder, *backends)
    manifest = folder.manifest
    common = np.array(vocabulary.label_index(folder.vocabulary.label_names), np.int64)
    settings = MergeSettings(
        args.score if args.score >= 0 else manifest.score_threshold,
        args.overlap if args.overlap >= 0 else manifest.overlap_threshold,
        "input",
    )

    def segment(image: np.ndarray) -> Segmentation:
        found = form.segment(image, settings, StepClock()).segmentation
        return Segmentation(found.label_map, common[found.labels], found.scores)

    return Model(Path(name).name, segment)


def open_run(run_dir: Path) -> tuple[ModelFolder, Form]:
    """Return the segmenter of a run of which no relation stage need be trained."""
    import torch

    from psg_ros.config import Recommendation
    from psg_ros.network.export import SegmentsGraph
    from psg_ros.setting_files import config_from_dict
    from psg_ros.torch_runtime.backend import TorchBackend
    from psg_ros.training.release import describe_file, describe_network
    from psg_ros.training.torch_pipeline import segmenter_tensors
    from psg_ros.training.train import load_run, weight_files

    torch.set_num_threads(1)
    model, config, vocabulary = load_run(run_dir, with_relations=False)
    inputs, outputs = ([asdict(tensor) for tensor in side] for side in segmenter_tensors(model))
    wanted = [tensor for tensor in outputs if tensor["name"] != "patch_tokens"]
    artifact = describe_file(weight_files(run_dir, config)[0], inputs, wanted)
    facts = describe_network(model, Recommendation(), FORM)
    facts |= {"artifacts": {"segmenter": artifact}}
    manifest = config_from_dict(Manifest, facts, str(run_dir))
    backend = TorchBackend(SegmentsGraph(model.segmenter), manifest.artifact("segmenter"), "cpu")
    folder = ModelFolder(run_dir, manifest, vocabulary)
    return folder, make_form(folder, backend)


def measure(
    model: Model, dataset: PanopticDataset, vocabulary: Vocabulary, limit: int | None
) -> Figures:
    """Judge a model on the images of a data set, all or the first `limit`."""
    counts = PanopticCounts.empty(vocabulary.num_labels)
    pixels = np.zeros((vocabulary.num_labels, vocabulary.num_labels + 1), np.int64)
    total = min(len(dataset), limit or len(dataset))
    for truth, image in read(dataset, total, model.name):
        found = model.segment(image)
        overlap = measure_overlap(truth.segmentation, found)
        counts += panoptic_counts(
            truth.segmentation, truth.is_crowd, found, overlap, vocabulary.num_labels
        )
        pixels += confusion(truth.segmentation, found, vocabulary.num_labels)
    return summarize(counts, pixels, vocabulary, total)


def confusion(truth: Segmentation, found: Segmentation, num_labels: int) -> np.ndarray:
    """Return int64 [true label, predicted label or void]: labelled pixels of one image."""
    labelled = truth.label_map >= 0
    true = truth.labels[truth.label_map[labelled]]
    said = np.append(found.labels, num_labels)[found.label_map[labelled]]
    counts = np.bincount(true * (num_labels + 1) + said, minlength=num_labels * (num_labels + 1))
    return counts.reshape(num_labels, num_labels + 1)


def summarize(
    counts: PanopticCounts, pixels: np.ndarray, vocabulary: Vocabulary, images: int
) -> Figures:
    """Return the means over the classes in truth."""
    in_truth = counts.true_positives + counts.false_negatives > 0
    is_thing = np.array([label.is_thing for label in vocabulary.labels])
    quality = 100 * counts.panoptic_quality
    hits = pixels.diagonal()
    union = pixels.sum(1) + pixels[:, :-1].sum(0) - hits
    seen = pixels.sum(1) > 0
    return Figures(
        images,
        _mean(quality[in_truth]),
        _mean(quality[in_truth & is_thing]),
        _mean(quality[in_truth & ~is_thing]),
        100 * _mean(hits[seen] / union[seen]),
        {vocabulary.label_names[i]: round(float(quality[i]), 1) for i in in_truth.nonzero()[0]},
    )


def read(
    dataset: PanopticDataset, total: int, title: str
) -> Iterator[tuple[AnnotatedImage, np.ndarray]]:
    """Yield truth and pixels of the first images."""
    for index in tqdm(range(total), title, unit="image", leave=False, disable=None):
        truth = dataset[index]
        yield truth, read_picture(truth)


def draw(
    folder: Path,
    models: list[Model],
    dataset: PanopticDataset,
    vocabulary: Vocabulary,
    count: int,
) -> None:
    """Write `count` pictures, evenly spaced: the photo, truth, and what each model says."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in np.linspace(0, len(dataset) - 1, count).astype(int):
        truth = dataset[int(index)]
        image = read_picture(truth)
        maps = [truth.segmentation, *(model.segment(image) for model in models)]
        painted = [overlay(image, graph_of(m, vocabulary), vocabulary) for m in maps]
        write_image(folder / f"{truth.image_id}.png", np.hstack([image, *painted]))


def graph_of(segmentation: Segmentation, vocabulary: Vocabulary) -> SceneGraph:
    """Return segments as a graph without relations."""
    regions = measure_regions(segmentation.label_map, segmentation.num_segments)
    nodes = describe_nodes(segmentation, regions, vocabulary)
    empty = np.zeros((0, 1 + vocabulary.num_predicates), np.float32)
    scores = RelationScores(np.zeros((0, 2), np.int32), empty)
    return SceneGraph(segmentation, nodes, (), scores, StageTimes(0.0, 0.0, 0.0))


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _row(data: str, model: str, figures: Figures) -> str:
    return (
        f"{data:8} {model:24} {figures.images:4} images  PQ {figures.pq:5.1f}  things "
        f"{figures.pq_things:5.1f}  stuff {figures.pq_stuff:5.1f}  mIoU {figures.mean_iou:5.1f}"
    )


def _parse_data(text: str) -> tuple[str, Path, Path | None]:
    name, _, rest = text.partition("=")
    path, _, folder = rest.partition(":")
    return name, Path(path), Path(folder) if folder else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", required=True, metavar="FOLDER")
    parser.add_argument("--data", nargs="+", required=True, metavar="NAME=FILE[:IMAGES]")
    parser.add_argument("--images", type=int, metavar="N", help="only the first N of each")
    parser.add_argument("--score", type=float, default=-1.0, help="score threshold of all models")
    parser.add_argument("--overlap", type=float, default=-1.0, help="overlap threshold of all")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--draw", type=Path, metavar="FOLDER", help="write pictures there")
    parser.add_argument("--draw-count", type=int, default=6, metavar="N", help="of each data set")
    return parser


if __name__ == "__main__":
    main()
