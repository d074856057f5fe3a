# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The table of public models, config/public_models.yaml: what they are and where they lie.

Needs nothing that fetches or converts them, see `psg_ros.fetching`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from psg_ros.resources import share_path
from psg_ros.setting_files import load_config

BYTES_PER_PARAMETER = 4  # float32, in which all of them are published
HUB = "hub"
"""The place whose files huggingface_hub finds: by repository, with tokens and digests."""


@dataclass(frozen=True)
class Licence:
    """Where its text is, and whether `psg models get` has to ask before it fetches."""

    url: str
    consent: bool = False


@dataclass(frozen=True)
class Figure:
    """What the authors published of a model, on the validation split of COCO panoptic."""

    pq: float
    source: str


@dataclass(frozen=True)
class RemoteFile:
    """One file to fetch.

    Attributes:
        place: a key of `places`.
        repository: owner/name, of the hub.
        paths: below the place or repository; the first that is there counts.
        licence: a key of `licences`.
        sha256: hexadecimal; empty where the publisher tells none in advance.
    """

    place: str
    paths: tuple[str, ...]
    licence: str
    repository: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        if not self.paths:
            raise ValueError("paths must name a file")
        if self.sha256 and not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise ValueError(f"sha256 must be 64 hexadecimal digits, not {self.sha256!r}")
        if (self.place == HUB) != bool(self.repository):
            raise ValueError(f"a file of the place {HUB} needs a repository, others have none")

    @property
    def name(self) -> str:
        return self.paths[0].rpartition("/")[2]


@dataclass(frozen=True)
class PublicModel:
    """One model.

    Attributes:
        parameters_m: millions.
        input_px: side of its square input.
        weights: whole, or differences to a backbone.
        labels: its vocabulary, a file of config/labels.
        knows: what it can tell apart, in few words: things + stuff.
    """

    description: str
    parameters_m: float
    input_px: int
    figure: Figure
    weights: RemoteFile
    backbone: RemoteFile | None = None
    labels: str = "psg"
    knows: str = "COCO, 80 + 53"

    @property
    def files(self) -> dict[str, RemoteFile]:
        """The files to fetch, by the option that takes one fetched by hand."""
        found = {"file": self.weights, "backbone": self.backbone}
        return {name: file for name, file in found.items() if file is not None}

    @property
    def download_mb(self) -> float:
        """About how much is fetched; computed, for want of a published size."""
        return self.parameters_m * BYTES_PER_PARAMETER * len(self.files)


@dataclass(frozen=True)
class PublicModels:
    """The whole table.

    Raises:
        ValueError: a file names a place or licence that is not there, or a model has no fit name.
    """

    models: dict[str, PublicModel] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    licences: dict[str, Licence] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, model in self.models.items():
            if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", name):
                raise ValueError(f"{name!r} is no name for a model folder")
            for file in model.files.values():
                if file.place not in self.places:
                    raise ValueError(f"{name}: no place {file.place!r}")
                if file.licence not in self.licences:
                    raise ValueError(f"{name}: no licence {file.licence!r}")

    def urls(self, file: RemoteFile) -> tuple[str, ...]:
        """Return where a file lies, the likeliest address first; on the hub as browsers see it."""
        base = self.places[file.place].rstrip("/")
        if file.repository:
            base = f"{base}/{file.repository}/resolve/main"
        return tuple(f"{base}/{path}" for path in file.paths)

    def licences_of(self, model: PublicModel) -> dict[str, Licence]:
        """Return the licences of a model's files, by name, in the order of the files."""
        return {file.licence: self.licences[file.licence] for file in model.files.values()}


def table_path() -> Path:
    """Return the table that ships."""
    return share_path() / "config" / "public_models.yaml"


def load_table(path: Path | None = None) -> PublicModels:
    """Read a table; without a path, the one that ships.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged; names the file.
    """
    return load_config(PublicModels, path or table_path())
