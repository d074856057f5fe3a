# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pipeline: RGB image -> scene graph. The only file that names the order of the stages."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import time
from contextlib import ExitStack

import numpy as np

from psg_ros.calibration import Calibrator, load_calibration
from psg_ros.config import MODEL_THRESHOLD, PipelineConfig
from psg_ros.labels import Vocabulary
from psg_ros.manifest import FUSED, Manifest, ModelFolder, load_model_folder
from psg_ros.ops.image import Placement, check_image, resize_nearest
from psg_ros.ops.panoptic import MergedMasks
from psg_ros.ops.regions import Regions, measure_regions
from psg_ros.ops.triplets import rank_relations
from psg_ros.runtime.backend import Backend, open_backend, resolve_backend
from psg_ros.scene_graph import (
    RelationScores,
    SceneGraph,
    SceneNode,
    SceneRelation,
    Segmentation,
    StageTimes,
)
from psg_ros.stages.fused import Fused
from psg_ros.stages.relations import Relations
from psg_ros.stages.segmenter import MergeSettings, Segmenter, SegmenterOutput

STEPS = {
    "preprocess": "preprocess_ms",
    "segmenter": "inference_ms",
    "merge": "postprocess_ms",
    "regions": "postprocess_ms",
    "relations": "inference_ms",
    "ranking": "postprocess_ms",
}
"""Steps of one image in their order -> the field of `StageTimes` that they count for.

With a fused model the segmenter is the whole network, and relations are looked up.
"""


