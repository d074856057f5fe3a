# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Journal: which pictures a data set has already, so that labelling can stop at any time.

It is a text file beside the data set: a line with the settings, then one JSON object a picture. A
line is written when the picture's files are whole; what a kill leaves of a line is cut off.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import numpy as np

from psg_ros.files import name_with_suffix, write_text

JOURNAL_FILE = "labelled.jsonl"
LONGEST_ID = 60
"""Characters of an id that come from the name of its file."""

Entry = dict[str, Any]


class Journal:
    """The pictures of one data set; a context manager.

    Attributes:
        entries: by image id; PSG's entry, or None for a picture of which nothing was sure.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        """Open the journal of a folder, or start one.

        Args:
            settings: all that decides what a picture's labels are; for JSON.

        Raises:
            FileExistsError: the folder holds other things, or labels of other settings.
            ValueError: a damaged journal.
        """
        self._path = folder / JOURNAL_FILE
        self._digests: dict[str, str] = {}
        self.entries: dict[str, Entry | None] = {}
        self._open: TextIO | None = None
        if self._path.exists():
            self._read(settings)
        elif folder.exists() and any(folder.iterdir()):
            raise FileExistsError(f"{folder} is not empty and no labelled data set; choose another")
        else:
            folder.mkdir(parents=True, exist_ok=True)
            write_text(self._path, _line({"settings": settings}))

    def image_id(self, name: str, image_rgb: np.ndarray) -> tuple[str, bool]:
        """Return the id of a picture, and whether it is there already.

        A name that another picture has gets a number: `shelf`, `shelf-2`.

        Args:
            name: what the id begins with; characters that trouble a file system are replaced.
        """
        digest = _digest(image_rgb)
        stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
        stem = stem.lstrip(".")[:LONGEST_ID] or "picture"
        candidate, number = stem, 1
        while self._digests.get(candidate, digest) != digest:
            number += 1
            candidate = name_with_suffix(stem, f"-{number}")
        return candidate, candidate in self._digests

    def add(self, image_id: str, image_rgb: np.ndarray, entry: Entry | None) -> None:
        """Note a picture whose files are whole."""
        if self._open is None:
            raise RuntimeError("the journal is not open")
        digest = _digest(image_rgb)
        self._open.write(_line({"id": image_id, "pixels": digest, "entry": entry}))
        self._open.flush()
        self._digests[image_id], self.entries[image_id] = digest, entry

    def __enter__(self) -> Journal:
        self._open = self._path.open("a", encoding="utf-8")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _read(self, settings: Mapping[str, Any]) -> None:
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        try:
            head, *records = [json.loads(line) for line in whole.splitlines()]
            found = dict(head["settings"])
            for record in records:
                self._digests[record["id"]] = record["pixels"]
                self.entries[record["id"]] = record["entry"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self._path} is damaged ({error}); delete the folder and label again"
            ) from error
        wanted = json.loads(json.dumps(settings))
        differing = [name for name in {**found, **wanted} if found.get(name) != wanted.get(name)]
        if differing:
            raise FileExistsError(
                f"{self._path.parent} was labelled with other settings ({', '.join(differing)}); "
                "choose another folder, or give the same settings to go on"
            )
        if whole != content:
            with self._path.open("r+b") as file:
                file.truncate(len(whole))


def _digest(image_rgb: np.ndarray) -> str:
    digest = hashlib.sha256(str(image_rgb.shape).encode())
    digest.update(np.ascontiguousarray(image_rgb).data)
    return digest.hexdigest()


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":")) + "\n"
