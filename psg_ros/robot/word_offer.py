# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""WordOffer: the words that all cameras of one loaded model are to use from their next image on."""

from __future__ import annotations

from collections.abc import Iterable

from psg_ros.config import PipelineConfig
from psg_ros.robot.forms import form_of
from psg_ros.robot.forms.words import check_new_words
from psg_ros.robot.interest import Interest
from psg_ros.robot.manifest import ModelFolder, reread_words


class WordOffer:
    """Written by one thread and read by another, as a whole: either the old words or the new.

    Attributes:
        folder: the model with the words to use.
    """

    def __init__(self, folder: ModelFolder) -> None:
        self.folder = folder

    def renew(self, configs: Iterable[PipelineConfig]) -> ModelFolder:
        """Offer what the model folder holds now; loads no network.

        Args:
            configs: of the cameras.

        Raises:
            FileNotFoundError, ValueError: a damaged folder, a model whose vocabulary is closed,
                words that are none, or a label that a camera is asked for is gone; the old words
                stay on offer.
        """
        folder = reread_words(self.folder)
        check_new_words(self.folder, folder)
        form_of(folder).check(folder)
        for config in configs:
            Interest.of(config, folder.vocabulary)
        self.folder = folder
        return folder
