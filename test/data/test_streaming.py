# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Items read in other processes: order, bounds, errors, and no process left behind."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import pytest
from stream_reading import (
    Numbers,
    die,
    double,
    fail_at_three,
    fail_oddly,
    read_item,
    slow_first,
)
from tiny_psg import PREDICATES, STUFF, THINGS, write_tiny_psg

from psg_ros.data.opening import open_dataset
from psg_ros.data.streaming import stream
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary

ROOT = Path(__file__).parents[2]


def test_items_come_in_the_order_that_was_asked_for():
    assert list(stream(Numbers(9), [5, 0, 7, 0, 1, 2], slow_first)) == [5, 0, 7, 0, 1, 2]


def test_the_work_is_done_in_other_processes():
    processes = {pid for _, pid in stream(Numbers(9), range(9), double, workers=1)}
    assert len(processes) == 1 and os.getpid() not in processes


def test_without_workers_the_caller_reads():
    assert list(stream(Numbers(3), range(3), double, workers=0)) == [
        (2 * i, os.getpid()) for i in range(3)
    ]


def test_no_more_than_prefetch_items_are_read_ahead(tmp_path):
    with closing(stream(Numbers(50, tmp_path), range(50), double, prefetch=4)) as items:
        for _ in range(3):
            next(items)
        deadline = time.monotonic() + 60  # workers import a lot first
        while len(list(tmp_path.iterdir())) < 7 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.3)
        read = sorted(int(path.name) for path in tmp_path.iterdir())
    assert read == list(range(7)), "three were taken, four wait"


def test_endless_indices_are_taken_as_far_as_needed():
    with closing(stream(Numbers(3), itertools.cycle(range(3)), slow_first, prefetch=2)) as items:
        assert list(itertools.islice(items, 7)) == [0, 1, 2, 0, 1, 2, 0]


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_names_the_image_and_keeps_its_type(workers):
    items = stream(Numbers(9), range(9), fail_at_three, workers)
    with pytest.raises(ValueError, match="^image n3: no such colour$"):
        list(items)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_any_class_gets_through(workers):
    with pytest.raises(RuntimeError, match="^image n1: OddError: 1 and 2$"):
        list(stream(Numbers(2), [1], fail_oddly, workers))


def test_a_data_set_without_names_gives_the_index():
    with pytest.raises(ValueError, match="^item 3: no such colour$"):
        list(stream([], [3], fail_at_three, workers=0))


def test_a_worker_that_dies_is_an_error_and_no_endless_wait():
    with pytest.raises(RuntimeError, match="process that reads the data set ended"):
        list(stream(Numbers(2), range(2), die, workers=1))
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("how", ["closed", "dropped"])
def test_an_early_stop_ends_the_processes(how):
    items = stream(Numbers(99), range(99), double)
    next(items)
    assert multiprocessing.active_children()
    if how == "closed":
        items.close()
    else:
        del items
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(("workers", "prefetch"), [(-1, 4), (1, 0)])
def test_wrong_numbers_are_refused_before_anything_starts(workers, prefetch):
    with pytest.raises(ValueError, match="workers must be 0 or more and prefetch 1 or more"):
        stream(Numbers(2), range(2), double, workers, prefetch)


def test_annotated_images_come_through_unchanged(tmp_path):
    vocabulary = Vocabulary(
        tuple(ObjectLabel(name, name in THINGS, (9, 9, 9)) for name in (*THINGS, *STUFF)),
        tuple(map(Predicate, PREDICATES)),
    )
    dataset = open_dataset(write_tiny_psg(tmp_path / "set"), vocabulary, "train")
    items = list(stream(dataset, range(len(dataset)), read_item))
    assert [name for name, _ in items] == dataset.image_ids
    for (_, label_map), item in zip(items, dataset, strict=True):
        np.testing.assert_array_equal(label_map, item.segmentation.label_map)


SCRIPT = """
import signal, sys
# Started in the background of a script, a process inherits that Ctrl-C is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path[:0] = [{root!r}, {test!r}]
from psg_ros.data.streaming import stream
from stream_reading import Numbers, double
if __name__ == "__main__":
    try:
        for item in stream(Numbers(9), __import__("itertools").repeat(0), double):
            print(item[1], flush=True)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_a_caller_that_was_stopped(tmp_path, number):
    (tmp_path / "script.py").write_text(SCRIPT.format(root=str(ROOT), test=str(ROOT / "test")))
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "script.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as process:
        process.stdout.readline()
        children = psutil.Process(process.pid).children(recursive=True)
        # Ctrl-C in a terminal reaches all of them, the kernel's killer only one.
        if number == signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.kill()
        out, errors = process.communicate(timeout=60)
    assert len(children) >= 2
    assert not psutil.wait_procs(children, timeout=60)[1]
    if number == signal.SIGINT:
        assert out.endswith("interrupted\n") and not errors
