# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Composite teacher: a detector and semantic networks, merged as a recipe says."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from psg_ros.config import PipelineConfig
from psg_ros.frame import check_image
from psg_ros.labelling.detector import Detector
from psg_ros.labelling.merge import paint
from psg_ros.labelling.network import open_network
from psg_ros.labelling.recipe import Recipe, read_recipe
from psg_ros.labelling.scene import seen_classes, stuff_maps
from psg_ros.labelling.semantic import SemanticNetwork
from psg_ros.labelling.thing_masks import find_thing, share_between
from psg_ros.labels import Vocabulary
from psg_ros.robot.graph_nodes import describe_nodes
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import SceneGraph, Segmentation


class CompositeTeacher:
    """Several networks as one teacher; see `psg_ros.labelling.teacher.Teacher`.

    Args:
        careful: what the mirrored picture or the rest of the picture speaks against is left out.
    """

    relates = False

    def __init__(
        self,
        recipe: Recipe,
        vocabulary: Vocabulary,
        detector: Detector,
        semantic: list[SemanticNetwork],
        *,
        careful: bool,
    ) -> None:
        self.vocabulary, self.model_name = vocabulary, recipe.name
        content = json.dumps([asdict(recipe), vocabulary.label_names, careful])
        self.identity: dict[str, Any] = {"recipe": hashlib.sha256(content.encode()).hexdigest()}
        self._recipe, self._careful = recipe, careful
        self._detector, self._semantic = detector, semantic
        names = vocabulary.label_names
        self._thing_labels = {
            name: index for index, name in enumerate(names) if vocabulary.labels[index].is_thing
        }
        self._stuff = [label.name for label in vocabulary.labels if not label.is_thing]
        self._stuff_labels = np.array(vocabulary.label_index(self._stuff), np.int64)

    @classmethod
    def open(
        cls, path: Path, config: PipelineConfig, *, nets: Path | None = None, careful: bool = True
    ) -> CompositeTeacher:
        """Open the networks of a recipe.

        Args:
            nets: where they lie, in place of the recipe's folder.

        Raises:
            FileNotFoundError: the recipe or one of its networks is missing.
            ImportError: the backend's package is not installed.
            ValueError: a recipe or a network that cannot be used; names the file.
        """
        recipe, vocabulary = read_recipe(path)
        folder = nets or path.parent / recipe.nets
        with ExitStack() as opened:  # closes what is open when something fails
            part = recipe.detector
            network = open_network(folder, part.net, part.pixels, config)
            opened.callback(network.close)
            detector, semantic = Detector(network, part), []
            for entry in recipe.semantic:
                network = open_network(folder, entry.net, entry.pixels, config)
                opened.callback(network.close)
                semantic.append(SemanticNetwork(network, entry))
            teacher = cls(recipe, vocabulary, detector, semantic, careful=careful)
            opened.pop_all()
        return teacher

    def __call__(self, image_rgb: np.ndarray) -> SceneGraph:
        """See `Teacher`; there are no relations."""
        check_image(image_rgb)
        segmentation = self._segment(image_rgb)
        regions = measure_regions(segmentation.label_map, segmentation.num_segments)
        return SceneGraph(segmentation, describe_nodes(segmentation, regions, self.vocabulary), ())

    def close(self) -> None:
        """Release the networks; may be called twice."""
        self._detector.close()
        for network in self._semantic:
            network.close()

    def _segment(self, image_rgb: np.ndarray) -> Segmentation:
        recipe, careful = self._recipe.merge, self._careful
        said = [network(image_rgb) for network in self._semantic]
        boxes = sorted(self._detector(image_rgb), key=lambda box: -box.area)
        seen = seen_classes(said, recipe.seen_area, careful=careful) | {box.name for box in boxes}
        stuff, mirrored = stuff_maps(said, self._stuff, seen, self._recipe.scene, careful=careful)
        things = share_between([find_thing(image_rgb, box, said, recipe) for box in boxes])
        return paint(
            stuff, mirrored, things, self._stuff_labels, self._thing_labels, recipe, careful=careful
        )
