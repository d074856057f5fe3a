# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Deadline: graphs of one camera in time, with less in them where the model is too slow."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

from psg_ros.frame import Frame
from psg_ros.node_config import NodeConfig
from psg_ros.robot.pipeline import Measure, Pipeline
from psg_ros.ros.quality_ladder import REDUCED_SEGMENTS, QualityLadder
from psg_ros.ros.stale_graph import stale_graph
from psg_ros.scene_graph import Quality, SceneGraph


class Deadline:
    """Runs the pipeline as the ladder says, or answers from the graph before.

    Attributes:
        ladder: where it stands.

    Args:
        clock_s: returns monotonic seconds.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self.ladder = QualityLadder(clock_s)
        self._last: tuple[NodeConfig, int, str, SceneGraph] | None = None
        self._reduced: tuple[NodeConfig, NodeConfig] | None = None

    def forget(self) -> None:
        """Take the next image for the first one: nothing was followed meanwhile."""
        self._last = None

    def graph(
        self, pipeline: Pipeline, frame: Frame, config: NodeConfig, measure: Measure | None = None
    ) -> SceneGraph:
        """Return the graph of a frame; its quality says how it came about.

        Args:
            measure: completes the frame with depth, see `Pipeline`; None where there is none.

        Raises:
            Exception: whatever the pipeline raises.
        """
        last = self._last_before(frame, config)
        chosen = self.ladder.next(config.deadline_ms, tracks=last is not None)
        if chosen == Quality.STALE and last is not None:
            return stale_graph(last)
        full = chosen == Quality.FULL
        wanted = config if full else self._reduced_config(config)
        if pipeline.config is not wanted:
            pipeline.replace_config(wanted)
        graph = pipeline(frame) if measure is None else pipeline(frame, measure)
        if not full and self._is_cut(graph, config, pipeline):
            graph = dataclasses.replace(graph, quality=Quality.REDUCED)
        if config.deadline_ms > 0:
            self._last = config, frame.stamp_ns or 0, frame.frame_id, graph
        return graph

    def done(self, graph: SceneGraph, took_s: float, config: NodeConfig) -> None:
        """Note how long an image took from its arrival to its published graph."""
        if graph.quality != Quality.STALE:
            self.ladder.note(took_s * 1e3, config.deadline_ms)

    def _last_before(self, frame: Frame, config: NodeConfig) -> SceneGraph | None:
        """Return the graph that a stale one for this frame may repeat: by the tracker's rules.

        After a change of parameters none: what it lists may be wanted no more.
        """
        if self._last is None or self._last[0] is not config or not config.track:
            return None
        _, stamp_ns, frame_id, graph = self._last
        gap_s = ((frame.stamp_ns or 0) - stamp_ns) / 1e9
        follows = gap_s >= 0 and (not config.track_gap_s or gap_s <= config.track_gap_s)
        same = frame_id == frame.frame_id and graph.segmentation.image_hw == frame.image_hw
        return graph if follows and same else None

    def _reduced_config(self, config: NodeConfig) -> NodeConfig:
        """Return the configuration with fewer segments to relate, always the same object."""
        if self._reduced is None or self._reduced[0] is not config:
            limit = min(config.max_segments or REDUCED_SEGMENTS, REDUCED_SEGMENTS)
            self._reduced = config, dataclasses.replace(config, max_segments=limit)
        return self._reduced[1]

    @staticmethod
    def _is_cut(graph: SceneGraph, config: NodeConfig, pipeline: Pipeline) -> bool:
        """Whether segments were left out that would have been related.

        Geometry relates all of them, which costs next to nothing.
        """
        count = graph.segmentation.num_segments
        few = min(count, config.max_segments or count) > pipeline.config.max_segments
        return few and pipeline.relation_source != "geometry"
