# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An evaluation as one HTML file without anything beside it: tables, charts, pictures."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from psg_ros import tables
from psg_ros.evaluation.metrics.evaluation_report import PROTOCOL, EvaluationReport
from psg_ros.evaluation.metrics.multi_mpo import TITLE as MULTI_MPO
from psg_ros.evaluation.metrics.open_set import OpenSet
from psg_ros.evaluation.report import page_parts as parts
from psg_ros.evaluation.report.cost import Cost
from psg_ros.evaluation.report.examples import Example, Examples, side_by_side
from psg_ros.evaluation.report.open_set import open_set_table, open_set_title
from psg_ros.evaluation.report.origin import coverage_notes, settings_line
from psg_ros.evaluation.report.page_style import STYLE
from psg_ros.files import write_text
from psg_ros.labels import Vocabulary

EXAMPLES_SHOWN = 4
PICTURE_WIDTH_PX = 1000
JPEG_QUALITY = 85


@dataclass(frozen=True)
class Page:
    """What a page shows.

    Attributes:
        origin: what was judged, see `psg_ros.evaluation.report.origin`.
        multi_mpo: figures of that protocol, percent by name; None if not asked for.
        machine: where it ran, by name.
        open_set: figures of an open-set protocol; None if not asked for.
    """

    report: EvaluationReport
    origin: Mapping[str, str]
    multi_mpo: Mapping[str, float] | None
    cost: Cost
    machine: Mapping[str, object]
    examples: Examples
    open_set: OpenSet | None = None


def write_page(path: Path, page: Page, vocabulary: Vocabulary) -> None:
    """Write the page; it links to nothing and runs no script."""
    title = f"{page.origin['model']} on {page.origin['data']}, {page.report.task}"
    write_text(path, document(title, "".join(_sections(page, vocabulary))))


def document(title: str, body: str) -> str:
    """Return a whole HTML file around what it shows."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def _sections(page: Page, vocabulary: Vocabulary) -> Iterable[str]:
    report = page.report
    yield _title(page)
    yield parts.tiles(report)
    yield parts.section(
        "Scores",
        f'<p class="soft">{html.escape(PROTOCOL)}</p>',
        _side_by_side(parts.score_tables(report.scores)),
    )
    if page.multi_mpo is not None:
        yield parts.section(MULTI_MPO, *parts.score_tables(page.multi_mpo))
    if page.open_set is not None:
        table = tables.html(*open_set_table(page.open_set))
        yield parts.section(open_set_title(page.open_set), table)
    yield parts.section("Predicates", parts.predicate_chart(report.per_predicate))
    yield _confusion(report, vocabulary)
    yield _reliability(report)
    if report.per_class:
        yield parts.section("Classes", parts.class_chart(report.per_class))
    yield _pictures("What went worst", page.examples.worst, vocabulary)
    yield _pictures("What went best", page.examples.best, vocabulary)
    facts = {**page.origin, **page.machine}
    yield parts.section("Run", parts.cost_parts(page.cost), parts.facts_table(facts))


def _title(page: Page) -> str:
    report, origin = page.report, page.origin
    by = f" on {origin['backend']}" if "backend" in origin else ""
    text = (
        f"{report.task}, split {origin['split']} of {origin['data']}, {report.num_images} images, "
        f"{report.num_related_images} with relations"
    )
    notes = coverage_notes(origin)
    if report.num_missing:
        notes.append(f"{report.num_missing} images have no prediction; they count as not found.")
    text = f"{text}; {settings_line(origin)}"
    return (
        f"<h1>{html.escape(origin['model'] + by)}</h1><p class='soft'>{html.escape(text)}</p>"
        + "".join(f'<div class="note">{html.escape(note)}</div>' for note in notes)
    )


def _confusion(report: EvaluationReport, vocabulary: Vocabulary) -> str:
    text = (
        "Annotated predicate (down) against the best predicted one (across), over annotated pairs "
        "whose two ends were found. Colour is the share of the row."
    )
    matrix = parts.confusion_matrix(report.confusion, vocabulary.predicate_names)
    both = [f"<div>{matrix}</div>", parts.confused_table(report.confusion)]
    return parts.section(
        "Confusion of predicates", f'<p class="soft">{text}</p>', _side_by_side(both)
    )


def _reliability(report: EvaluationReport) -> str:
    text = (
        "How sure the model was of pairs whose two ends were found, and, of the annotated ones, "
        "how often its best predicate was right."
    )
    charts = [parts.score_histogram(report.score), parts.reliability_diagram(report.score, "score")]
    if report.probability is not None:
        charts.append(
            parts.reliability_diagram(report.probability, "probability of listed relations")
        )
    return parts.section(
        "Can scores be trusted?", f'<p class="soft">{text}</p>', _side_by_side(charts)
    )


def _pictures(title: str, examples: list[Example], vocabulary: Vocabulary) -> str:
    if not examples:
        return ""
    figures = "".join(_figure(example, vocabulary) for example in examples[:EXAMPLES_SHOWN])
    text = (
        "Truth left, model right. #n: among all predicates of its pair the annotated one is the "
        "model's n-th choice; #-: an end of the pair was not found."
    )
    return parts.section(title, f'<p class="soft">{text}</p>', figures)


def _figure(example: Example, vocabulary: Vocabulary) -> str:
    drawn = side_by_side(example, vocabulary)
    triplets = ", ".join(example.true_triplets(vocabulary))
    without = f" (drawn without the photo: {drawn.no_photo})" if drawn.no_photo else ""
    return (
        f'<figure><img alt="" src="{_data_uri(drawn.picture_rgb)}">'
        f"<figcaption>{html.escape(example.caption + without)}"
        f"{html.escape(triplets and '; annotated: ' + triplets)}</figcaption></figure>"
    )


def _data_uri(picture_rgb: np.ndarray) -> str:
    height, width = picture_rgb.shape[:2]
    if width > PICTURE_WIDTH_PX:
        size_wh = (PICTURE_WIDTH_PX, max(round(height * PICTURE_WIDTH_PX / width), 1))
        picture_rgb = cv2.resize(picture_rgb, size_wh, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(picture_rgb, cv2.COLOR_RGB2BGR)
    _, content = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(content.tobytes()).decode()


def _side_by_side(columns: Iterable[str]) -> str:
    inside = "".join(f"<div>{column}</div>" for column in columns if column)
    return f'<div class="side">{inside}</div>'
