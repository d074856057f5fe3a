# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A real model folder, small enough to write in a test, whose answers can be foretold.

Query k is a linear classifier of one pure colour (a corner of the RGB cube): its mask is where the
picture has that colour, its class is the label of that name, and it drops out when the colour is
absent, so a black picture gives an empty graph. The relation network compares box centres: a
subject is left of, right of, above or below the object; the surer, the smaller the subject is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from onnx_writing import FLOAT, network, node

from psg_ros.file_digest import file_sha256
from psg_ros.robot.manifest import (
    FORMAT,
    LABELS_FILE,
    MANIFEST_FILE,
    ArtifactSpec,
    Manifest,
    TensorSpec,
)

COLORS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
    "white": (255, 255, 255),
}
"""Label name -> colour, in label order; the first three are things, the others stuff."""
NUM_THINGS = 3
PREDICATES = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
"""Predicate -> inverse, in predicate order."""
GAIN = 20.0
MAX_PAIRS = 200
"""Pairs that the relation network takes at once."""


@dataclass(frozen=True)
class Network:
    """An ONNX file and what it declares."""

    content: bytes
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


def paint(image_hw: tuple[int, int], boxes_xyxy: Mapping[str, Sequence[int]]) -> np.ndarray:
    """Return a black RGB picture uint8 [height, width, 3] with boxes, later ones over earlier."""
    image = np.zeros((*image_hw, 3), np.uint8)
    for color, (left, top, right, bottom) in boxes_xyxy.items():
        image[top:bottom, left:right] = COLORS[color]
    return image


