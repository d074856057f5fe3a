# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A clip: a film of the simulated world, kept with the truth of every picture.

A folder of three files:

- `pictures.mp4`, to be played where the world itself cannot be rendered, or would cost too much;
- `masks.npy.xz`, uint8 [picture, H, W]: segment index + 1 of each pixel, 0 void;
- `truth.json`: how the clip was made, and of each picture the class of every segment and the
  relations.

The truth depends on the seed and the version of MuJoCo alone; the bytes of the film also on the
encoder.
"""

from __future__ import annotations

import importlib.metadata
import json
import lzma
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from psg_ros.files import scratch_beside, write_text
from psg_ros.media import VideoWriter, open_media
from psg_ros.simulation.camera import SimulatedCamera
from psg_ros.simulation.catalog import CLASSES, PREDICATES
from psg_ros.simulation.frame import SimulatedFrame

PICTURES, MASKS, TRUTH = "pictures.mp4", "masks.npy.xz", "truth.json"


@dataclass(frozen=True)
class ClipSettings:
    """What a clip is made from.

    Attributes:
        seed: of the rooms, as of `SimulatedCamera`.
        seconds: length.
        rate_hz: pictures a second.
        size_wh: width and height in px.
    """

    seed: int
    seconds: float
    rate_hz: float
    size_wh: tuple[int, int]

    @property
    def num_frames(self) -> int:
        """How many pictures that makes."""
        return max(1, round(self.seconds * self.rate_hz))


@dataclass(frozen=True)
class ClipTruth:
    """What is true of the pictures of a clip.

    Attributes:
        settings: what it was made from.
        mujoco: version of the engine that moved it.
        masks: uint8 [picture, H, W], segment index + 1 of each pixel, 0 void.
        labels: of each picture int32 [segment], index into `CLASSES`.
        relations: of each picture int32 [relation, 3]: subject, object, index into `PREDICATES`.
    """

    settings: ClipSettings
    mujoco: str
    masks: np.ndarray
    labels: tuple[np.ndarray, ...]
    relations: tuple[np.ndarray, ...]

    def label_map(self, picture: int) -> np.ndarray:
        """Return segment index of each pixel, -1 void, as `SimulatedFrame` has it; int32 [H, W]."""
        return self.masks[picture].astype(np.int32) - 1


def film(settings: ClipSettings) -> Generator[SimulatedFrame, None, None]:
    """Render what a clip shows.

    Raises:
        ImportError: MuJoCo is missing.
        RuntimeError: its GL library is missing.
    """
    camera = SimulatedCamera(
        settings.seed, settings.size_wh, rate_hz=settings.rate_hz, disturbances=True
    )
    try:
        for _, frame in islice(camera, settings.num_frames):
            yield frame
    finally:
        camera.close()


def write_clip(folder: Path, settings: ClipSettings, *, progress: bool = True) -> None:
    """Render a clip into a new folder, which appears only once it is complete.

    Raises:
        FileExistsError: the folder exists and is not empty.
        ValueError: the size is odd, which H.264 does not have.
        ImportError: MuJoCo or PyAV is missing; names the extra.
        RuntimeError: MuJoCo's GL library is missing.
    """
    width, height = settings.size_wh
    if width % 2 or height % 2:
        raise ValueError(f"a film has even sizes, not {width}x{height}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists and is not empty: choose a new folder for the clip")
    with scratch_beside(folder) as scratch:
        work = scratch / "clip"
        work.mkdir()
        maps, described = [], []
        bar = tqdm(film(settings), total=settings.num_frames, unit="picture", disable=not progress)
        with VideoWriter(work / PICTURES, settings.rate_hz, small=True) as writer:
            for index, frame in enumerate(bar):
                writer.write(frame.rgb, index / settings.rate_hz)
                maps.append((frame.label_map + 1).astype(np.uint8))
                described.append(
                    {"labels": frame.labels.tolist(), "relations": frame.relations.tolist()}
                )
        with lzma.open(work / MASKS, "wb", preset=9) as file:
            np.save(file, np.stack(maps), allow_pickle=False)
        content = {
            "settings": asdict(settings),
            "mujoco": importlib.metadata.version("mujoco"),
            "classes": CLASSES,
            "predicates": PREDICATES,
            "pictures": described,
        }
        write_text(work / TRUTH, json.dumps(content, separators=(",", ":")) + "\n")
        if folder.exists():
            folder.rmdir()
        work.rename(folder)


def read_truth(folder: Path) -> ClipTruth:
    """Read what is true of a clip.

    Raises:
        FileNotFoundError: there is no clip.
        ValueError: it was made for other classes or predicates, or is damaged.
    """
    try:
        truth = _parse(json.loads((folder / TRUTH).read_text(encoding="utf-8")), folder)
    except (lzma.LZMAError, EOFError, KeyError, TypeError) as error:
        raise ValueError(f"the clip {folder} is damaged ({error!r}): make it again") from error
    if len(truth.masks) != len(truth.labels):
        raise ValueError(
            f"the clip {folder} has masks of {len(truth.masks)} pictures and relations of "
            f"{len(truth.labels)}: make it again"
        )
    return truth


def _parse(content: dict[str, Any], folder: Path) -> ClipTruth:
    if (content["classes"], content["predicates"]) != (list(CLASSES), list(PREDICATES)):
        raise ValueError(f"the clip {folder} knows other classes or predicates: make it again")
    with lzma.open(folder / MASKS) as file:
        masks = np.load(file, allow_pickle=False)
    settings, pictures = content["settings"], content["pictures"]
    return ClipTruth(
        settings=ClipSettings(**{**settings, "size_wh": tuple(settings["size_wh"])}),
        mujoco=content["mujoco"],
        masks=masks,
        labels=tuple(np.array(picture["labels"], np.int32) for picture in pictures),
        relations=tuple(
            np.array(picture["relations"], np.int32).reshape(-1, 3) for picture in pictures
        ),
    )


def read_pictures(folder: Path) -> Iterator[np.ndarray]:
    """Yield the pictures as they are played, uint8 [H, W, 3] RGB; see `open_media` for errors."""
    for frame in open_media(folder / PICTURES).frames():
        yield frame.image
