# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The sample of PSG that may lie beside the checkout, in the layout of the full data set."""

from __future__ import annotations

import json
from pathlib import Path


def write_psg_sample(shared: Path, folder: Path, test: bool = False) -> Path:
    """Write psg.json for `shared`/psg_sample, with PSG's class lists, and return its path.

    Its names are relative to the folders images and panoptic of the sample.

    Args:
        test: the images are the test split; otherwise they train.
    """
    entries = json.loads((shared / "psg_sample" / "annotation.json").read_text())["data"]
    names = json.loads((shared / "psg_classes.json").read_text())
    keys = {"thing": "thing_classes", "stuff": "stuff_classes", "predicates": "predicate_classes"}
    for entry in entries:
        name = Path(entry["file_name"]).stem
        entry["file_name"], entry["pan_seg_file_name"] = f"{name}.jpg", f"{name}.png"
    content = {
        **{keys[kind]: names[kind] for kind in keys},
        "test_image_ids": [entry["image_id"] for entry in entries if test],
        "data": entries,
    }
    (folder / "psg.json").write_text(json.dumps(content))
    return folder / "psg.json"
