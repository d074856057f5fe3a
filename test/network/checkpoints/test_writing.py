# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Files of weights come back as they were, and whoever may read new files may read them."""

import torch
from safetensors.torch import load_file

from psg_ros.network.checkpoints.writing import write_tensors


def test_a_file_of_weights_has_the_rights_of_any_new_file(tmp_path):
    other, path = tmp_path / "other", tmp_path / "weights.safetensors"
    other.touch()
    write_tensors({"weight": torch.arange(3.0)}, path)
    assert path.stat().st_mode == other.stat().st_mode
    assert load_file(path)["weight"].tolist() == [0, 1, 2]