def write_tiny_model(
    folder: Path,
    *,
    input_hw: tuple[int, int] = (64, 96),
    num_queries: int = 6,
    mask_stride: int = 4,
    cell_px: tuple[int, int] = (16, 16),
    name: str = "tiny",
    with_relations: bool = True,
) -> Path:
    """Write manifest.yaml, labels.yaml, segmenter.onnx and relations.onnx; return the folder.

    Args:
        num_queries: 3 to 7; query k answers to the k-th of `COLORS`.
        with_relations: False writes the form `segmenter_only`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    colors = dict(list(COLORS.items())[:num_queries])
    grid_hw = (input_hw[0] // cell_px[0], input_hw[1] // cell_px[1])
    segmenter = segmenter_network(
        input_hw, list(colors.values()), mask_stride, cell_px, with_tokens=with_relations
    )
    networks = {"segmenter": segmenter}
    if with_relations:
        networks["relations"] = relations_network(grid_hw)
    manifest = Manifest(
        format=FORMAT,
        name=name,
        description="Finds boxes of pure colours and says how they lie to each other.",
        form="two_files" if with_relations else "segmenter_only",
        input_hw=input_hw,
        mask_stride=mask_stride,
        grid_hw=grid_hw if with_relations else None,
        cell_px=cell_px if with_relations else None,
        score_threshold=0.5,
        overlap_threshold=0.5,
        relation_threshold=0.3,
        artifacts={
            stage: _write_artifact(folder / f"{stage}.onnx", written)
            for stage, written in networks.items()
        },
    )
    (folder / LABELS_FILE).write_text(yaml.safe_dump(_vocabulary(colors), sort_keys=False))
    (folder / MANIFEST_FILE).write_text(yaml.safe_dump(plain(manifest), sort_keys=False))
    return folder


def plain(manifest: Manifest) -> dict:
    """Return a manifest as mappings, lists, numbers and text, as YAML wants it."""

    def lists(value: object) -> object:
        if isinstance(value, dict):
            return {key: lists(item) for key, item in value.items()}
        return [lists(item) for item in value] if isinstance(value, (list, tuple)) else value

    return lists(dataclasses.asdict(manifest))  # type: ignore[return-value]


def segmenter_network(
    input_hw: tuple[int, int],
    colors: Sequence[tuple[int, int, int]],
    mask_stride: int,
    cell_px: tuple[int, int],
    with_tokens: bool = True,
) -> Network:
    """Build stage `segmenter`; mask logits are +GAIN/2 on the colour, -GAIN/2 or less elsewhere."""
    corner = np.array(colors, np.float32) / 255
    count = len(colors)
    classes = np.eye(count, count + 1, dtype=np.float32)
    no_object = np.eye(1, count + 1, count, np.float32)
    constants = {
        "scale": np.float32(1 / 255),
        "direction": (GAIN * (2 * corner - 1))[:, :, None, None],
        "offset": GAIN * (0.5 - corner.sum(axis=1)),
        "classes": classes,
        "other_classes": np.float32(-GAIN) * (1 - classes - no_object),
        "token_shape": np.array([1, 3, -1]),
    }
    nodes = [
        node("Cast", ["image"], ["pixels"], to=FLOAT),
        node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
        node("Mul", ["planes", "scale"], ["rgb"]),
        _average_pool("rgb", "small", (mask_stride, mask_stride)),
        node("Conv", ["small", "direction", "offset"], ["mask_logits"]),
        node("GlobalMaxPool", ["mask_logits"], ["highest"]),
        node("Squeeze", ["highest", "last_axis"], ["presence"]),
        node("Mul", ["presence", "classes"], ["own_class"]),
        node("Add", ["own_class", "other_classes"], ["class_logits"]),
    ]
    tokens = [
        _average_pool("rgb", "cells", cell_px),
        node("Reshape", ["cells", "token_shape"], ["token_columns"]),
        node("Transpose", ["token_columns"], ["patch_tokens"], perm=[0, 2, 1]),
    ]
    constants["last_axis"] = np.array([3])
    mask_hw = [size // mask_stride for size in input_hw]
    num_cells = (input_hw[0] // cell_px[0]) * (input_hw[1] // cell_px[1])
    inputs = [TensorSpec("image", "uint8", (1, *input_hw, 3))]
    outputs = [
        TensorSpec("class_logits", "float32", (1, count, count + 1)),
        TensorSpec("mask_logits", "float32", (1, count, *mask_hw)),
    ]
    if with_tokens:
        nodes += tokens
        outputs.append(TensorSpec("patch_tokens", "float32", (1, num_cells, 3)))
    return _network("segmenter", nodes, inputs, outputs, constants)


def relations_network(grid_hw: tuple[int, int], token_dim: int = 3) -> Network:
    """Build stage `relations`: box centres decide the predicate, the subject's size the doubt."""
    num_cells = grid_hw[0] * grid_hw[1]
    columns = len(PREDICATES) + 1
    # Twice the centre difference, object minus subject: x = boxes @ [-1 . -1 . 1 . 1 .].
    geometry = np.zeros((8, columns), np.float32)
    for predicate, (axis, sign) in enumerate([(0, 1), (0, -1), (1, 1), (1, -1)], start=1):
        geometry[[axis, axis + 2], predicate] = -sign * GAIN
        geometry[[4 + axis, 6 + axis], predicate] = sign * GAIN
    doubt = np.eye(1, columns, 0, np.float32)
    constants = {
        "forward_geometry": geometry,
        "backward_geometry": np.roll(geometry, 4, axis=0),
        "share": np.full((num_cells, 1), 1 / num_cells, np.float32) * 4,
        "brightness": np.full((token_dim, 1), 1.0, np.float32),
        "doubt": doubt,
        "base": -6 * doubt,
        "first_axis": np.array([0]),
    }
    nodes = [node("Squeeze", ["patch_tokens", "first_axis"], ["tokens"])]
    nodes.append(node("MatMul", ["tokens", "brightness"], ["light"]))
    nodes.append(node("Mul", ["light", "share"], ["weight"]))
    for way, subject in (("forward", "subject_overlap"), ("backward", "object_overlap")):
        nodes += [
            node("MatMul", [subject, "weight"], [f"{way}_size"]),
            node("Mul", [f"{way}_size", "doubt"], [f"{way}_doubt"]),
            node("MatMul", ["boxes", f"{way}_geometry"], [f"{way}_position"]),
            node("Add", [f"{way}_position", f"{way}_doubt"], [f"{way}_sum"]),
            node("Add", [f"{way}_sum", "base"], [f"{way}_logits"]),
        ]
    inputs = [
        TensorSpec("patch_tokens", "float32", (1, num_cells, token_dim)),
        TensorSpec("subject_overlap", "float32", (-1, num_cells), (MAX_PAIRS, num_cells)),
        TensorSpec("object_overlap", "float32", (-1, num_cells), (MAX_PAIRS, num_cells)),
        TensorSpec("boxes", "float32", (-1, 8), (MAX_PAIRS, 8)),
    ]
    outputs = [
        TensorSpec(f"{way}_logits", "float32", (-1, columns), (MAX_PAIRS, columns))
        for way in ("forward", "backward")
    ]
    return _network("relations", nodes, inputs, outputs, constants)


def _network(
    name: str,
    nodes: list[bytes],
    inputs: list[TensorSpec],
    outputs: list[TensorSpec],
    constants: Mapping[str, np.ndarray],
) -> Network:
    content = network(name, nodes, inputs, outputs, constants)
    return Network(content, tuple(inputs), tuple(outputs))


def _average_pool(source: str, target: str, size_hw: tuple[int, int]) -> bytes:
    return node("AveragePool", [source], [target], kernel_shape=size_hw, strides=size_hw)


def _write_artifact(path: Path, model: Network) -> ArtifactSpec:
    path.write_bytes(model.content)
    return ArtifactSpec(path.name, file_sha256(path), model.inputs, model.outputs)


def _vocabulary(colors: Mapping[str, tuple[int, int, int]]) -> dict:
    entries = [{"name": n, "color": f"#{bytes(rgb).hex()}"} for n, rgb in colors.items()]
    predicates = [{"name": name, "inverse": inverse} for name, inverse in PREDICATES.items()]
    return {
        "things": entries[:NUM_THINGS],
        "stuff": entries[NUM_THINGS:],
        "predicates": predicates,
    }
