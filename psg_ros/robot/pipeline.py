# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pipeline: frame -> scene graph. The order of the steps, whatever the form of the model."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np

from psg_ros.backend_table import AUTO
from psg_ros.config import MODEL_THRESHOLD, PipelineConfig
from psg_ros.frame import Frame
from psg_ros.labels import Vocabulary
from psg_ros.robot.calibration import Calibrator, load_calibration
from psg_ros.robot.forms import (
    MergeSettings,
    Segmented,
    StepClock,
    form_of,
    load_model,
    make_form,
)
from psg_ros.robot.geometry import Evidence, Geometry, no_scores
from psg_ros.robot.manifest import Manifest, ModelFolder
from psg_ros.robot.ops.regions import Regions, measure_regions
from psg_ros.robot.ops.triplets import rank_relations
from psg_ros.robot.runtime.backend import Backend, open_backend, resolve_backend
from psg_ros.robot.tracking.segment_tracker import SegmentTracker
from psg_ros.scene_graph import (
    RelationScores,
    RelationSource,
    SceneGraph,
    SceneNode,
    SceneRelation,
    Segmentation,
    Track,
)


class Pipeline:
    """A loaded model. Call it with one frame after the other, from one thread at a time.

    Frames with a stamp are one stream: their nodes get tracks, which go on from frame to frame.

    Attributes:
        tracker: what follows the nodes; `restart` or `interrupt` it where a stream ends.
        config: thresholds and caps in use; change them with `replace_config`.
        manifest, vocabulary: of the loaded model.
        model_name: the manifest's name of the model.
        model_sha256: digest over the artifacts; equal digests mean equal weights.
        backend_name: what runs it, never "auto".
        device: what it really runs on, as `cpu` or `cuda:0`.
        precision: arithmetic of the networks, never "auto".
        step_ms: wall-clock milliseconds of the last frame, by the names in `forms.STEPS`.
    """

    def __init__(
        self,
        config: PipelineConfig,
        folder: ModelFolder,
        *backends: Backend,
        calibrated: bool = True,
    ) -> None:
        """Use opened backends, in the order of `Form.ARTIFACTS`; see `open`."""
        self.config = config
        self.manifest: Manifest = folder.manifest
        self.vocabulary: Vocabulary = folder.vocabulary
        self.model_name = folder.manifest.name
        self.model_sha256 = model_sha256(folder.manifest)
        self.backend_name = backends[0].name
        self.device = backends[0].device
        self.precision = backends[0].precision
        self.step_ms: dict[str, float] = {}
        calibration = load_calibration(folder.path, self.model_sha256) if calibrated else None
        self._calibrator = Calibrator(calibration, folder.vocabulary)
        self._backends = backends
        self._form = make_form(folder, *backends)
        self._geometry = Geometry(folder.vocabulary)
        self.tracker = SegmentTracker()

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
                device or precision that is not available.
        """
        folder = load_model(config.model)
        name = backend_of(config, folder.manifest)
        with ExitStack() as opened:  # closes what is open when something fails
            backends = []
            for artifact in form_of(folder).ARTIFACTS:
                backend = open_backend(
                    name,
                    folder.artifact_path(artifact),
                    folder.manifest.artifact(artifact),
                    threads=config.threads,
                    device=config.device,
                    precision=config.precision,
                )
                opened.callback(backend.close)
                backends.append(backend)
            pipeline = cls(config, folder, *backends, calibrated=calibrated)
            opened.pop_all()
        return pipeline

    def __call__(self, frame: Frame) -> SceneGraph:
        """Return the scene graph of one frame.

        Raises:
            TypeError: no frame; a bare array becomes one with `Frame(image)`.
            RuntimeError: the pipeline was closed.
        """
        _check_frame(frame)
        config, clock = self.config, StepClock()
        segmented = self._form.segment(frame.image, self._merge_settings(config), clock)
        return self._relate(frame, segmented, config, clock)

    def predict_relations(self, frame: Frame, segmentation: Segmentation) -> SceneGraph:
        """Return the graph of a frame whose segments are given (the task PredCls).

        Raises:
            TypeError: no frame.
            ValueError: a label map of another size than the image, a form of model that relates no
                segments from outside, or nothing that relates any.
        """
        _check_frame(frame)
        if segmentation.image_hw != frame.image_hw:
            raise ValueError(
                f"label map {segmentation.image_hw} does not fit the image {frame.image_hw}"
            )
        config, clock = self.config, StepClock()
        if not self._form.RELATES and self._relation_source(config) == "model":
            raise ValueError(
                f"{self.model_name} finds segments only, and relation_source is model; take one "
                "with a relation stage, or relation_source geometry"
            )
        segmented = self._form.adopt(frame.image, segmentation, clock)
        return self._relate(frame, segmented, config, clock)

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
        self, frame: Frame, segmented: Segmented, config: PipelineConfig, clock: StepClock
    ) -> SceneGraph:
        """From segments on: their regions, scores of pairs, tracks, nodes, relations, the graph."""
        segmentation = segmented.segmentation
        regions = measure_regions(segmentation.label_map, segmentation.num_segments)
        evidence: Evidence | None = None
        source = self._relation_source(config)
        if source == "geometry":
            scores = no_scores(self.vocabulary)
        else:
            scores = segmented.relate(regions, config.max_segments, clock)
        if source != "model":
            evidence = self._geometry.support(
                scores,
                frame,
                segmentation,
                regions,
                config.geometry_threshold,
                _in_force(config.relation_threshold, self.manifest.relation_threshold),
            )
            scores = evidence.scores()
            clock.lap("geometry")
        tracks: Sequence[Track] | None = None
        if config.track and frame.stamp_ns is not None:
            tracks = self.tracker.update(frame, segmentation, regions, config)
            clock.lap("tracking")
        nodes = describe_nodes(segmentation, regions, self.vocabulary, tracks)
        relations = self._list_relations(scores, evidence, config)
        clock.lap("ranking")
        self.step_ms = clock.step_ms
        return SceneGraph(segmentation, nodes, relations, scores, clock.stage_times())

    def _merge_settings(self, config: PipelineConfig) -> MergeSettings:
        return MergeSettings(
            _in_force(config.score_threshold, self.manifest.score_threshold),
            _in_force(config.overlap_threshold, self.manifest.overlap_threshold),
            config.merge_resolution,
            config.min_segment_area,
        )

    def _relation_source(self, config: PipelineConfig) -> str:
        """Return what relates segments, never "auto": as configured, else as the model asks."""
        for wanted in (config.relation_source, self.manifest.relation_source):
            if wanted != AUTO:
                return wanted
        return "model" if self._form.RELATES else "geometry"

    def _list_relations(
        self, scores: RelationScores, evidence: Evidence | None, config: PipelineConfig
    ) -> tuple[SceneRelation, ...]:
        threshold = _in_force(config.relation_threshold, self.manifest.relation_threshold)
        triplets = rank_relations(scores, threshold=threshold, limit=config.max_relations)
        names = self.vocabulary.predicate_names
        probabilities = self._calibrator.probabilities(
            np.array([t.predicate for t in triplets], np.int64),
            np.array([t.score for t in triplets]),
        )
        sources: Sequence[RelationSource] = (RelationSource.MODEL,) * len(triplets)
        if evidence is not None:
            sources = evidence.sources(triplets, threshold)
        # Calibration is of the relation stage alone. And every NaN becomes the same object: then
        # relations that are equal compare equal.
        known = (
            math.nan if math.isnan(p) or source != RelationSource.MODEL else p
            for p, source in zip(probabilities.tolist(), sources, strict=True)
        )
        relations = (
            SceneRelation(*t[:3], names[t.predicate], t.score, probability, source)
            for t, probability, source in zip(triplets, known, sources, strict=True)
        )
        return tuple(sorted(relations, key=lambda relation: -relation.confidence))


def describe_nodes(
    segmentation: Segmentation,
    regions: Regions,
    vocabulary: Vocabulary,
    tracks: Sequence[Track] | None = None,
) -> tuple[SceneNode, ...]:
    """Return one node per segment, in segment order.

    Args:
        tracks: one per segment; None without tracking.
    """
    untracked = (None,) * segmentation.num_segments
    columns = (
        segmentation.labels.tolist(),
        segmentation.scores.tolist(),
        map(tuple, regions.bbox_xyxy.tolist()),
        map(tuple, regions.centroid_xy.tolist()),
        regions.area.tolist(),
        regions.truncated.tolist(),
        untracked if tracks is None else tracks,
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
            track=track,
        )
        for segment, (label, score, bbox, centroid, area, truncated, track) in enumerate(
            zip(*columns, strict=True)
        )
    )


def model_sha256(manifest: Manifest) -> str:
    """Return one digest for a model: SHA-256 over those of its artifacts, by their names."""
    digests = "".join(spec.sha256 for _, spec in sorted(manifest.artifacts.items()))
    return hashlib.sha256(digests.encode()).hexdigest()


def backend_of(config: PipelineConfig, manifest: Manifest) -> str:
    """Return the backend that runs a model: the configured one, else the model's, else the best.

    Raises:
        ImportError, ValueError: as `resolve_backend`.
    """
    wanted = manifest.backend if config.backend == AUTO else config.backend
    return resolve_backend(wanted, config.device)


def _check_frame(frame: Frame) -> None:
    if not isinstance(frame, Frame):
        found = type(frame).__name__
        raise TypeError(f"the pipeline takes a Frame, as in Frame(image), not {found}")


def _in_force(configured: float, recommended: float) -> float:
    return recommended if configured == MODEL_THRESHOLD else configured
