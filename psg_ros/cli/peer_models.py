# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The model folders that our own rows run: the network of the settings with random weights."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from psg_ros.backend_table import INT8
from psg_ros.benchmark.ladder.inputs import read_picture, read_vocabulary
from psg_ros.benchmark.ladder.measurement import build_step_network
from psg_ros.benchmark.ladder.settings import LadderSettings
from psg_ros.benchmark.ladder.steps import DEPLOYED
from psg_ros.benchmark.peers.settings import Peer, PeerSettings
from psg_ros.config import RECOMMENDED
from psg_ros.network.dsflash import build_dsflash
from psg_ros.training.quantization import quantize_model
from psg_ros.training.release import Layout, write_folder


def export_for(peers: Sequence[Peer], ladder: LadderSettings, folder: Path) -> PeerSettings:
    """Export what the peers need into a folder; return settings that name it."""
    vocabulary = read_vocabulary(ladder)
    network = build_step_network(DEPLOYED, ladder, vocabulary)
    model = build_dsflash(network.config, vocabulary.num_labels, vocabulary.num_predicates)
    model.load_state_dict(network.state_dict())
    folders: dict[str, str] = {}
    for name, build, form in (
        ("segmenter", "build_segmenter", "segmenter_only"),
        ("graph", "build_graph", "two_files"),
    ):
        if any(peer.build == build for peer in peers):
            folders[name] = str(folder / name)
            (folder / name).mkdir()
            write_folder(model, ladder.labels, folder / name, RECOMMENDED, Layout(form=form))
    if any(peer.precision == INT8 for peer in peers) and importlib.util.find_spec("onnxruntime"):
        pictures = [
            partial(read_picture, dataclasses.replace(ladder, seed=seed)) for seed in range(4)
        ]
        quantize_model(
            folders["segmenter"], INT8, pictures, None, "random weights, for times alone"
        )
    return PeerSettings(ladder, folders)
