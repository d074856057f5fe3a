# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pipeline: frame -> scene graph. The order of the steps, whatever the form of the model."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame, RawPicture
from psg_ros.labels import Vocabulary
from psg_ros.robot.calibration import Calibrator, load_calibration
from psg_ros.robot.forms import Segmented, StepClock, make_form
from psg_ros.robot.forms.view import SegmentedView, Window
from psg_ros.robot.forms.words import same_predicates
from psg_ros.robot.graph_nodes import describe_nodes
from psg_ros.robot.graph_relations import describe_relations, list_relations
from psg_ros.robot.interest import Interest
from psg_ros.robot.manifest import Manifest, ModelFolder, model_sha256
from psg_ros.robot.opening import open_model
from psg_ros.robot.ops.regions import Regions, measure_regions
from psg_ros.robot.ops.selection import select_regions, select_scores
from psg_ros.robot.pair_scores import PairScorer
from psg_ros.robot.runtime.backend import Backend
from psg_ros.robot.runtime.device_steps import steps_of
from psg_ros.robot.settings_in_force import merge_settings, relation_threshold
from psg_ros.robot.space.positions import measure_positions
from psg_ros.robot.stream import Stream, is_followed
from psg_ros.robot.tracking.segment_tracker import SegmentTracker
from psg_ros.robot.word_offer import WordOffer
from psg_ros.scene_graph import Position, SceneGraph, Segmentation

Measure = Callable[[Frame], Frame]
"""Returns a frame with what else is known of it: depth, camera, pose, the direction upward."""


