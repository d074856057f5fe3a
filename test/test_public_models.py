# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The table of public models that ships, and what a table may not say."""

from __future__ import annotations

import pytest
import yaml

from psg_ros.public_models import load_table, table_path
from psg_ros.resources import share_path

TABLE = load_table()


def test_no_entry_hides_a_shipped_model():
    shipped = {folder.name for folder in (share_path() / "models").iterdir()}
    assert not shipped & TABLE.models.keys()


@pytest.mark.parametrize("name", TABLE.models)
def test_every_entry_tells_what_decides(name):
    model = TABLE.models[name]
    assert model.description and model.figure.source and 30 < model.figure.pq < 60
    assert (share_path() / "config" / "labels" / f"{model.labels}.yaml").is_file()
    for file in model.files.values():
        assert all(url.startswith("https://") for url in TABLE.urls(file))
        digest = file.name.removesuffix(".pt").rpartition("_")[2]
        if "_coco_" in file.name:  # their names end with the head of the digest
            assert file.sha256.startswith(digest) and len(digest) == 8


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"place": "nowhere"}, "lightly_t: no place 'nowhere'"),
        ({"licence": "none"}, "lightly_t: no licence 'none'"),
        ({"sha256": "770c0a1f"}, "sha256 must be 64 hexadecimal digits"),
        ({"place": "hub"}, "a file of the place hub needs a repository"),
        ({"paths": []}, "paths must name a file"),
        ({"path": "x"}, "unknown key 'path'; did you mean 'paths'?"),
    ],
    ids=str,
)
def test_a_table_that_cannot_be_is_refused(change, said, tmp_path):
    table = yaml.safe_load(table_path().read_text())
    table["models"]["lightly_t"]["weights"] |= change
    (tmp_path / "table.yaml").write_text(yaml.safe_dump(table))
    with pytest.raises(ValueError, match="table.yaml") as error:
        load_table(tmp_path / "table.yaml")
    assert said in str(error.value)


@pytest.mark.parametrize("name", ["../up", ".hidden", "", "a/b", "Ä"])
def test_a_name_is_one_of_a_folder(name, tmp_path):
    table = yaml.safe_load(table_path().read_text())
    table["models"] = {name: table["models"]["lightly_t"]}
    (tmp_path / "table.yaml").write_text(yaml.safe_dump(table))
    with pytest.raises(ValueError, match="is no name for a model folder"):
        load_table(tmp_path / "table.yaml")
