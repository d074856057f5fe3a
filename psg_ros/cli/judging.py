# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How predictions are judged and reported, whatever made them: options, run, outputs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from psg_ros import tables
from psg_ros.cli.options import positive_int
from psg_ros.cli.targets import check_folder
from psg_ros.data.dataset import PanopticDataset
from psg_ros.evaluation.metrics.evaluation_report import EvaluationReport, json_text, plain_values
from psg_ros.evaluation.metrics.evaluator import DEFAULT_KS, Evaluator, Task
from psg_ros.evaluation.metrics.multi_mpo import TITLE as MULTI_MPO
from psg_ros.evaluation.metrics.multi_mpo import MultiMpo
from psg_ros.evaluation.metrics.open_set import PROTOCOLS, OpenSet
from psg_ros.evaluation.metrics.recall import PAIRS, k_name
from psg_ros.evaluation.report.cost import Cost
from psg_ros.evaluation.report.examples import Examples, write_worst
from psg_ros.evaluation.report.markdown import to_markdown
from psg_ros.evaluation.report.open_set import open_set_content, open_set_table, open_set_title
from psg_ros.evaluation.report.origin import coverage_notes, describe_origin, settings_line
from psg_ros.evaluation.report.page import Page, write_page
from psg_ros.evaluation.report.scores import headline, percent
from psg_ros.evaluation.results.reader import Results
from psg_ros.evaluation.results.writer import ResultsWriter
from psg_ros.evaluation.run import Run, Source
from psg_ros.files import check_not_input, check_writable, write_text
from psg_ros.labels import Vocabulary
from psg_ros.machine import describe_machine

NUM_EXAMPLES = 6


@dataclass(frozen=True)
class Judged:
    """What is judged: predictions, what their indices mean, and where they come from.

    Attributes:
        model: facts about what predicted, see `psg_ros.evaluation.report.origin`.
        results: the folder of the predictions; None where a model runs.
    """

    source: Source
    vocabulary: Vocabulary
    task: Task
    model: dict[str, str]
    results: Results | None = None


def add_judging_options(parser: argparse.ArgumentParser) -> None:
    """Add what is counted and where the figures go."""
    parser.add_argument(
        "--images",
        type=positive_int,
        metavar="N",
        help="only the first N images: a quick look, not comparable with other results",
    )
    parser.add_argument(
        "--k",
        type=depths,
        metavar="LIST",
        default=DEFAULT_KS,
        help="how many of the best entries count; pairs: as many as the image has annotated pairs "
        f"(default: {','.join(map(k_name, DEFAULT_KS))})",
    )
    parser.add_argument(
        "--multi-mpo",
        action="store_true",
        help="also report figures of the first protocol, which are not comparable with others",
    )
    parser.add_argument(
        "--open-set",
        choices=tuple(PROTOCOLS),
        help="also report figures for base and novel words (ovr: predicates; ovdr: labels and "
        "predicates) and for near and distant pairs",
    )
    parser.add_argument(
        "--save-results", type=Path, metavar="FOLDER", help="save the predictions for later"
    )
    for name, what in (("json", "as JSON"), ("markdown", "as tables"), ("html", "as one page")):
        parser.add_argument(
            f"--{name}", type=Path, metavar="FILE", help=f"write all figures {what}"
        )
    parser.add_argument(
        "--worst",
        type=Path,
        metavar="FOLDER",
        help=f"draw the {NUM_EXAMPLES} worst images into FOLDER, truth left, model right; they "
        "replace those of an earlier evaluation; the number at an annotated predicate (#2) is its "
        "rank in the model's list for that pair",
    )


def depths(text: str) -> tuple[int, ...]:
    """Parse `20,50,pairs`."""
    return tuple(PAIRS if part == k_name(PAIRS) else positive_int(part) for part in text.split(","))


def check_targets(args: argparse.Namespace) -> None:
    """Refuse places that cannot be written to, before anything is computed."""
    for path in filter(None, (args.json, args.markdown, args.html)):
        check_writable(path)
    if args.worst:
        check_folder(args.worst)