class Pipeline:
    """A loaded model. Call it with one frame after the other, from one thread at a time.

    Frames with a stamp are one stream: their nodes get tracks, which go on from frame to frame.

    Attributes:
        config: thresholds and caps in use; change them with `replace_config`.
        manifest, vocabulary: of the loaded model.
        model_name: the manifest's name of the model.
        model_sha256: digest over the artifacts; equal digests mean equal weights.
        backend_name: what runs it, never "auto".
        device: what it really runs on, as `cpu` or `cuda:0`.
        precision: arithmetic of the networks, never "auto"; "int8+bf16" is int8 where that was
            chosen for a product, bf16 elsewhere.
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
        self._calibration = load_calibration(folder.path, self.model_sha256) if calibrated else None
        self._calibrator = Calibrator(self._calibration, folder.vocabulary)
        self._calibrated = folder
        self._backends = backends
        self._form = make_form(folder, *backends)
        self._folder, self._offer = folder, WordOffer(folder)
        self.check_config(config)
        self._begin_stream()

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
        folder, backends, precision = open_model(config)
        try:
            pipeline = cls(config, folder, *backends, calibrated=calibrated)
        except BaseException:
            for backend in backends:
                backend.close()
            raise
        pipeline.precision = precision
        return pipeline

    def __call__(self, frame: Frame, measure: Measure | None = None) -> SceneGraph:
        """Return the scene graph of one frame.

        Args:
            measure: asked once the segments are found, so that a depth image that arrives while the
                network runs is in time.

        Raises:
            TypeError: no frame; a bare array becomes one with `Frame(image)`.
            RuntimeError: the pipeline was closed.
        """
        _check_frame(frame)
        config, clock = self.config, StepClock()
        self._take_offer()  # after the configuration, which the words on offer were checked with
        settings = merge_settings(config, self.manifest)
        strong_score = settings.score_threshold
        if is_followed(frame, config):
            weak_score = config.track_weak_score * strong_score
            settings = dataclasses.replace(settings, score_threshold=weak_score)
        window = Window.of(config.region, frame.image_hw)
        raw = frame.raw if window.is_whole(frame.image_hw) else None
        segmented: Segmented = self._form.segment(window.cut(frame.image), settings, clock, raw)
        labels = self._pairs.interest(config).labels
        if labels is not None or not window.is_whole(frame.image_hw):
            segmented = SegmentedView.on(segmented, window, frame.image_hw, labels)
            clock.lap("merge")
        if measure is not None:
            frame = measure(frame)
            clock.lap("depth")
        return self._relate(frame, segmented, config, clock, strong_score)

    @property
    def takes_raw(self) -> bool:
        """Whether its device decodes images itself, so that `send` and `Frame.raw` are of use."""
        whole = Window.of(self.config.region, self.input_hw).is_whole(self.input_hw)
        return whole and steps_of(self._backends[0]) is not None

    def send(self, raw: RawPicture) -> None:
        """Begin to copy an image to the device while another one is worked on. From any thread.

        Call the pipeline with a frame of the same `raw` afterwards. An image that is never asked
        for costs nothing but the copy.
        """
        self._form.send(raw)

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
        self._take_offer()  # after the configuration, which the words on offer were checked with
        if not self._form.RELATES and self._pairs.source(config) == "model":
            raise ValueError(
                f"{self.model_name} finds segments only, and relation_source is model; take one "
                "with a relation stage, or relation_source geometry"
            )
        segmented = self._form.adopt(frame.image, segmentation, clock)
        return self._relate(frame, segmented, config, clock)

    def another_stream(self) -> Pipeline:
        """Return a pipeline on the same loaded model for another camera, with tracks of its own.

        They share the networks: call them in one thread, one after the other, and close only this
        one. Configurations are of each alone.
        """
        other = copy.copy(self)
        other._begin_stream()
        return other

    @property
    def tracker(self) -> SegmentTracker:
        """What follows the nodes; `restart` or `interrupt` it where a stream ends."""
        return self._stream.tracker

    @property
    def relation_threshold(self) -> float:
        """Score from which on a relation is listed: the configured one, or the model's own."""
        return relation_threshold(self.config, self.manifest)

    @property
    def relation_source(self) -> str:
        """What relates segments by now: model, geometry or both; never "auto"."""
        return self._pairs.source(self.config)

    @property
    def input_hw(self) -> tuple[int, int]:
        """Height and width of the network's input, px."""
        return self.manifest.input_hw

    def replace_config(self, config: PipelineConfig) -> None:
        """Use other thresholds and caps from the next image on, without loading anything.

        May be called from another thread while an image is being worked on.

        Raises:
            ValueError: a field that needs a new `Pipeline.open` differs, or a label is asked for
                that the model does not know; names it.
        """
        for field in dataclasses.fields(PipelineConfig):
            old, new = getattr(self.config, field.name), getattr(config, field.name)
            if field.metadata["fixed"] and old != new:
                raise ValueError(
                    f"{field.name} cannot change from {old!r} to {new!r} while the model is "
                    "loaded; open a new pipeline"
                )
        self.check_config(config)
        self.config = config

    def offer_words(self, configs: Iterable[PipelineConfig] = ()) -> Vocabulary:
        """Use the words that the model folder holds now, from the next image on; loads no network.

        All cameras of the model get them, and begin new tracks. May be called from another thread
        while an image is being worked on.

        Args:
            configs: of the cameras, where they are not all like this one's.

        Returns:
            The new vocabulary.

        Raises:
            FileNotFoundError, ValueError: see `WordOffer.renew`; the words stay as they were.
        """
        return self._offer.renew((self.config, *configs)).vocabulary

    def check_config(self, config: PipelineConfig) -> None:
        """Raise ValueError if the model does not know a label that is asked for.

        The words that count are those on offer: the next image is the first one to need the label.
        """
        Interest.of(config, self._offer.folder.vocabulary)

    def close(self) -> None:
        """Release the networks; may be called twice."""
        for backend in self._backends:
            backend.close()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def _take_offer(self) -> None:
        """Go over to the words on offer, if they are others; in the thread of the work."""
        folder = self._offer.folder
        if folder is self._folder:
            return
        self._form.take_words(folder)
        self._folder, self.vocabulary = folder, folder.vocabulary
        known = same_predicates(self._calibrated, folder)
        calibration = self._calibration and self._calibration.renamed(known)
        self._calibrator = Calibrator(calibration, self.vocabulary)
        self._stream.take_vocabulary(folder.vocabulary)
        self._pairs = PairScorer(folder, relates=self._form.RELATES)

    def _begin_stream(self) -> None:
        """Make all that is remembered from frame to frame."""
        self.step_ms: dict[str, float] = {}
        self._stream = Stream(self.vocabulary)
        self._pairs = PairScorer(self._folder, relates=self._form.RELATES)

    def _relate(
        self,
        frame: Frame,
        segmented: Segmented,
        config: PipelineConfig,
        clock: StepClock,
        strong_score: float = 0.0,
    ) -> SceneGraph:
        """From segments on: their regions, tracks, scores of pairs, nodes, relations, the graph.

        Args:
            strong_score: segments scored lower may only continue tracks.
        """
        segmentation, regions = segmented.segmentation, _measure_regions(segmented)
        clock.lap("regions")
        followed = self._stream.follow(frame, segmentation, regions, config, strong_score)
        kept = np.ones(segmentation.num_segments, bool)
        if followed is not None:
            segmentation, kept = followed.segmentation, followed.kept
            clock.lap("tracking")
        scores = self._pairs.score(segmented, segmentation, regions, kept, config, clock)
        if not kept.all():
            regions, scores = select_regions(regions, kept), select_scores(scores, kept)
        scores, evidence = self._pairs.confirm(frame, segmentation, regions, scores, config, clock)
        positions: Sequence[Position | None] | None = None
        if frame.spatial_frame_id:
            positions = measure_positions(frame, segmentation)
            clock.lap("positions")
        tracks = None if followed is None else followed.tracks
        nodes = describe_nodes(segmentation, regions, self.vocabulary, tracks, positions)
        threshold = relation_threshold(config, self.manifest)
        listed = list_relations(scores, evidence, config.max_relations, threshold)
        if followed is not None:
            nodes, listed = self._stream.remember(
                followed, nodes, scores, listed, threshold, config, frame.spatial_frame_id
            )
        clock.lap("ranking")
        self.step_ms = clock.step_ms
        return SceneGraph(
            segmentation,
            nodes,
            describe_relations(listed, self.vocabulary, self._calibrator),
            scores,
            clock.stage_times(),
            frame.spatial_frame_id,
        )


def _measure_regions(segmented: Segmented) -> Regions:
    segmentation = segmented.segmentation
    regions = measure_regions(segmentation.label_map, segmentation.num_segments)
    if not isinstance(segmented, SegmentedView):
        return regions
    cut = segmented.window.cuts(regions.bbox_xyxy) & (regions.area > 0)
    return dataclasses.replace(regions, truncated=regions.truncated | cut)


def _check_frame(frame: Frame) -> None:
    if not isinstance(frame, Frame):
        found = type(frame).__name__
        raise TypeError(f"the pipeline takes a Frame, as in Frame(image), not {found}")
