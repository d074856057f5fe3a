# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A composite teacher small enough to write in a test: networks that know pure colours.

The detector is a YOLOX whose finest cells, 16 px of a picture of 128 x 128, each give a box of
24 px around them where they have the colour of a thing. The semantic network knows the balls too,
but not the boxes, which GrabCut has to cut out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from onnx_writing import FLOAT, network, node

from psg_ros.file_digest import file_sha256
from psg_ros.robot.manifest import TensorSpec

RED, BLUE, GREEN, CYAN = (255, 0, 0), (0, 0, 255), (0, 255, 0), (0, 255, 255)
THINGS = {"ball": RED, "box": BLUE}
CLASSES = [
    {"name": "nothing"},
    {"name": "round", "things": ["ball"]},
    {"name": "meadow", "stuff": "grass"},
    {"name": "pond", "stuff": "water"},
]
CLASS_COLORS = [(0, 0, 0), RED, GREEN, CYAN]
GAIN = 20.0
PICTURE_PX, NET_PX, CELL_PX = 128, 64, 16
BOX_PX = 24
"""In the picture; 12 px of the network's input."""


def paint(boxes: dict[tuple[int, int, int], list[tuple[int, int, int, int]]]) -> np.ndarray:
    """Return a black picture uint8 [128, 128, 3] with coloured boxes (left, top, right, bottom)."""
    image = np.zeros((PICTURE_PX, PICTURE_PX, 3), np.uint8)
    for color, places in boxes.items():
        for left, top, right, bottom in places:
            image[top:bottom, left:right] = color
    return image


def scene() -> np.ndarray:
    """Return a meadow over all of a picture, a pond, a ball and a box in it."""
    return paint({
        GREEN: [(0, 0, 128, 128)],
        CYAN: [(0, 80, 128, 128)],
        RED: [(32, 32, 48, 48)],
        BLUE: [(80, 48, 96, 64)],
    })  # fmt: skip


def write_tiny_recipe(folder: Path, **changes: Any) -> Path:
    """Write recipe.yaml, labels.yaml and two networks; return the recipe.

    Args:
        changes: keys of the recipe, in place of ours.
    """
    folder.mkdir(parents=True, exist_ok=True)
    colors = {"ball": RED, "box": BLUE, "grass": GREEN, "water": CYAN}
    named = [{"name": n, "color": f"#{bytes(rgb).hex()}"} for n, rgb in colors.items()]
    labels = {"things": named[:2], "stuff": named[2:], "predicates": [{"name": "beside"}]}
    (folder / "labels.yaml").write_text(yaml.safe_dump(labels))
    recipe = {
        "name": "tiny_composite",
        "labels": "labels.yaml",
        "detector": {
            "net": write_detector(folder / "detector.onnx"),
            "pixels": {"order": "rgb", "std": [255.0, 255.0, 255.0]},
            "classes": list(THINGS),
            "mirrored": True,
        },
        "semantic": [
            {
                "net": write_semantic(folder / "semantic.onnx"),
                "classes": CLASSES,
                "mirrored": True,
            }
        ],
        **changes,
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def write_detector(path: Path) -> dict[str, Any]:
    """Write the detector; return what a recipe says of it."""
    corner = np.array(list(THINGS.values()), np.float32) / 255
    count, cells, coarse = (
        len(THINGS),
        (NET_PX // 8) ** 2,
        (NET_PX // 16) ** 2 + (NET_PX // 32) ** 2,
    )
    middle = np.tile([0.5, 0.5, np.log(1.5), np.log(1.5), 1.0], (1, cells, 1)).astype(np.float32)
    constants = {
        "direction": (GAIN * (2 * corner - 1))[:, :, None, None],
        "offset": (GAIN * (0.5 - corner.sum(axis=1))).astype(np.float32),
        "columns": np.array([1, count, cells]),
        "middle": middle,
        "coarse": np.zeros((1, coarse, 5 + count), np.float32),
    }
    nodes = [
        node("AveragePool", ["images"], ["cells"], kernel_shape=[8, 8], strides=[8, 8]),
        node("Conv", ["cells", "direction", "offset"], ["logits"]),
        node("Sigmoid", ["logits"], ["planes"]),
        node("Reshape", ["planes", "columns"], ["by_class"]),
        node("Transpose", ["by_class"], ["scores"], perm=[0, 2, 1]),
        node("Concat", ["middle", "scores"], ["fine"], axis=2),
        node("Concat", ["fine", "coarse"], ["output"], axis=1),
    ]
    inputs = [TensorSpec("images", "float32", (1, 3, NET_PX, NET_PX))]
    outputs = [TensorSpec("output", "float32", (1, cells + coarse, 5 + count))]
    return _write(path, nodes, inputs, outputs, constants)


def write_semantic(path: Path, *, with_scores: bool = False) -> dict[str, Any]:
    """Write the semantic network; return what a recipe says of it.

    Args:
        with_scores: its output is the scores of all classes, not the best class.
    """
    corner = np.array(CLASS_COLORS, np.float32) / 255
    constants = {
        "scale": np.float32(1 / 255),
        "direction": (GAIN * (2 * corner - 1))[:, :, None, None],
        "offset": (GAIN * (0.5 - corner.sum(axis=1))).astype(np.float32),
    }
    nodes = [
        node("Cast", ["image"], ["pixels"], to=FLOAT),
        node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
        node("Mul", ["planes", "scale"], ["rgb"]),
        node("Conv", ["rgb", "direction", "offset"], ["scores"]),
        node("ArgMax", ["scores"], ["classes"], axis=1, keepdims=0),
    ]
    outputs = [TensorSpec("classes", "int64", (1, NET_PX, NET_PX))]
    if with_scores:
        nodes.pop()
        outputs = [TensorSpec("scores", "float32", (1, len(corner), NET_PX, NET_PX))]
    inputs = [TensorSpec("image", "uint8", (1, NET_PX, NET_PX, 3))]
    return _write(path, nodes, inputs, outputs, constants)


def _write(
    path: Path,
    nodes: list[bytes],
    inputs: list[TensorSpec],
    outputs: list[TensorSpec],
    constants: dict[str, np.ndarray],
) -> dict[str, Any]:
    path.write_bytes(network(path.stem, nodes, inputs, outputs, constants))
    tensors = {
        kind: [{"name": t.name, "dtype": t.dtype, "shape": list(t.shape)} for t in specs]
        for kind, specs in (("inputs", inputs), ("outputs", outputs))
    }
    return {"file": path.name, "sha256": file_sha256(path), **tensors}
