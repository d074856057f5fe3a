# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Boxes out of YOLOX's rows, with a network whose rows are written by hand."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.labelling.detector import Box, Detector, overlap
from psg_ros.labelling.recipe import DetectorRecipe
from psg_ros.robot.manifest import ArtifactSpec, TensorSpec

NUM_CELLS = 64 + 16 + 4
NET = ArtifactSpec("d.onnx", "", (), (TensorSpec("output", "float32", (1, NUM_CELLS, 7)),))
CLASSES = ("ball", "")
COARSE = 64 + 16
"""First row of the cells of 32 px."""


class Rows:
    """A network that gives the same rows whatever it sees, or other ones for each call."""

    input_hw = (64, 64)

    def __init__(self, *answers: dict[int, list[float]]) -> None:
        self._answers = list(answers)
        self.seen: list[np.ndarray] = []

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.seen.append(image)
        rows = np.zeros((1, NUM_CELLS, 7), np.float32)
        for index, row in self._answers[(len(self.seen) - 1) % len(self._answers)].items():
            rows[0, index] = row
        return rows

    def close(self) -> None:
        pass


def row(score: float, other: float = 0.0, dx: float = 0.5) -> list[float]:
    """Return a box of one cell in the middle of the cell."""
    return [dx, 0.5, 0.0, 0.0, 1.0, score, other]


def detect(
    *answers: dict[int, list[float]], shape: tuple[int, int] = (64, 64), **settings
) -> list[Box]:
    detector = Detector(Rows(*answers), DetectorRecipe(NET, CLASSES, **settings))  # type: ignore[arg-type]
    return detector(np.zeros((*shape, 3), np.uint8))


@pytest.mark.parametrize(
    ("index", "xyxy"),
    [(0, (0, 0, 8, 8)), (9, (8, 8, 16, 16)), (64 + 1, (16, 0, 32, 16)), (COARSE, (0, 0, 32, 32))],
)
def test_a_row_is_a_box_of_its_cell(index: int, xyxy: tuple[int, ...]) -> None:
    (box,) = detect({index: row(0.8)})
    assert box.xyxy == xyxy and box.score == pytest.approx(0.8) and box.name == "ball"


def test_boxes_are_in_px_of_the_picture_and_clipped_to_it() -> None:
    (box,) = detect({COARSE + 1: row(0.8, dx=1.0)}, shape=(128, 256))
    assert box.xyxy == (192, 0, 256, 128)


def test_beside_a_long_picture_the_network_sees_grey() -> None:
    rows = Rows({})
    Detector(rows, DetectorRecipe(NET, CLASSES))(np.zeros((10, 64, 3), np.uint8))  # type: ignore[arg-type]
    assert (rows.seen[0][:10] == 0).all() and (rows.seen[0][10:] == 114).all()


def test_boxes_below_the_score_or_of_unused_classes_are_left_out() -> None:
    assert detect({0: row(0.2), 20: row(0.0, other=0.9)}) == []


def test_of_boxes_that_cover_each_other_the_best_stays() -> None:
    (box,) = detect({0: row(0.5), 1: row(0.8, dx=-0.3)})
    assert box.score == pytest.approx(0.8)
    assert len(detect({0: row(0.5), 1: row(0.8, dx=0.5)})) == 2


def test_a_box_that_the_mirrored_picture_confirms_has_the_mean_score() -> None:
    (box,) = detect({0: row(0.8)}, {7: row(0.6)}, mirrored=True)
    assert box.score == pytest.approx(0.7)


def test_a_box_that_it_does_not_show_is_worth_less() -> None:
    (box,) = detect({0: row(0.8)}, {}, mirrored=True, unconfirmed=0.5)
    assert box.score == pytest.approx(0.4)


def test_a_class_may_be_trusted_less_than_others() -> None:
    (box,) = detect({0: row(0.8)}, trust={"ball": 0.5})
    assert box.score == pytest.approx(0.4)


def test_rows_that_are_no_numbers_are_passed_over() -> None:
    assert detect({0: [np.nan] * 7, 1: [0.5, np.inf, 0.0, 0.0, 1.0, 0.9, 0.0]}) == []


def test_a_box_of_a_broken_size_ends_at_the_picture() -> None:
    (box,) = detect({1: [0.5, 0.5, 200.0, 0.0, 1.0, 0.9, 0.0]})
    assert box.xyxy == (0, 0, 64, 8)


def test_overlap_of_boxes() -> None:
    a, b = Box("a", 1, (0, 0, 10, 10)), Box("b", 1, (5, 0, 15, 10))
    assert overlap(a, a) == 1 and overlap(a, b) == pytest.approx(1 / 3)
    assert overlap(a, Box("c", 1, (20, 20, 30, 30))) == 0
