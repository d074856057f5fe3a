# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The one door to annotated data: PSG, COCO panoptic and simulated, told apart by their content."""

from __future__ import annotations

from pathlib import Path

from psg_ros.data.annotation_file import SPLITS, AnnotationFile, read_json
from psg_ros.data.coco import parse_coco_panoptic, split_of_name
from psg_ros.data.dataset import PanopticDataset, build_dataset
from psg_ros.data.psg import ANNOTATION_FILE, parse_psg
from psg_ros.labels import Vocabulary


def open_dataset(
    path: Path,
    vocabulary: Vocabulary,
    split: str,
    *,
    images: Path | None = None,
    panoptic: Path | None = None,
    partial: bool = False,
    skip_broken: bool = False,
    workers: int = 0,
) -> PanopticDataset:
    """Open one split of an annotated data set; the result says what was left out of it.

    Every entry of the annotation file is checked here, a picture or PNG when it is read.

    Args:
        path: an annotation file in PSG or COCO panoptic layout, or a folder with psg.json or with
            COCO's (annotations/)panoptic_SPLIT2017.json. Simulated data is in PSG layout.
        vocabulary: what the indices of the result mean; joined with the file's class names.
        split: train, val or test.
        images: the folder that the pictures' names are relative to; searched near the file if None.
        panoptic: the same of the panoptic PNGs.
        partial: accept a split for which the file does not hold all images that it lists.
        skip_broken: leave out broken entries and images whose files cannot be read, and name them
            in `skipped`; reads every file once.
        workers: processes for `skip_broken`; 0 reads in this one.

    Raises:
        FileNotFoundError: no annotation file there, or no such folder.
        ValueError: an unknown layout, an empty or incomplete split, a broken entry, or classes
            that the vocabulary does not know.
    """
    return build_dataset(
        read_annotations(find_annotation_file(Path(path), split)),
        vocabulary,
        split,
        images=images,
        panoptic=panoptic,
        partial=partial,
        skip_broken=skip_broken,
        workers=workers,
    )


def find_annotation_file(path: Path, split: str | None = None) -> Path:
    """Return `path` if it is a file, or the annotation file in a folder.

    Args:
        split: which of COCO's files; None takes the only one there is.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: several files fit.
    """
    if not path.is_dir():
        return path
    if (path / ANNOTATION_FILE).is_file():
        return path / ANNOTATION_FILE
    found = sorted([*path.glob("panoptic_*.json"), *path.glob("annotations/panoptic_*.json")])
    found = [file for file in found if "categories" not in file.stem]
    fitting = [f for f in found if split is None or split_of_name(f) in (split, "all")]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(str(file.relative_to(path)) for file in fitting)
        raise ValueError(f"{path} holds several annotation files, specify one: {names}")
    others = ", ".join(file.name for file in sorted(path.glob("*.json")))
    hint = f"but {others}; name the file if it is one" if others else "nor any other JSON file"
    wanted = f"{ANNOTATION_FILE} or COCO's panoptic_{split or '*'}2017.json"
    raise FileNotFoundError(f"{path} holds no {wanted}, {hint}")


def read_annotations(path: Path) -> AnnotationFile:
    """Read an annotation file, after recognising its layout by its keys.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no JSON, or a layout that is not known.
    """
    content = read_json(path)
    if "annotations" in content and "categories" in content:
        return parse_coco_panoptic(path, content)
    if "data" in content and "predicate_classes" in content:
        return parse_psg(path, content)
    keys = ", ".join(list(content)[:8]) or "none"
    raise ValueError(
        f"{path} is neither in PSG's layout (data, thing_classes, stuff_classes, "
        f"predicate_classes) nor in COCO's panoptic layout (images, annotations, categories); its "
        f"keys are: {keys}"
    )


__all__ = ["SPLITS", "find_annotation_file", "open_dataset", "read_annotations"]