class Pipeline:
    """A loaded model. Call it with one image after the other, from one thread at a time.

    Attributes:
        config: thresholds and caps in use; change them with `replace_config`.
        manifest, vocabulary: of the loaded model.
        model_name: the manifest's name of the model.
        model_sha256: digest over the artifacts; equal digests mean equal weights.
        backend_name: what runs it, never "auto".
        precision: arithmetic of the networks, never "auto".
        step_ms: wall-clock milliseconds of the last image, by the names in `STEPS`.
    """

    def __init__(
        self,
        config: PipelineConfig,
        folder: ModelFolder,
        *backends: Backend,
        calibrated: bool = True,
    ) -> None:
        """Use opened backends, one for each of `folder.manifest.stages`; see `open`."""
        self.config = config
        self.manifest: Manifest = folder.manifest
        self.vocabulary: Vocabulary = folder.vocabulary
        self.model_name = folder.manifest.name
        self.model_sha256 = model_sha256(folder.manifest)
        self.backend_name = backends[0].name
        self.precision = backends[0].precision
        self.step_ms: dict[str, float] = {}
        calibration = load_calibration(folder.path, self.model_sha256) if calibrated else None
        self._calibrator = Calibrator(calibration, folder.vocabulary)
        self._backends = backends
        self._fused: Fused | None = None
        if folder.manifest.stages == (FUSED,):
            (network,) = backends
            self._fused = Fused(network, folder.manifest, folder.vocabulary)
        else:
            segmenter, relations = backends
            self._segmenter = Segmenter(segmenter, folder.manifest, folder.vocabulary)
            self._relations = Relations(relations, folder.manifest)

    @classmethod
    def open(cls, config: PipelineConfig, *, calibrated: bool = True) -> Pipeline:
        """Load the model that `config` names.

        Args:
            calibrated: False leaves its calibration unread, whatever it is; no relation has a
                probability then. For fitting a new one.

        Raises:
            FileNotFoundError: no such model, or one of its files is missing.
            ImportError: the backend's package is not installed.
            ValueError: a damaged model folder, one whose calibration is of other weights, or a
                precision the backend does not have.
        """
        folder = load_model_folder(config.model)
        name = resolve_backend(config.backend)
        with ExitStack() as opened:  # closes what is open when something fails
            backends = []
            for stage in folder.manifest.stages:
                backend = open_backend(
                    name,
                    folder.artifact_path(stage),
                    folder.manifest.artifact(stage),
                    threads=config.threads,
                    precision=config.precision,
                )
                opened.callback(backend.close)
                backends.append(backend)
            pipeline = cls(config, folder, *backends, calibrated=calibrated)
            opened.pop_all()
        return pipeline

    def __call__(self, image_rgb: np.ndarray) -> SceneGraph:
        """Return the scene graph of one image uint8 [height, width, 3], RGB.

        Raises:
            ValueError: another dtype or shape, or no pixels.
            RuntimeError: the pipeline was closed.
        """
        check_image(image_rgb)
        config, clock = self.config, _Clock()
        if self._fused is not None:
            return self._run_fused(self._fused, image_rgb, config, clock)
        placement = self._segmenter.prepare(image_rgb)
        clock.lap("preprocess")
        output = self._segmenter.infer()
        clock.lap("segmenter")
        masks = self._segmenter.merge(output, placement, self._merge_settings(config))
        clock.lap("merge")
        return self._relate(masks, output, placement, config, clock)

    def predict_relations(self, image_rgb: np.ndarray, segmentation: Segmentation) -> SceneGraph:
        """Return the graph of an image whose segments are given (the task PredCls).

        Raises:
            ValueError: an unusable image, a label map of another size, or a fused model.
        """
        if self._fused is not None:
            raise ValueError(
                f"{self.model_name} is a fused model, which takes no segments from outside; use "
                "its form of two files (psg export without --fused)"
            )
        check_image(image_rgb)
        if segmentation.image_hw != image_rgb.shape[:2]:
            raise ValueError(
                f"label map {segmentation.image_hw} does not fit the image {image_rgb.shape[:2]}"
            )
        config, clock = self.config, _Clock()
        placement = self._segmenter.prepare(image_rgb)
        clock.lap("preprocess")
        output = self._segmenter.infer()
        clock.lap("segmenter")
        content = resize_nearest(
            segmentation.label_map, placement.content_hw, segmentation.image_hw
        )
        masks = MergedMasks(segmentation, content, stride=1)
        clock.lap("merge")
        return self._relate(masks, output, placement, config, clock)

    @property
    def relation_threshold(self) -> float:
        """Score from which on a relation is listed: the configured one, or the model's own."""
        return _in_force(self.config.relation_threshold, self.manifest.relation_threshold)

    def replace_config(self, config: PipelineConfig) -> None:
        """Use other thresholds and caps from the next image on, without loading anything.

        May be called from another thread while an image is being worked on.

        Raises:
            ValueError: a field that needs a new `Pipeline.open` differs; names it.
        """
        for field in dataclasses.fields(PipelineConfig):
            old, new = getattr(self.config, field.name), getattr(config, field.name)
            if field.metadata["fixed"] and old != new:
                raise ValueError(
                    f"{field.name} cannot change from {old!r} to {new!r} while the model is "
                    "loaded; open a new pipeline"
                )
        self.config = config

    def close(self) -> None:
        """Release the networks; may be called twice."""
        for backend in self._backends:
            backend.close()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def _relate(
        self,
        masks: MergedMasks,
        output: SegmenterOutput,
        placement: Placement,
        config: PipelineConfig,
        clock: _Clock,
    ) -> SceneGraph:
        """From segments on: pairs, their scores, the graph."""
        segmentation = masks.segmentation
        regions = measure_regions(segmentation.label_map, segmentation.num_segments)
        pairs = self._relations.prepare(masks, regions, placement, config.max_segments)
        clock.lap("regions")
        scores = self._relations.infer(output.patch_tokens, pairs)
        clock.lap("relations")
        return self._describe(segmentation, regions, scores, config, clock)

    def _run_fused(
        self, fused: Fused, image_rgb: np.ndarray, config: PipelineConfig, clock: _Clock
    ) -> SceneGraph:
        """As `__call__`, with one network for everything."""
        settings = self._merge_settings(config)
        placement = fused.prepare(image_rgb)
        clock.lap("preprocess")
        output = fused.infer(placement, settings)
        clock.lap("segmenter")
        segmentation, slots = fused.merge(output, placement, settings)
        clock.lap("merge")
        regions = measure_regions(segmentation.label_map, segmentation.num_segments)
        clock.lap("regions")
        scores = fused.relate(output, slots, segmentation.scores, config.max_segments)
        clock.lap("relations")
        return self._describe(segmentation, regions, scores, config, clock)

    def _describe(
        self,
        segmentation: Segmentation,
        regions: Regions,
        scores: RelationScores,
        config: PipelineConfig,
        clock: _Clock,
    ) -> SceneGraph:
        """From scores on: nodes, relations, the graph."""
        nodes = describe_nodes(segmentation, regions, self.vocabulary)
        relations = self._list_relations(scores, config)
        clock.lap("ranking")
        self.step_ms = clock.step_ms
        return SceneGraph(segmentation, nodes, relations, scores, clock.stage_times())

    def _merge_settings(self, config: PipelineConfig) -> MergeSettings:
        return MergeSettings(
            _in_force(config.score_threshold, self.manifest.score_threshold),
            _in_force(config.overlap_threshold, self.manifest.overlap_threshold),
            config.merge_resolution,
        )

    def _list_relations(
        self, scores: RelationScores, config: PipelineConfig
    ) -> tuple[SceneRelation, ...]:
        threshold = _in_force(config.relation_threshold, self.manifest.relation_threshold)
        triplets = rank_relations(scores, threshold=threshold, limit=config.max_relations)
        names = self.vocabulary.predicate_names
        probabilities = self._calibrator.probabilities(
            np.array([t.predicate for t in triplets], np.int64),
            np.array([t.score for t in triplets]),
        )
        # Every NaN becomes the same object: then relations that are equal compare equal.
        known = (math.nan if math.isnan(p) else p for p in probabilities.tolist())
        relations = (
            SceneRelation(*t[:3], names[t.predicate], t.score, probability)
            for t, probability in zip(triplets, known, strict=True)
        )
        return tuple(sorted(relations, key=lambda relation: -relation.confidence))


