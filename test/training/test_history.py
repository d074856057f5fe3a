# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest

from psg_ros.media import read_image
from psg_ros.training import history as module
from psg_ros.training.history import History, Means, open_history, plot_curves


@pytest.fixture
def history(tmp_path):
    return History(tmp_path / "new" / "run.jsonl")


def test_rows_are_read_back_also_by_another_process(history):
    assert history.rows() == []
    history.add(samples=50, mask=0.5)
    History(history.path).add(samples=100, mask=0.25, dice=1)
    assert history.rows() == [
        {"samples": 50, "mask": 0.5},
        {"samples": 100, "mask": 0.25, "dice": 1},
    ]


def test_a_resumed_run_forgets_what_it_does_again(history):
    for samples in (50, 100, 150):
        history.add(samples=samples)
    history.rewind("samples", 100)
    assert history.rows() == [{"samples": 50}, {"samples": 100}]
    history.rewind("samples", 0)
    assert history.rows() == []


def test_means_start_over_after_every_report():
    means = Means()
    means.add({"mask": 1.0, "dice": 3.0})
    means.add({"mask": 2.0, "dice": 4.0})
    assert means.take(digits=2) == {"mask": 1.5, "dice": 3.5}
    means.add({"mask": 1 / 3, "dice": 0.0})
    assert means.take(digits=2) == {"mask": 0.33, "dice": 0.0}


def dark_pixels(history, tmp_path) -> int:
    plot_curves(history, "samples", tmp_path / "curves.png")
    picture = cv2.imread(str(tmp_path / "curves.png"))
    return int((picture.min(axis=2) < 128).sum())


def test_curves_are_drawn_one_panel_a_number(history, tmp_path):
    history.add(samples=1, mask=0.5)
    history.add(samples=2, mask=0.2)
    one = dark_pixels(history, tmp_path)
    assert one > 100
    history.add(samples=3, mask=0.1, dice=2.0)
    assert dark_pixels(history, tmp_path) > 1.5 * one


def test_rows_may_lack_numbers_and_a_run_may_have_no_rows(history, tmp_path):
    assert dark_pixels(history, tmp_path) > 0
    history.add(mask=0.5)
    history.add(samples=2, dice=0.2)
    history.add(samples=3, mask=0.2)
    assert dark_pixels(history, tmp_path) > 100


def test_the_same_numbers_go_to_tensorboard(tmp_path):
    loading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with_board = open_history(tmp_path, "run", tensorboard=True)
    with_board.add(samples=50, mask=0.5, dice=1)
    with_board.add(samples=100, mask=0.25)
    assert [row["samples"] for row in with_board.rows()] == [50, 100]
    events = loading.EventAccumulator(str(tmp_path / "tensorboard" / "run")).Reload()
    assert set(events.Tags()["scalars"]) == {"run/mask", "run/dice"}
    points = [(point.step, point.value) for point in events.Scalars("run/mask")]
    assert points == [(50, 0.5), (100, 0.25)]


def test_a_single_point_can_be_seen(tmp_path):
    history = History(tmp_path / "run.jsonl")
    history.add(samples=50, mask=0.5)
    plot_curves(history, "samples", tmp_path / "curves.png")
    colored = read_image(tmp_path / "curves.png").astype(int)
    assert (np.ptp(colored, axis=2) > 100).any()


def test_tensorboard_forgets_what_a_resumed_run_does_again(tmp_path):
    loading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    killed = open_history(tmp_path, "run", tensorboard=True)
    killed.rewind("samples", 0)
    for samples in (50, 100, 150):
        killed.add(samples=samples, mask=0.5)
    resumed = open_history(tmp_path, "run", tensorboard=True)
    resumed.rewind("samples", 100)
    resumed.add(samples=150, mask=0.25)
    events = loading.EventAccumulator(str(tmp_path / "tensorboard" / "run")).Reload()
    points = [(point.step, point.value) for point in events.Scalars("run/mask")]
    assert points == [(50, 0.5), (100, 0.5), (150, 0.25)]


def test_without_being_asked_for_there_is_no_tensorboard(tmp_path):
    open_history(tmp_path, "run").add(samples=1, mask=0.5)
    assert [path.name for path in tmp_path.iterdir()] == ["run.jsonl"]


def test_a_missing_tensorboard_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install '\.\[tensorboard\]' in the source folder"):
        open_history(tmp_path, "run", tensorboard=True)


def test_what_a_full_disk_leaves_of_a_line_is_forgotten(history):
    history.add(samples=50)
    with history.path.open("a", encoding="utf-8") as file:
        file.write('{"samples": 1')
    assert history.rows() == [{"samples": 50}]
    history.rewind("samples", 50)
    history.add(samples=100)
    assert history.rows() == [{"samples": 50}, {"samples": 100}]
