# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A model folder of a tiny random network that compares with words, by a bag of words."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from psg_ros.config import Recommendation
from psg_ros.labels import load_vocabulary
from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.dsflash import DsFlash, build_dsflash
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.network.word_scores import WordScores
from psg_ros.training.release import release
from psg_ros.training.words import take_words

ENCODER = "bag_of_words"
GAIN = 1.5
SHARES = ((0.8, 0.05), (0.7, 0.2))
"""Of the first two gains."""
LABELS = """\
things:
  - {name: cup, color: "#ff0000"}
  - {name: couch, color: "#00ff00"}
stuff:
  - {name: floor-wood, color: "#0000ff"}
predicates:
  - {name: "on", inverse: under}
  - {name: beside, symmetric: true}
"""


def open_network(folder: Path) -> tuple[DsFlash, Path]:
    """Return the network, and the labels that it was built for."""
    labels = folder / "open_labels.yaml"
    labels.write_text(LABELS)
    vocabulary = load_vocabulary(labels)
    torch.manual_seed(0)
    segmenter = EomtConfig(
        input_hw=(32, 48), dim=16, depth=2, num_heads=2, stem="convolution", num_registers=1,
        num_queries=5, num_query_blocks=1, taps=(0, 1), text_encoder=ENCODER,
    )  # fmt: skip
    relations = RelationConfig(
        dim=16, depth=1, num_heads=2, head_hidden=16, cell_patches=1, text_encoder=ENCODER
    )
    config = ModelConfig("open", segmenter=segmenter, relations=relations)
    model = build_dsflash(config, vocabulary.num_labels, vocabulary.num_predicates).eval()
    take_words(model, vocabulary)
    for part in model.modules():
        if isinstance(part, WordScores):
            nn.init.zeros_(part.offset)  # else it sees nothing before it is trained
            part.gain.fill_(GAIN)
            part.shares[:2] = torch.tensor(SHARES)
    return model, labels


def write_open_model(folder: Path) -> Path:
    """Return the model folder, which lists every segment and relation."""
    model, labels = open_network(folder)
    thresholds = Recommendation(score=0.0, overlap=0.0, relation=0.0)
    return release(model, str(labels), folder / "open", thresholds)