def describe_nodes(
    segmentation: Segmentation, regions: Regions, vocabulary: Vocabulary
) -> tuple[SceneNode, ...]:
    """Return one node per segment, in segment order."""
    columns = (
        segmentation.labels.tolist(),
        segmentation.scores.tolist(),
        map(tuple, regions.bbox_xyxy.tolist()),
        map(tuple, regions.centroid_xy.tolist()),
        regions.area.tolist(),
        regions.truncated.tolist(),
    )
    return tuple(
        SceneNode(
            segment=segment,
            label=label,
            class_name=vocabulary.labels[label].name,
            is_thing=vocabulary.labels[label].is_thing,
            score=score,
            bbox_xyxy=bbox,
            centroid_xy=centroid,
            area_px=area,
            truncated=truncated,
        )
        for segment, (label, score, bbox, centroid, area, truncated) in enumerate(
            zip(*columns, strict=True)
        )
    )


def model_sha256(manifest: Manifest) -> str:
    """Return one digest for a model: SHA-256 over the digests of its artifacts, in stage order."""
    digests = "".join(manifest.artifact(stage).sha256 for stage in manifest.stages)
    return hashlib.sha256(digests.encode()).hexdigest()


def _in_force(configured: float, recommended: float) -> float:
    return recommended if configured == MODEL_THRESHOLD else configured


class _Clock:
    """Milliseconds by step; every call to `lap` ends one."""

    def __init__(self) -> None:
        self.step_ms: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self.step_ms[step] = (now - self._last) * 1e3
        self._last = now

    def stage_times(self) -> StageTimes:
        totals = dict.fromkeys(STEPS.values(), 0.0)
        for step, duration_ms in self.step_ms.items():
            totals[STEPS[step]] += duration_ms
        return StageTimes(**totals)