def judge(args: argparse.Namespace, judged: Judged, dataset: PanopticDataset) -> None:
    """Run over the images, then print and write the figures that `add_judging_options` asks for."""
    for path in filter(None, (args.json, args.markdown, args.html)):
        for source in (dataset.source, *([judged.results.file] if judged.results else [])):
            check_not_input(path, source)
    with ExitStack() as stack:
        collected = _start(args, judged, dataset, stack)
        collected.over(dataset, judged.source, args.images, _progress)
    origin = describe_origin(judged.model, args.data, dataset, args.images)
    page = Page(
        collected.evaluator.report(),
        origin,
        collected.multi_mpo.scores() if collected.multi_mpo else None,
        collected.cost,
        describe_machine(),
        collected.examples,
        collected.open_set,
    )
    print("\n".join(_headline(page.report, origin, args.k, page.multi_mpo)))
    if page.open_set:
        print(f"{open_set_title(page.open_set)}:")
        print(tables.terminal(*open_set_table(page.open_set)))
    print(page.cost.summary)
    _write(args, page, judged.vocabulary)


def _start(
    args: argparse.Namespace, judged: Judged, dataset: PanopticDataset, stack: ExitStack
) -> Run:
    vocabulary = judged.vocabulary
    evaluator = Evaluator(vocabulary, judged.task, args.k)
    collected = Run(evaluator, Examples(NUM_EXAMPLES), Cost(judged.source.work))
    if args.multi_mpo:
        collected.multi_mpo = MultiMpo(vocabulary.num_predicates, args.k)
    if args.open_set:
        collected.open_set = OpenSet(vocabulary, args.open_set, args.k, judged.task)
    if args.save_results:
        writer = ResultsWriter(
            args.save_results, vocabulary, judged.task, judged.model, dataset.fingerprint
        )
        collected.writer = stack.enter_context(writer)
    return collected


def _progress(indices: range) -> Iterable[int]:
    return tqdm(indices, unit=" images", leave=False, disable=None)


def _write(args: argparse.Namespace, page: Page, vocabulary: Vocabulary) -> None:
    """Write what was asked for; first what needs no drawing."""
    if args.json:
        write_text(args.json, json_text(_content(page)))
    if args.markdown:
        text = to_markdown(page.report, page.origin, page.multi_mpo, page.open_set)
        write_text(args.markdown, text)
    if args.html:
        write_page(args.html, page, vocabulary)
    if args.worst:
        say(write_worst(args.worst, page.examples, vocabulary))


def say(sentences: Iterable[str]) -> None:
    """Print sentences that are no figures."""
    for sentence in sentences:
        print(sentence, file=sys.stderr)


def _content(page: Page) -> dict[str, Any]:
    """Return what the JSON file says; all that differs between two equal runs stands in `run`."""
    content = {**page.origin, **page.report.to_dict()}
    if page.multi_mpo is not None:
        content["multi_mpo"] = {"title": MULTI_MPO, "scores": plain_values(page.multi_mpo)}
    if page.open_set is not None:
        content["open_set"] = open_set_content(page.open_set)
    return content | {"run": {"machine": page.machine, **page.cost.to_dict()}}


def _headline(
    report: EvaluationReport,
    origin: Mapping[str, str],
    ks: Sequence[int],
    multi_mpo: Mapping[str, float] | None,
) -> list[str]:
    by = f" on {origin['backend']}" if "backend" in origin else ""
    rows = [
        f"{origin['model']}{by}, {report.task}, {report.num_images} images of "
        f"{origin['data']} ({origin['split']}), {report.num_related_images} with relations",
        settings_line(origin),
        *coverage_notes(origin),
    ]
    names = headline(report.scores, ks)
    rows += [_score_line(name, report.scores[name]) for name in names]
    if multi_mpo is not None:
        rows += [f"{MULTI_MPO}:", *(_score_line(*item) for item in multi_mpo.items())]
    return rows


def _score_line(name: str, value: float) -> str:
    return f"  {name:<10} {percent(value):>6} %"
