# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recipe: the YAML file that describes a composite teacher; see config/teachers for one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from psg_ros.labels import Vocabulary, find_vocabulary
from psg_ros.robot.manifest import ArtifactSpec
from psg_ros.setting_files import load_config

ORDERS = ("rgb", "bgr")


@dataclass(frozen=True)
class Pixels:
    """What a network takes for a pixel: its channels c become (c - mean) / std, c in 0..255.

    Attributes:
        order: of the channels, one of `ORDERS`.
        mean, std: in that order.
    """

    order: str = "rgb"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise ValueError(f"order must be one of {', '.join(ORDERS)}, not {self.order!r}")
        if not all(value > 0 for value in self.std):
            raise ValueError(f"std must be above 0, not {list(self.std)}")

    @property
    def is_plain(self) -> bool:
        """Whether values stay as they are."""
        return not any(self.mean) and set(self.std) == {1.0}


@dataclass(frozen=True)
class DetectorRecipe:
    """A YOLOX network, its boxes not decoded yet.

    Attributes:
        net: one float input [1, 3, H, W], one output [1, cell, 5 + class].
        classes: a name of the vocabulary for every class; empty: not used.
        score: a box below is not looked at, 0..1.
        nms_iou: of two boxes of one class that overlap more, the lesser goes.
        rival_iou: of two boxes of any classes that overlap more, the lesser goes.
        mirrored: look at the mirrored picture, too; the score is the mean of both.
        unconfirmed: factor on the score of a box that the mirrored picture does not show.
        trust: factor on the score of a class, where it is not 1.
    """

    net: ArtifactSpec
    classes: tuple[str, ...]
    pixels: Pixels = Pixels(order="bgr")
    score: float = 0.25
    nms_iou: float = 0.5
    rival_iou: float = 0.75
    mirrored: bool = False
    unconfirmed: float = 0.6
    trust: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SemanticClass:
    """One class of a semantic network.

    Attributes:
        name: for the scene rules.
        stuff: what its area is called; empty: nothing.
        things: in a box of one of these its area is part of the thing.
        claims: where it has things and no stuff: its area is kept free for a box, so that no later
            network makes stuff of it.
    """

    name: str
    stuff: str = ""
    things: tuple[str, ...] = ()
    claims: bool = True


@dataclass(frozen=True)
class SemanticRecipe:
    """A semantic network.

    Attributes:
        net: one input [1, 3, H, W] or [1, H, W, 3], one output: the class of every pixel, integers
            [1, h, w], or the scores of all classes, float [1, class, h, w].
        classes: by index.
        mirrored: look at the mirrored picture, too; where the two differ the class is doubtful.
    """

    net: ArtifactSpec
    classes: tuple[SemanticClass, ...]
    pixels: Pixels = Pixels()
    mirrored: bool = False


@dataclass(frozen=True)
class SceneRule:
    """What must be seen beside stuff for it to be believed.

    Attributes:
        classes: of semantic networks; the stuff of these.
        any_of: at least one of these classes of networks or detector is seen; empty: no matter.
        none_of: none of these is seen.
    """

    classes: tuple[str, ...]
    any_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class MergeRecipe:
    """How boxes and classes become segments; shares and factors are in 0..1.

    Attributes:
        least_fill: share of a box that the networks' classes must fill to be its mask; otherwise
            the mask is cut out by GrabCut.
        most_fill: a mask that fills more of its box is the box and no mask...
        boxy: ... but for these things.
        grabcut_px: longest side of what GrabCut works on.
        grabcut_fill: GrabCut's mask must fill at least so much of the box, or it is rough.
        grabcut_trust: factor on the score of a mask that GrabCut made.
        rough_trust: factor on the score of a rough mask: an ellipse, a box, one mostly hidden.
        least_visible: share of its mask that a thing must keep when smaller things cover it.
        min_thing_px: smaller things are void.
        min_stuff_area: share of the picture below which stuff is void.
        min_island_area: share of the picture below which a piece of stuff is void.
        seen_area: share of the picture from which on a class counts as seen (scene rules).
    """

    least_fill: float = 0.25
    most_fill: float = 0.93
    boxy: tuple[str, ...] = ()
    grabcut_px: int = 120
    grabcut_fill: float = 0.4
    grabcut_trust: float = 0.9
    rough_trust: float = 0.5
    least_visible: float = 0.4
    min_thing_px: int = 24
    min_stuff_area: float = 0.02
    min_island_area: float = 0.003
    seen_area: float = 0.02


@dataclass(frozen=True)
class Recipe:
    """A composite teacher.

    Attributes:
        labels: vocabulary of all names: a file of config/labels without its ending, or a path
            relative to the recipe.
        nets: folder of the networks, relative to the recipe.
        semantic: the first network that names a pixel wins.
    """

    name: str
    labels: str
    detector: DetectorRecipe
    semantic: tuple[SemanticRecipe, ...]
    nets: str = "."
    scene: tuple[SceneRule, ...] = ()
    merge: MergeRecipe = MergeRecipe()


def read_recipe(path: Path) -> tuple[Recipe, Vocabulary]:
    """Read a recipe and the vocabulary that it names.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a recipe; names the file and the entry.
    """
    recipe = load_config(Recipe, path)
    vocabulary = find_vocabulary(recipe.labels, path.parent)
    try:
        _check_names(recipe, vocabulary)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return recipe, vocabulary


def _check_names(recipe: Recipe, vocabulary: Vocabulary) -> None:
    """Raise ValueError for the first name that nothing else knows."""
    things = [label.name for label in vocabulary.labels if label.is_thing]
    stuff = [label.name for label in vocabulary.labels if not label.is_thing]
    detected = [name for name in recipe.detector.classes if name]
    classes = [entry for network in recipe.semantic for entry in network.classes]
    seen = {entry.name for entry in classes} | set(detected)
    in_thing = f"a thing of {recipe.labels}"
    _check("detector: classes", detected, things, in_thing)
    _check("detector: trust", recipe.detector.trust, detected, "a class of the detector")
    for entry in classes:
        _check(f"class {entry.name}: things", entry.things, things, in_thing)
        _check(f"class {entry.name}: stuff", filter(None, [entry.stuff]), stuff, "stuff there")
    _check("merge: boxy", recipe.merge.boxy, things, in_thing)
    for rule in recipe.scene:
        _check("scene: classes", rule.classes, [c.name for c in classes], "a semantic class")
        _check("scene", (*rule.any_of, *rule.none_of), seen, "a class of any network")


def _check(where: str, names: Iterable[str], known: Sequence[str] | set[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{where}: {name!r} is not {what}")
