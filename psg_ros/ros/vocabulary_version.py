# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""VocabularyVersion: the number by which graphs name the vocabulary they were made with."""

from __future__ import annotations

from psg_ros.msg import GraphVocabulary


class VocabularyVersion:
    """Counts the different vocabularies that one node announces.

    Lives as long as the node: whoever remembers a version must not meet another model's words
    under the same number after the node was cleaned up and configured again.
    """

    def __init__(self) -> None:
        self._last = GraphVocabulary()

    @property
    def number(self) -> int:
        """Version of the last announced vocabulary, from 1; 0 while there is none."""
        return self._last.version

    def assign(self, message: GraphVocabulary) -> None:
        """Set the version of the next announcement: higher when it differs from the last one."""
        message.version = self._last.version + (_content(message) != _content(self._last))
        self._last = message


def _content(message: GraphVocabulary) -> tuple[object, ...]:
    return message.model_name, message.model_sha256, message.classes, message.predicates
