# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""GraphRecording: scenes as a recording of Rerun, kept in a file or served to a browser."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from psg_ros.graph_files import relation_line
from psg_ros.labels import Vocabulary
from psg_ros.scene_graph import SceneGraph, SceneRelation
from psg_ros.viewing.matching import Scene
from psg_ros.viewing.page import ViewerPage, check_port, free_port

APPLICATION = "psg_ros"
IMAGE, MASKS, BOXES = "camera/image", "camera/masks", "camera/boxes"
GRAPH, TEXT, HOLDS = "graph", "relations", "holds"
STAMP, FRAME = "stamp", "frame"
"""Time lines: when the image was taken, and the number of the scene."""

_JPEG_QUALITY = 80
_MASK_OPACITY = 0.45
_WORD_COLOR = (128, 128, 128)
_LINK_PX, _PUSH = 40.0, -600.0
"""How the viewer lays the graph out: length of an arrow, and how nodes push each other away."""
Triplet = tuple[int, int, int]


class GraphRecording:
    """Shows one scene after the other.

    Args:
        max_relations: at most so many relations of a scene are shown, best first.

    Raises:
        ImportError: `rerun` is not installed; names the extra.
    """

    def __init__(self, max_relations: int) -> None:
        self._rerun = load_rerun()
        self._stream: Any = self._rerun.RecordingStream(APPLICATION)
        self._stream.set_log_time_enabled(False)
        self._stream.set_log_tick_enabled(False)
        self._max_relations, self._count = max_relations, 0
        self._holding: dict[Triplet, str] = {}
        self._colors: list[tuple[int, int, int]] = []
        self._page: ViewerPage | None = None

    def save(self, path: Path) -> None:
        """Write into a file from now on."""
        self._stream.save(path, default_blueprint=self._layout())

    def serve(self, port: int, open_browser: bool) -> str:
        """Serve a viewer, which is part of the package, on this machine; return its address.

        Args:
            port: of the page; the data goes through the next one.

        Raises:
            ValueError: there is no such port, or none after it.
            OSError: one of the two is in use, or may not be used.
        """
        check_port(port)
        check_port(port + 1)
        viewer_port = free_port()
        self._page = ViewerPage(port, viewer_port, data_port=port + 1)
        data = self._stream.serve_grpc(grpc_port=port + 1, default_blueprint=self._layout())
        self._rerun.serve_web_viewer(web_port=viewer_port, open_browser=False, connect_to=data)
        address = f"http://127.0.0.1:{port}/?url={quote(data, safe='')}"
        if open_browser:
            webbrowser.open(address)
        return address

    def describe(self, vocabulary: Vocabulary) -> None:
        """Give classes their names and colours; class 0 of the viewer is void."""
        self._colors = [entry.color_rgb for entry in vocabulary.labels]
        void = (0, "void", (0, 0, 0, 0))
        known = [(i + 1, c.name, c.color_rgb) for i, c in enumerate(vocabulary.labels)]
        self._stream.log("camera", self._rerun.AnnotationContext([void, *known]), static=True)

    def show(self, scene: Scene) -> None:
        """Add a scene at its time."""
        rerun, log = self._rerun, self._stream.log
        self._stream.set_time(STAMP, timestamp=np.datetime64(scene.stamp_ns, "ns"))
        self._stream.set_time(FRAME, sequence=self._count)
        self._count += 1
        graph = scene.graph
        if scene.image is not None:
            image = rerun.Image(scene.image).compress(jpeg_quality=_JPEG_QUALITY)
            log(IMAGE, image)
        log(MASKS, rerun.SegmentationImage(_classes(graph), opacity=_MASK_OPACITY))
        log(BOXES, self._boxes(graph))
        shown = graph.relations[: self._max_relations]
        self._show_graph(graph, shown)
        lines = [f"    {relation_line(graph, relation)}" for relation in shown]
        text = "\n".join(lines) or "no relations"
        log(TEXT, rerun.TextDocument(text, media_type="text/markdown"))
        self._show_changes(graph, shown)

    def finish(self) -> None:
        """Send or write all that is left."""
        self._stream.flush()

    def close(self) -> None:
        """Finish, and end file or server."""
        self.finish()
        self._stream.disconnect()
        if self._page is not None:
            self._page.close()
            self._page = None

    def _color(self, label: int) -> tuple[int, int, int]:
        return self._colors[label] if label < len(self._colors) else _WORD_COLOR

    def _boxes(self, graph: SceneGraph) -> Any:
        seen = [node for node in graph.nodes if node.segment >= 0]
        boxes = np.array([node.bbox_xyxy for node in seen], np.float32).reshape(-1, 4)
        return self._rerun.Boxes2D(
            array=boxes,
            array_format=self._rerun.Box2DFormat.XYXY,
            class_ids=[node.label + 1 for node in seen],
            labels=[f"{node.class_name} #{node.id}" for node in seen],
        )

    def _show_graph(self, graph: SceneGraph, shown: tuple[SceneRelation, ...]) -> None:
        """Every relation is a small node of its own: the viewer writes no words on arrows."""
        names = {f"{node.id}": f"{node.class_name} #{node.id}" for node in graph.nodes}
        words, edges = {}, []
        for relation in shown:
            subject, predicate, other = _triplet(graph, relation)
            key = f"{subject} {predicate} {other}"
            words[key] = relation.predicate_name
            edges += [(f"{subject}", key), (key, f"{other}")]
        nodes = self._rerun.GraphNodes(
            [*names, *words],
            labels=[*names.values(), *words.values()],
            colors=[self._color(node.label) for node in graph.nodes] + [_WORD_COLOR] * len(words),
        )
        self._stream.log(GRAPH, nodes, self._rerun.GraphEdges(edges, graph_type="directed"))

    def _show_changes(self, graph: SceneGraph, shown: tuple[SceneRelation, ...]) -> None:
        """Log where relations begin, change their state and end: a lane each in the viewer."""
        now = {}
        for relation in shown:
            triplet = _triplet(graph, relation)
            subject, other = graph.nodes[relation.subject], graph.nodes[relation.object]
            parts = (
                f"{subject.class_name} {subject.id}",
                relation.predicate_name,
                f"{other.class_name} {other.id}",
            )
            path = f"{HOLDS}/{'.'.join(map(_path_part, parts))}"
            state = "holds" if relation.state is None else relation.state.name.lower()
            now[triplet] = path
            self._stream.log(path, self._rerun.StateChange(state=state))
        for triplet, path in self._holding.items():
            if triplet not in now:
                self._stream.log(path, self._rerun.StateChange.from_fields(clear_unset=True))
        self._holding = now

    def _layout(self) -> Any:
        view = self._rerun.blueprint
        return view.Blueprint(
            view.Horizontal(
                view.Vertical(
                    view.Spatial2DView(origin="camera", name="Masks and boxes"),
                    view.StateTimelineView(origin=HOLDS, name="Which relation holds when"),
                    row_shares=[3, 2],
                ),
                view.Vertical(
                    view.GraphView(
                        origin=GRAPH,
                        name="Scene graph",
                        force_link=view.archetypes.ForceLink(distance=_LINK_PX),
                        force_many_body=view.archetypes.ForceManyBody(strength=_PUSH),
                    ),
                    view.TextDocumentView(origin=TEXT, name="Relations, best first"),
                    row_shares=[3, 2],
                ),
                column_shares=[3, 2],
            ),
            collapse_panels=True,
        )


def load_rerun() -> Any:
    """Return the package.

    Raises:
        ImportError: it is not installed; names the extra.
    """
    try:
        import rerun
        import rerun.blueprint  # noqa: F401 - an attribute only once it is imported
    except ImportError as error:
        raise ImportError(
            "psg view needs Python 3.11 or newer, and: ./run setup test, or pip install rerun-sdk "
            "(extra 'view')"
        ) from error
    return rerun


def _classes(graph: SceneGraph) -> np.ndarray:
    """Return uint16 [height, width]: each pixel its label + 1, 0 where void."""
    of_segment = np.append(graph.segmentation.labels + 1, 0).astype(np.uint16)
    return of_segment[graph.segmentation.label_map]  # void is -1, the last one


def _triplet(graph: SceneGraph, relation: SceneRelation) -> Triplet:
    ids = graph.nodes[relation.subject].id, graph.nodes[relation.object].id
    return ids[0], relation.predicate, ids[1]


def _path_part(text: str) -> str:
    """Return a name as a path of the viewer holds it without escapes."""
    return "".join(c if c.isalnum() or c == "-" else "_" for c in text)
