# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Does a results folder belong to a data set? Ids and sizes alone do not tell: many sets count
their images from 0 and have one size of picture."""

from __future__ import annotations

from psg_ros.data.dataset import PanopticDataset
from psg_ros.evaluation.results.reader import Results

SHOWN_IDS = 3
"""As many ids of unused entries are named."""


def check_fit(results: Results, dataset: PanopticDataset, limit: int | None = None) -> list[str]:
    """Refuse results of other data.

    Args:
        limit: only so many images are judged, from the first on.

    Returns:
        Sentences on images without an entry and entries without an image, for people.

    Raises:
        ValueError: the results say that they are of another data set or split, or they have no
            entry for any image.
    """
    _check_fingerprint(results, dataset)
    judged = set(dataset.image_ids[:limit])
    missing = judged - results.image_ids
    where = f"{dataset.source} ({dataset.split})"
    if missing == judged:
        # Zeros for the whole split would look like a bad method; it is a wrong folder.
        raise ValueError(
            f"{results.file} has no prediction for any image of {where}; are the image ids those "
            "of the data set?"
        )
    said = []
    if missing:
        said.append(
            f"{len(missing)} of {len(judged)} images have no prediction in {results.file}; they "
            "count as not found"
        )
    left_out = {broken.image_id for broken in dataset.skipped}
    if unused := sorted(results.image_ids - set(dataset.image_ids) - left_out):
        said.append(
            f"{len(unused)} entries of {results.file} are not used, {where} has no such images: "
            f"{', '.join(unused[:SHOWN_IDS])}{' ...' if len(unused) > SHOWN_IDS else ''}"
        )
    return said


def _check_fingerprint(results: Results, dataset: PanopticDataset) -> None:
    """Other methods need not say what they predicted on; we do."""
    theirs, ours = results.data, dataset.fingerprint
    if theirs is not None and theirs != ours:
        raise ValueError(
            f"{results.file} is of other data ({theirs.get('images')} images, annotations "
            f"{theirs.get('sha256')!s:.12}...) than {dataset.source}, {dataset.split} "
            f"({ours['images']} images, annotations {ours['sha256']:.12}...); name the data set "
            "and split that were predicted on, or predict again. If only annotations of the same "
            "images changed, delete `data` from the file"
        )
