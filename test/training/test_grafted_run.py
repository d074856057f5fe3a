# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A run that grafts a pretrained stem under the blocks of an exported model."""

from pathlib import Path

import pytest
import yaml
from tiny_donor import write_donor

from psg_ros.training.checkpoint import load_weights
from psg_ros.training.segmenter.segmentation_run import WEIGHTS, SegmentationRun
from psg_ros.training.train import run


@pytest.fixture(scope="module")
def donor(tmp_path_factory) -> Path:
    return write_donor(tmp_path_factory.mktemp("donor"))


def test_a_run_starts_grafted_and_goes_on_after_a_stop(
    donor, write_config, tiny_share, tiny_network, tiny_psg, interrupt
):
    """One config from several data sets and a donor to the weights; stopped or not, the same."""
    network = tiny_network | {
        "segmenter": tiny_network["segmenter"] | {"stem": "efficientnet_lite0"}
    }
    (tiny_share / "config" / "model" / "pretrained.yaml").write_text(yaml.safe_dump(network))
    settings = {
        "sources": [{"data": str(tiny_psg), "share": 2.0}, {"data": str(tiny_psg)}],
        "balance": 0.1, "graft_from": str(donor), "stem_frozen_samples": 6,
        "stem_rate": 0.1, "ignore_void": True, "augmentation": "photo", "keep_in_memory": False,
        "workers": 0,
    }  # fmt: skip
    changes = {"model": "pretrained", "segmentation": settings, "minutes_between_checkpoints": 0.0}
    whole = run(write_config("whole", **changes), stage="segmentation")
    config = write_config("parts", **changes)
    with interrupt(SegmentationRun, lambda run: run.samples_seen == 8):
        run(config, stage="segmentation")
    parts = run(config, stage="segmentation", resume=True)
    weights = [load_weights(folder / WEIGHTS) for folder in (whole, parts)]
    assert all(value.equal(weights[1][name]) for name, value in weights[0].items())
