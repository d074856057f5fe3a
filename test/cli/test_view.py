# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg view: what is in the recording that the viewer gets, and that a browser draws it."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from graph_bags import pictures, write_images

from psg_ros.__main__ import main

ROOT = Path(__file__).parents[2]
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
ENTITIES = {"camera/image", "camera/masks", "camera/boxes", "graph", "relations"}


@pytest.fixture
def view(tiny_model: Path):
    pytest.importorskip("rerun", reason="needs the extra 'view'")
    return lambda *arguments: main(["view", *map(str, arguments), "--model", str(tiny_model)])


@pytest.fixture
def graphs(tmp_path: Path, tiny_model: Path) -> Path:
    """A bag of graphs with the images they were made of."""
    pytest.importorskip("rosbags", reason="needs the extra 'bags'")
    source, out = write_images(tmp_path / "images"), tmp_path / "graphs"
    arguments = ["-o", str(out), "--copy", "all", "--model", str(tiny_model)]
    assert main(["bag", str(source), *arguments]) == 0
    return out


def rows(path: Path) -> dict[str, list[dict[str, object]]]:
    """Return what is logged, by entity: a dictionary of components a row."""
    from rerun.chunk import RrdReader

    found = defaultdict(list)
    for chunk in RrdReader(path).stream().to_chunks():
        batch = chunk.to_record_batch()
        if "stamp" in batch.schema.names:  # Python has no time in nanoseconds
            place = batch.schema.get_field_index("stamp")
            batch = batch.set_column(place, "stamp", batch["stamp"].cast("int64"))
        found[chunk.entity_path.strip("/")] += batch.to_pylist()
    return dict(found)


def values(row: dict[str, object], component: str) -> list:
    (name,) = (name for name in row if name.endswith(f":{component}"))
    return row[name]


@pytest.mark.parametrize("kind", ["bag of graphs", "bag of images", "image"])
def test_masks_boxes_graph_and_relations_are_there(view, graphs, tmp_path: Path, kind: str):
    photo = tmp_path / "photo.png"
    photo.write_bytes(pictures(1)[0])
    source = {"bag of graphs": graphs, "bag of images": tmp_path / "images", "image": photo}[kind]
    assert view(source, "--save", tmp_path / "out.rrd") == 0
    found = rows(tmp_path / "out.rrd")
    assert set(found) >= ENTITIES
    count = 1 if kind == "image" else 4
    assert {len(found[name]) for name in ENTITIES} == {count}
    (box, *_) = found["camera/boxes"]
    assert sorted(values(box, "labels")) == ["blue #2", "red #1"]
    (graph, *_) = found["graph"]
    assert {"red #1", "blue #2", "right of", "left of"} == set(values(graph, "labels"))
    assert len(values(graph, "edges")) == 4, "two arrows a relation"
    (listed,) = values(found["relations"][0], "text")
    assert "red #1 -- right of --> blue #2" in listed
    lanes = {name for name in found if name.startswith("holds/")}
    assert lanes == {"holds/red_1.right_of.blue_2", "holds/blue_2.left_of.red_1"}


def test_pixels_have_the_class_of_their_segment(view, graphs, tmp_path: Path) -> None:
    assert view(graphs, "--save", tmp_path / "out.rrd") == 0
    (first, *_) = rows(tmp_path / "out.rrd")["camera/masks"]
    (mask_bytes,) = values(first, "buffer")
    classes = np.array(mask_bytes, np.uint8).view(np.uint16).reshape(120, 240)
    red, blue, void = classes[60, 160], classes[60, 50], classes[5, 5]
    assert (int(red), int(blue), int(void)) == (1, 3, 0)


def test_the_time_line_is_that_of_the_images(view, graphs, tmp_path: Path) -> None:
    assert view(graphs, "--save", tmp_path / "out.rrd", "--frames", 3) == 0
    stamps = [row["stamp"] for row in rows(tmp_path / "out.rrd")["camera/boxes"]]
    assert stamps == [second * 1_000_000_000 + 250 for second in (6, 7, 8)]


