# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Samples of stage 2 on disk, for data sets whose features do not fit into memory.

A folder with shards of `SHARD_IMAGES` images and `cache.json`, which says what they were made from;
another segmenter, setting, annotation file, split or choice of images is refused, and so are shards
without `cache.json`. A shard that is missing or damaged is written (again). Only file lengths and
headers are checked: a flipped bit would not be noticed, nor a picture that changed under its name.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from psg_ros.data.dataset import PanopticDataset
from psg_ros.file_digest import file_sha256
from psg_ros.files import remove_leftovers, write_text
from psg_ros.network.dsflash import DsFlash
from psg_ros.training.checkpoint import save_weights, weights_digest
from psg_ros.training.config import RelationTraining
from psg_ros.training.distributed import Ranks
from psg_ros.training.relations.relation_samples import (
    Described,
    RelationSample,
    RelationTruth,
)

FORMAT = 3
SHARD_IMAGES = 64
SHARD_SUFFIX = ".safetensors"
DESCRIPTION = "cache.json"
SETTINGS = ("masks", "mask_resolution", "score_threshold", "overlap_threshold", "precision")

SAMPLE_TENSORS = ("features", "overlap", "boxes")
TRUTH_ARRAYS = ("labels", "partner", "triplets", "doubtful")

Describe = Callable[[np.ndarray], Iterable[Described]]
"""Indices of images in the data set -> their descriptions, in order."""

logger = logging.getLogger(__name__)


class FeatureCache(Sequence[RelationSample]):
    """The samples of a complete cache; each is read when it is asked for and not kept.

    Attributes:
        truths: of all images, in order; they are kept in memory.
    """

    def __init__(self, shards: Iterable[Path]) -> None:
        self.truths: list[RelationTruth] = []
        self._places: list[tuple[Path, int]] = []
        for path in shards:
            for place, truth in read_truths(path):
                self.truths.append(truth)
                self._places.append((path, place))

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        path, place = self._places[index]
        with safe_open(path, "pt") as file:
            # Copies, so that no tensor holds on to the mapped file.
            tensors = (file.get_tensor(f"{place}.{name}").clone() for name in SAMPLE_TENSORS)
            return RelationSample(*tensors)


def open_cache(
    folder: Path, key: Mapping[str, Any], indices: np.ndarray, describe: Describe, ranks: Ranks
) -> FeatureCache:
    """Return the cache in a folder, after writing what is missing of it.

    Several ranks share the work.

    Args:
        key: what the samples depend on, see `cache_key` and `images_key`.
        indices: of the images in the data set.

    Raises:
        ValueError: the folder holds a cache of something else.
    """
    wanted = {"format": FORMAT, **key, "indices": hashlib.sha256(indices.tobytes()).hexdigest()}
    if ranks.is_main:
        take_cache(folder, wanted)
    ranks.barrier()
    parts = np.split(indices, range(SHARD_IMAGES, len(indices), SHARD_IMAGES))
    paths = [shard_path(folder, number) for number in range(len(parts))]
    mine = range(ranks.rank, len(parts), ranks.world_size)
    missing = [number for number in mine if not is_there(paths[number])]
    if missing:
        described = iter(describe(np.concatenate([parts[number] for number in missing])))
        for number in missing:
            write_shard(paths[number], islice(described, len(parts[number])))
    ranks.barrier()
    return FeatureCache(paths)


def take_cache(folder: Path, wanted: Mapping[str, Any]) -> None:
    """Make the folder of a cache with its description, or check that it holds what is wanted.

    Raises:
        ValueError: the folder holds a cache of something else, or shards of nobody knows what.
    """
    folder.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder)
    path = folder / DESCRIPTION
    if path.is_file():
        check_key(folder, wanted)
    elif any(folder.glob(f"*{SHARD_SUFFIX}")):
        raise ValueError(f"{folder} holds features without {DESCRIPTION}; delete the folder")
    else:
        write_text(path, json.dumps(wanted, indent=1) + "\n")


def images_key(dataset: PanopticDataset, indices: np.ndarray) -> dict[str, Any]:
    """Return which images the samples are of, as `cache_key` says what they are made from."""
    names = json.dumps([dataset.records[index].image_id for index in indices])
    digest = hashlib.sha256(names.encode()).hexdigest()
    key: dict[str, Any] = {"split": dataset.split, "images": digest}
    if dataset.held_out_labels:
        key["held_out_labels"] = list(dataset.held_out_labels)
    return key


def cache_key(
    model: DsFlash, settings: RelationTraining, annotations: Path, masks: str = ""
) -> dict[str, Any]:
    """Return what samples are made from: names with digests and values, as JSON has them."""
    network = dataclasses.asdict(model.config)
    sizes = {name: network[name] for name in ("segmenter", "scaling")}
    sizes["grid_hw"], sizes["cell_px"] = model.relations.grid_hw, model.relations.cell_px
    values = {name: getattr(settings, name) for name in SETTINGS}
    values["masks"] = masks or settings.masks
    if values["masks"] == "true":  # then the merge plays no part
        values["score_threshold"] = values["overlap_threshold"] = None
    return {
        "segmenter": weights_digest(model.segmenter.state_dict()),
        "network": hashlib.sha256(json.dumps(sizes).encode()).hexdigest(),
        "annotations": file_sha256(annotations),
        **values,
    }


def check_key(folder: Path, wanted: Mapping[str, Any]) -> None:
    """Raise ValueError unless a cache was made from what is wanted; says what differs."""
    path = folder / DESCRIPTION
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged; delete the folder {folder}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path} is damaged; delete the folder {folder}")
    other = [name for name in {**wanted, **found} if wanted.get(name) != found.get(name)]
    if other:
        raise ValueError(
            f"the feature cache {folder} was made with another {', another '.join(other)}; "
            "delete it or name another folder"
        )


def shard_path(folder: Path, number: int) -> Path:
    """Return the file of a shard."""
    return folder / f"{number:05}{SHARD_SUFFIX}"


def is_there(path: Path) -> bool:
    """Return whether a shard exists with its header and its whole length."""
    if not path.is_file():
        return False
    try:
        with safe_open(path, "pt"):
            return True
    except (SafetensorError, OSError):
        logger.warning("%s is damaged; it is written again", path)
        return False


def write_shard(path: Path, images: Iterable[Described]) -> None:
    """Write a shard; whole or, after a kill, not at all."""
    tensors: dict[str, Tensor] = {}
    for place, (truth, sample) in enumerate(images):
        for name in SAMPLE_TENSORS:
            tensors[f"{place}.{name}"] = getattr(sample, name)
        for name in TRUTH_ARRAYS:
            tensors[f"{place}.{name}"] = torch.from_numpy(getattr(truth, name))
        tensors[f"{place}.image_id"] = torch.tensor(
            list(truth.image_id.encode()), dtype=torch.uint8
        )
    save_weights(tensors, path)


def read_truths(path: Path) -> Iterator[tuple[int, RelationTruth]]:
    """Yield the place of each image in a shard, and its truth."""
    with safe_open(path, "pt") as file:
        places = sorted(int(name.split(".")[0]) for name in file.keys() if "image_id" in name)  # noqa: SIM118, no dict
        for place in places:
            image_id = bytes(file.get_tensor(f"{place}.image_id").tolist()).decode()
            arrays = (file.get_tensor(f"{place}.{name}").numpy().copy() for name in TRUTH_ARRAYS)
            yield place, RelationTruth(image_id, *arrays)
