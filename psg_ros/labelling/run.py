# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Labels the pictures of a source one by one; what is done stays done, whatever ends the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psg_ros.config import DoubtConfig
from psg_ros.data.opening import open_dataset
from psg_ros.files import remove_leftovers
from psg_ros.labelling.contact_sheet import SHEET_FILE, write_contact_sheet
from psg_ros.labelling.journal import Journal
from psg_ros.labelling.judgement import Judge
from psg_ros.labelling.storage import IMAGES, PANOPTIC, write_annotations, write_picture
from psg_ros.labelling.teacher import Teacher
from psg_ros.labels import Vocabulary
from psg_ros.media import Media, MediaFrame, OnUnreadable

VERSION = 1
"""Raise it when the same teacher and settings give other labels: no data set shall mix them."""


@dataclass
class Summary:
    """What became of the pictures of one run.

    Attributes:
        num_new, num_old: labelled now, and there already.
        num_empty: of which nothing was sure; they are not in the data set.
        num_segments: of the new ones.
        num_doubtful: segments that became void for their score.
        unnamed: segments that became void because the vocabulary lacks their class, by class.
    """

    num_new: int = 0
    num_old: int = 0
    num_empty: int = 0
    num_segments: int = 0
    num_doubtful: int = 0
    unnamed: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Selection:
    """Which frames of a source are labelled.

    Attributes:
        every: each Nth.
        seconds: at least so many apart, by the clock of the source; 0: no matter.
        frames: at most so many; None: all.
    """

    every: int = 1
    seconds: float = 0.0
    frames: int | None = None

    def of(self, media: Media, on_unreadable: OnUnreadable) -> Iterator[MediaFrame]:
        """Yield the chosen frames of a source."""
        num_taken, next_s = 0, 0.0
        for place, frame in enumerate(media.frames(on_unreadable)):
            if place % self.every or frame.time_s < next_s:
                continue
            next_s = frame.time_s + self.seconds if self.seconds else 0.0
            yield frame
            num_taken += 1
            if num_taken == self.frames:
                return


def settings_of(
    teacher: Teacher, judge: Judge, doubt: DoubtConfig, renamed: dict[str, str], relations: bool
) -> dict[str, Any]:
    """Return all that decides what the labels of a picture are, for the journal."""
    return {
        "version": VERSION,
        "teacher": {"name": teacher.model_name, **teacher.identity},
        "labels": list(judge.wanted.label_names),
        "predicates": list(judge.wanted.predicate_names),
        "thing_score": doubt.thing_score,
        "stuff_score": doubt.stuff_score,
        "renamed": renamed,
        "relations": relations,
    }


def label_frames(
    frames: Iterable[MediaFrame],
    media: Media,
    teacher: Teacher,
    judge: Judge,
    journal: Journal,
    folder: Path,
    summary: Summary,
) -> None:
    """Label frames of a source into a folder and note them in its journal.

    Args:
        summary: counts what becomes of them, right up to an error.
    """
    for name in (IMAGES, PANOPTIC):
        remove_leftovers(folder / name)
    with journal:
        for frame in frames:
            image_id, is_there = journal.image_id(picture_name(frame, media), frame.image)
            if is_there:
                summary.num_old += 1
            else:
                entry = _label(frame, image_id, teacher, judge, folder, summary)
                journal.add(image_id, frame.image, entry)


def finish(folder: Path, journal: Journal, vocabulary: Vocabulary, num_pictures: int) -> Path:
    """Write psg.json, labels.yaml and the contact sheet for all that the journal lists.

    Raises:
        ValueError: no picture has a segment.
    """
    remove_leftovers(folder)
    entries = [entry for _, entry in sorted(journal.entries.items()) if entry is not None]
    if not entries:
        raise ValueError(
            f"nothing is sure in any of {len(journal.entries)} pictures: lower --thing-score and "
            "--stuff-score, or take another teacher"
        )
    path = write_annotations(folder, entries, vocabulary)
    if num_pictures:
        dataset = open_dataset(path, vocabulary, "train")
        write_contact_sheet(folder / SHEET_FILE, dataset, vocabulary, num_pictures)
    return path


def picture_name(frame: MediaFrame, media: Media) -> str:
    """Return what the id of a picture begins with: its file, of a stream with its place."""
    if media.is_moving:
        return f"{Path(media.path).stem}_{frame.index:06d}"
    return Path(frame.name).stem


def _label(
    frame: MediaFrame, image_id: str, teacher: Teacher, judge: Judge, folder: Path, summary: Summary
) -> dict[str, Any] | None:
    lesson = judge(teacher(frame.image))
    summary.num_new += 1
    summary.num_doubtful += lesson.num_doubtful
    summary.unnamed += lesson.unnamed
    summary.num_segments += lesson.segmentation.num_segments
    if not lesson.segmentation.num_segments:
        summary.num_empty += 1
        return None
    return write_picture(folder, image_id, frame.image, lesson, judge.wanted, teacher.model_name)