def test_a_relation_that_ends_leaves_its_lane(view, tmp_path: Path) -> None:
    pytest.importorskip("av")
    from psg_ros.media import VideoWriter

    both, none = cv2.imdecode(np.frombuffer(pictures(1)[0], np.uint8), 1)[..., ::-1], None
    none = np.zeros_like(both)
    with VideoWriter(tmp_path / "clip.mp4", 10.0) as writer:
        for index, image in enumerate((both, both, none, both)):
            writer.write(np.ascontiguousarray(image), index / 10)
    assert view(tmp_path / "clip.mp4", "--save", tmp_path / "out.rrd") == 0
    lane = rows(tmp_path / "out.rrd")["holds/red_1.right_of.blue_2"]
    states = [values(row, "state") for row in sorted(lane, key=lambda row: row["frame"])]
    assert states[:3] == [["tentative"], ["tentative"], []]


def test_one_of_several_topics_of_graphs_must_be_named(view, tmp_path: Path, tiny_model) -> None:
    pytest.importorskip("rosbags", reason="needs the extra 'bags'")
    for name in ("one", "two"):
        write_images(tmp_path / name, 2)
        arguments = ["-o", str(tmp_path / f"graphs_{name}"), "--model", str(tiny_model)]
        assert main(["bag", str(tmp_path / name), *arguments]) == 0
    assert view(tmp_path / "graphs_one", "--topic", "/nothing", "--save", tmp_path / "o.rrd") == 2
    assert not (tmp_path / "o.rrd").exists()


def test_a_bag_of_other_messages_is_refused_by_name(view, graphs, monkeypatch, capsys) -> None:
    from psg_ros.bags.message_types import bag_types

    monkeypatch.setattr(bag_types().store, "hash_rihs01", lambda kind: f"RIHS01_of_{kind}")
    assert view(graphs, "--save", graphs.parent / "o.rrd") == 2
    error = capsys.readouterr().err
    assert "was recorded with another version of psg_ros/msg/" in error and str(graphs) in error


def test_without_the_viewer_the_extra_is_named(monkeypatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setitem(sys.modules, "rerun", None)
    assert main(["view", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        "psg view: error: psg view needs Python 3.11 or newer, and: ./run setup test, "
        "or pip install rerun-sdk (extra 'view')\n"
    )


def test_what_is_no_graph_is_one_line(view, tmp_path: Path, capsys) -> None:
    assert view(tmp_path / "nothing", "--save", tmp_path / "o.rrd") == 2
    (tmp_path / "empty").mkdir()
    assert view(tmp_path / "empty", "--save", tmp_path / "o.rrd") == 2
    assert capsys.readouterr().err.count("\n") == 2


@pytest.mark.parametrize("content", [b"hello\n", b""])
def test_what_cannot_be_read_is_refused_before_a_page_is_served(
    view, tmp_path: Path, capsys, content: bytes
) -> None:
    (tmp_path / "photo.jpg").write_bytes(content)
    assert view(tmp_path / "photo.jpg", "--no-browser", "--port", free_port()) == 2
    assert "look at http" not in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="no chromium")
def test_a_browser_draws_it_and_asks_no_other_machine(graphs, tmp_path: Path) -> None:
    pytest.importorskip("rerun", reason="needs the extra 'view'")
    from headless_browser import screenshot

    command = [sys.executable, "-m", "psg_ros", "view", str(graphs), "--no-browser"]
    command += ["--port", str(free_port())]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr
            address = re.search(r"http\S+", server.stderr.readline())
            assert address
            picture, requested = screenshot(BROWSER, address[0], until=has_red_and_blue)
        finally:
            server.terminate()
    assert has_red_and_blue(picture)
    hosts = {urlsplit(url).hostname for url in requested if url.startswith("http")}
    assert hosts == {"127.0.0.1"}, requested


def free_port() -> int:
    """Return the first of two neighbouring ports that nobody uses."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 1))
                return port


def has_red_and_blue(picture: np.ndarray) -> bool:
    """Whether both boxes of the scene are drawn: the viewer's own page is white and grey."""
    red, green, blue = (picture[..., channel].astype(int) for channel in range(3))
    is_red, is_blue = (red - green > 100) & (red - blue > 100), (blue - green > 100) & (blue > red)
    return min(int(is_red.sum()), int(is_blue.sum())) > 2000
