# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""In place of `psg_ros.network.spade.process`: everything wears everything, as its folder says.

Files in the folder have it refuse to load, hang, wait, or die at an image.
"""

import os
import socket
import sys
import time
from pathlib import Path

import numpy as np

from psg_ros.network.spade.process import serve
from psg_ros.spade_config import trained_predicates


class Seen:
    def __init__(self, count: int, words: int) -> None:
        self.pairs = np.array([(i, j) for i in range(count) for j in range(count) if i != j])
        self.scores = np.full((len(self.pairs), words), 0.2)
        self.scores[:, -1] = 0.8

    def triple_scores(self) -> np.ndarray:
        return self.scores


class Stage:
    def __init__(self, folder: Path) -> None:
        if (folder / "refuses").exists():
            raise ValueError("no weights here")
        self.objects, self.predicates, self.folder = (), trained_predicates(folder), folder

    def set_words(self, objects: tuple, predicates: tuple) -> None:
        self.predicates = predicates

    def __call__(self, image: np.ndarray, masks: np.ndarray) -> Seen:
        if (self.folder / "hangs").exists():
            (self.folder / "hung").touch()
            time.sleep(600)
        if (self.folder / "dies").exists():
            os._exit(3)
        while (self.folder / "waits").exists():
            (self.folder / "waiting").touch()
            time.sleep(0.02)
        return Seen(len(masks), len(self.predicates))


with socket.socket(fileno=int(sys.argv[2])) as channel:
    serve(channel, lambda: Stage(Path(sys.argv[1])))
