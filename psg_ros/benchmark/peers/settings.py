# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which peers there are, what they are measured with, and what is measured. Needs no torch."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psg_ros.benchmark.ladder.settings import LadderSettings, settings_from_dict
from psg_ros.benchmark.timing import Timing


@dataclass(frozen=True)
class Peer:
    """One row.

    Attributes:
        makes: `panoptic` segments, or the whole `graph`. Only rows that make the same compare.
        text: for people.
        module, build: where the function lies that makes it; see `child`.
        needs: modules without which it is left out, by name.
        precision: of our own; see `PipelineConfig`.
        backend: of our own.
    """

    name: str
    makes: str
    text: str
    module: str
    build: str
    needs: tuple[str, ...] = ()
    backend: str = ""
    precision: str = "auto"


_THEIRS, _OURS = (f"psg_ros.benchmark.peers.{name}" for name in ("transformers_peers", "our_peers"))
_TORCH = ("torch", "transformers")

PEERS = (
    Peer("eomt", "panoptic", "transformers EoMT, eager fp32", _THEIRS, "build_eomt", _TORCH),
    Peer(
        "mask2former",
        "panoptic",
        "transformers Mask2Former Swin-T, eager fp32",
        _THEIRS,
        "build_mask2former",
        _TORCH,
    ),
    *(
        Peer(
            f"{backend}-{precision}",
            "panoptic",
            f"psg_ros, {backend} {precision}",
            _OURS,
            "build_segmenter",
            needs,
            backend,
            precision,
        )
        for backend, precision, needs in (
            ("openvino", "fp32", ("openvino",)),
            ("openvino", "bf16", ("openvino",)),
            ("openvino", "int8", ("openvino", "onnxruntime")),
            ("onnxruntime", "fp32", ("onnxruntime",)),
        )
    ),
    Peer("dsformer", "graph", "DSFormer, torch fp32", _OURS, "build_dsformer", ("torch",)),
    Peer(
        "graph", "graph", "psg_ros, DSFlash pruned, best backend", _OURS, "build_graph", ("torch",)
    ),
)
"""All rows; the first of those that make the same is what the others are compared with."""


@dataclass(frozen=True)
class PeerSettings:
    """What all rows have in common.

    Attributes:
        ladder: picture, partition, sizes of the network, threads, repeats.
        folders: model folders with the same random weights: `segmenter`, `graph`.
    """

    ladder: LadderSettings
    folders: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Start:
    """What a peer says when it is ready.

    Attributes:
        input_sha256: of the picture and of the partition that it was given.
        start_s: from the start of its process until it was ready for the first frame.
    """

    input_sha256: str
    start_s: float
    device: str


@dataclass(frozen=True)
class PeerResult:
    """One row of the table; energy is None where the machine does not tell.

    Attributes:
        frame: picture to segments, or to the graph.
        network_ms: CPU milliseconds of the segmenter alone, median.
        peak_mib: resident in the process, program included.
        joules: of the processor package while a frame ran, median; others' work is in it.
    """

    start: Start
    frame: Timing
    network_ms: float
    segments: int
    peak_mib: float
    joules: float | None = None


@dataclass(frozen=True)
class PeerRow:
    """A peer and what came of it: a result, or why there is none."""

    peer: Peer
    result: PeerResult | None = None
    failure: str = ""


def choose_peers(names: Sequence[str]) -> list[Peer]:
    """Return the peers of these names, all for none.

    Raises:
        ValueError: an unknown name.
    """
    known = {peer.name: peer for peer in PEERS}
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"no peer {', '.join(unknown)}; known: {', '.join(known)}")
    return [known[name] for name in names] or list(PEERS)


def missing(peer: Peer) -> str:
    """Return what a peer lacks here, for people; empty where it lacks nothing."""
    lacks = [name for name in peer.needs if importlib.util.find_spec(name) is None]
    return f"needs {' and '.join(lacks)}, not installed here" if lacks else ""


def settings_of(values: dict[str, Any]) -> PeerSettings:
    """Return what `dataclasses.asdict` made of settings and JSON carried."""
    return PeerSettings(settings_from_dict(values["ladder"]), values["folders"])
