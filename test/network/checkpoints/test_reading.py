# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Files that are damaged, foreign or hostile, and the hub without a connection."""

import json
import pickle
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from eomt_checkpoints import small_weights
from safetensors.torch import save_file

from psg_ros.network.checkpoints.convert import convert
from psg_ros.network.checkpoints.reading import read_source


class Hostile:
    """Writes a file when it is unpickled the ordinary way."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple:
        return Path.touch, (self.victim,)


def test_a_hostile_file_is_refused_and_nothing_in_it_runs(tmp_path):
    victim = tmp_path / "victim"
    file = tmp_path / "weights.bin"
    torch.save({"state_dict": {"q.weight": torch.zeros(2)}, "extra": Hostile(victim)}, file)
    with pytest.raises(ValueError, match="more than tensors and was not opened"):
        read_source(str(file))
    assert not victim.exists()
    torch.load(file, weights_only=False)
    assert victim.exists(), "the file must be dangerous, or the test shows nothing"


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_hostile_plain_pickle_is_refused_too(tmp_path):
    file = tmp_path / "weights.pt"
    file.write_bytes(pickle.dumps(Hostile(tmp_path / "victim")))
    with pytest.raises(ValueError, match="more than tensors"):
        read_source(str(file))
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04 cut off"])
@pytest.mark.parametrize("ending", ["bin", "safetensors"])
def test_a_damaged_file_is_named(tmp_path, ending, content):
    file = tmp_path / f"weights.{ending}"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=f"weights.{ending}"):
        read_source(str(file))


@pytest.mark.parametrize(
    ("content", "found"),
    [(torch.zeros(3), "not Tensor"), ({}, "not dict"), ({"a": 1, "b": torch.zeros(1)}, "not: a")],
)
def test_what_is_no_state_dict_is_refused(tmp_path, content, found):
    torch.save(content, tmp_path / "weights.bin")
    with pytest.raises(ValueError, match=found):
        read_source(str(tmp_path / "weights.bin"))


def test_an_unknown_ending_is_refused(tmp_path):
    (tmp_path / "weights.h5").touch()
    with pytest.raises(ValueError, match="unknown ending '.h5', expected .safetensors, .bin"):
        read_source(str(tmp_path / "weights.h5"))


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="has no weights: expected model.safetensors"):
        read_source(str(tmp_path))


def test_a_missing_shard_is_named(tmp_path):
    index = {"weight_map": {"a": "model-1.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(FileNotFoundError, match="lacks model-1.safetensors"):
        read_source(str(tmp_path))


def test_an_index_does_not_reach_out_of_its_folder(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "outside.safetensors")
    folder = tmp_path / "model"
    folder.mkdir()
    index = {"weight_map": {"a": "../outside.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match="a file beside it"):
        read_source(str(folder))


def test_a_missing_file_is_not_looked_for_on_the_hub(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(FileNotFoundError, match="neither a weight file nor a folder"):
        read_source("runs/missing.bin")


def test_without_the_hub_package_its_name_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"pip install '\.\[hub\]'"):
        read_source("tue-mps/some_model")


def test_without_a_connection_the_way_around_is_told(monkeypatch):
    def fail(name, allow_patterns):
        raise OSError("no route")

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=fail))
    with pytest.raises(FileNotFoundError, match="no route. Without a connection, download"):
        read_source("tue-mps/some_model")


def test_the_real_client_offline_gives_the_same_error(monkeypatch):
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(FileNotFoundError, match="give the folder"):
        read_source("psg-ros-test/there-is-no-such-model")


def test_a_hub_model_is_read_from_where_the_client_put_it(transformers_4_folder, monkeypatch):
    asked = []

    def give(name, allow_patterns):
        asked.append((name, allow_patterns))
        return str(transformers_4_folder)

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=give))
    converted = convert("tue-mps/some_model")
    assert converted.weights.keys() == small_weights("DINOv2").keys()
    assert [name for name, _ in asked] == ["tue-mps/some_model"]
    assert "*.safetensors" in asked[0][1] and "*.bin" not in asked[0][1]
