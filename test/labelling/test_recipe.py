# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes of composite teachers: the shipped one, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_teacher import write_tiny_recipe

from psg_ros.labelling.recipe import read_recipe
from psg_ros.resources import share_path

SHIPPED = sorted((share_path() / "config" / "teachers").glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_recipes_can_be_read(path: Path) -> None:
    recipe, vocabulary = read_recipe(path)
    assert recipe.name == path.stem and vocabulary.num_labels > 100
    assert len(recipe.detector.classes) == recipe.detector.net.outputs[0].shape[2] - 5


def changed(folder: Path, *keys: str | int, value: Any) -> Path:
    """Write a tiny recipe with one value changed."""
    path = write_tiny_recipe(folder)
    recipe = yaml.safe_load(path.read_text())
    place = recipe
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(yaml.safe_dump(recipe))
    return path


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("detector", "classes"), ["ball", "bx"], "'bx' is not a thing of labels.yaml"),
        (("detector", "classes"), ["ball", "grass"], "'grass' is not a thing"),
        (("semantic", 0, "classes", 2, "stuff"), "gras", "class meadow: stuff: 'gras'"),
        (("semantic", 0, "classes", 1, "things"), ["bal"], "class round: things: 'bal'"),
        (("detector", "trust"), {"bal": 0.5}, "trust: 'bal' is not a class of the detector"),
        (("merge",), {"boxy": ["cube"]}, "boxy: 'cube'"),
        (("scene",), [{"classes": ["lake"]}], "scene: classes: 'lake' is not a semantic class"),
        (("scene",), [{"classes": ["pond"], "any_of": ["duck"]}], "scene: 'duck' is not a class"),
        (("merge",), {"grab_px": 3}, "unknown key 'grab_px'"),
        (("detector", "pixels", "order"), "hsv", "order must be one of rgb, bgr"),
        (("detector", "pixels", "std"), [1, 0, 1], "std must be above 0"),
        (("detector", "net"), "net.onnx", "net must be a mapping"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, keys, value, message) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read_recipe(changed(tmp_path, *keys, value=value))
    assert "recipe.yaml" in str(caught.value)


def test_missing_labels_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no vocabulary 'mine'"):
        read_recipe(changed(tmp_path, "labels", value="mine"))
