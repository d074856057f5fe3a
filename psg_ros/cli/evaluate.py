# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measure a model on an annotated data set: recall of relations and panoptic quality, in percent.

The task sgdet judges everything the model finds. The task predcls gives it the true masks and
labels, and judges only the relations. Instead of a model you can judge a folder of results from any
method (`psg_ros.evaluation.results.format` describes it), or a run folder of `psg train`, whose
network then runs in torch with the thresholds that an export would recommend.

Unlike the node, this merges masks at image size and computes in fp32, so that figures can be
compared with other methods and other processors. --merge-resolution and --precision change that.
The report names both, and how images were scaled.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from psg_ros.cli.options import (
    add_data_options,
    add_pipeline_options,
    open_data,
    pipeline_config,
    positive_int,
    torch_device,
)
from psg_ros.cli.targets import check_folder
from psg_ros.config import TRACKING_SETTINGS, EvaluationConfig
from psg_ros.data.dataset import PanopticDataset
from psg_ros.data.opening import SPLITS
from psg_ros.evaluation.metrics.evaluation_report import EvaluationReport, json_text, plain_values
from psg_ros.evaluation.metrics.evaluator import DEFAULT_KS, Evaluator, Task
from psg_ros.evaluation.metrics.multi_mpo import TITLE as MULTI_MPO
from psg_ros.evaluation.metrics.multi_mpo import MultiMpo
from psg_ros.evaluation.metrics.open_set import PROTOCOLS, OpenSet
from psg_ros.evaluation.metrics.recall import PAIRS, k_name
from psg_ros.evaluation.report.cost import Cost
from psg_ros.evaluation.report.examples import Examples, write_worst
from psg_ros.evaluation.report.markdown import to_markdown
from psg_ros.evaluation.report.origin import (
    coverage_notes,
    describe_model,
    describe_origin,
    settings_line,
)
from psg_ros.evaluation.report.page import Page, write_page
from psg_ros.evaluation.report.scores import headline, percent
from psg_ros.evaluation.results.fit import check_fit
from psg_ros.evaluation.results.reader import Results
from psg_ros.evaluation.results.writer import ResultsWriter
from psg_ros.evaluation.run import Run, Source, from_pipeline, from_results
from psg_ros.files import check_writable, write_text
from psg_ros.labels import Vocabulary
from psg_ros.machine import describe_machine
from psg_ros.robot.pipeline import Pipeline

USAGE = (
    "DATA [--split SPLIT] [--task TASK] [--model MODEL | --run RUN | --results FOLDER] [options]"
)
EXAMPLES = """\
examples:
  psg evaluate rooms --split val
  psg evaluate rooms --split test --html report.html --save-results rooms_results
  psg evaluate rooms --split test --task predcls --json result.json --markdown result.md
  psg evaluate psg_data/psg.json --split test --model models/dsflash_s --images 100
  psg evaluate psg_data/psg.json --split test --results other_method --k 20,50 --multi-mpo
  psg evaluate rooms --split test --open-set ovr --json open.json
  psg evaluate rooms --split val --run runs/mine --device cuda     needs the extra train (torch)
"""

TASKS: dict[str, Task] = {"sgdet": "SGDet", "predcls": "PredCls"}
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg evaluate`."""
    parser.add_argument(
        "data",
        type=Path,
        metavar="DATA",
        help="folder or annotation file, in PSG's layout or, without relations, COCO panoptic",
    )
    parser.add_argument(
        "--split", choices=SPLITS, default="test", help="split to evaluate (default: test)"
    )
    parser.add_argument(
        "--task", choices=sorted(TASKS), help="see above (default: sgdet, or what --results says)"
    )
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
        "predicates) and for near and distant pairs; printed, and in --json",
    )
    parser.add_argument(
        "--run",
        type=Path,
        metavar="RUN",
        help="run folder of psg train: evaluate its network in torch, on --device (auto is cpu)",
    )
    parser.add_argument(
        "--results",
        type=Path,
        metavar="FOLDER",
        help="evaluate these results, without model and photos",
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
        help=f"draw the {NUM_EXAMPLES} worst images into FOLDER, truth left, model right; the "
        "number at an annotated predicate (#2) is its rank in the model's list for that pair",
    )
    add_data_options(parser)
    add_pipeline_options(parser, kind=EvaluationConfig, without=TRACKING_SETTINGS)


def depths(text: str) -> tuple[int, ...]:
    """Parse `20,50,pairs`."""
    return tuple(PAIRS if part == k_name(PAIRS) else positive_int(part) for part in text.split(","))


def run(args: argparse.Namespace) -> int:
    """Evaluate and print the headline."""
    _check_targets(args)
    with ExitStack() as stack:
        judged = _from_results(args) if args.results else _from_model(args, stack)
        dataset = open_data(args, judged.vocabulary)
        if judged.results:
            _say(check_fit(judged.results, dataset, args.images))
        collected = _start(args, judged, dataset, stack)
        collected.over(dataset, judged.source, args.images, _progress)
    report = collected.evaluator.report()
    origin = describe_origin(judged.model, args.data, dataset, args.images)
    multi_mpo = collected.multi_mpo.scores() if collected.multi_mpo else None
    print("\n".join(_headline(report, origin, args.k, multi_mpo)))
    if collected.open_set:
        print("\n".join(_open_set_lines(collected.open_set)))
    print(collected.cost.summary)
    page = Page(report, origin, multi_mpo, collected.cost, describe_machine(), collected.examples)
    _write(args, page, judged.vocabulary, collected.open_set)
    return 0


def _check_targets(args: argparse.Namespace) -> None:
    for path in filter(None, (args.json, args.markdown, args.html)):
        check_writable(path)
    if args.worst:
        check_folder(args.worst)


def _from_model(args: argparse.Namespace, stack: ExitStack) -> Judged:
    pipeline = stack.enter_context(_open_pipeline(args))
    task = TASKS[args.task or "sgdet"]
    source, model = from_pipeline(pipeline, task), describe_model(pipeline)
    return Judged(source, pipeline.vocabulary, task, model)


def _open_pipeline(args: argparse.Namespace) -> Pipeline:
    config = pipeline_config(args, EvaluationConfig)
    if not args.run:
        return Pipeline.open(config)
    opening = [f.name for f in fields(config) if f.metadata["fixed"] and f.name != "device"]
    default = EvaluationConfig()
    changed = [o for o in opening if o in args or getattr(config, o) != getattr(default, o)]
    _refuse(changed, "--run judges the network of a run folder, in torch")
    device, model = torch_device(config.device), str(args.run)
    return Pipeline.open(replace(config, model=model, backend="torch", device=device))


def _from_results(args: argparse.Namespace) -> Judged:
    useless = [name for name in ("save_results", "run", "pipeline") if getattr(args, name)]
    useless += sorted(set(vars(args)) & set(vars(EvaluationConfig())))
    _refuse(useless, "--results judges a folder and runs no model")
    results = Results(args.results)
    if args.task and TASKS[args.task] != results.task:
        raise ValueError(f"{args.results} is of the task {results.task}, not {TASKS[args.task]}")
    source = from_results(results)
    return Judged(source, results.vocabulary, results.task, results.model, results)


def _refuse(options: Sequence[str], reason: str) -> None:
    if options:
        raise ValueError(f"{reason}; leave --{options[0].replace('_', '-')} out")


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


def _write(
    args: argparse.Namespace, page: Page, vocabulary: Vocabulary, open_set: OpenSet | None
) -> None:
    """Write what was asked for; first what needs no drawing."""
    if args.json:
        write_text(args.json, json_text(_content(page, open_set)))
    if args.markdown:
        write_text(args.markdown, to_markdown(page.report, page.origin, page.multi_mpo))
    if args.html:
        write_page(args.html, page, vocabulary)
    if args.worst:
        _say(write_worst(args.worst, page.examples, vocabulary))


def _say(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        print(sentence, file=sys.stderr)


def _content(page: Page, open_set: OpenSet | None) -> dict[str, Any]:
    """Return what the JSON file says; all that differs between two equal runs stands in `run`."""
    content = {**page.origin, **page.report.to_dict()}
    if page.multi_mpo is not None:
        content["multi_mpo"] = {"title": MULTI_MPO, "scores": plain_values(page.multi_mpo)}
    if open_set is not None:
        content["open_set"] = {
            "novel": open_set.novel_names,
            "images": dict(open_set.images()),
            "scores": {view: plain_values(row) for view, row in open_set.scores().items()},
        }
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


def _open_set_lines(open_set: OpenSet) -> list[str]:
    images = open_set.images()
    rows = []
    for view, scores in open_set.scores().items():
        rows.append(f"{view}, {images[view]} images:")
        rows += [_score_line(name, value) for name, value in scores.items()]
    return rows


def _score_line(name: str, value: float) -> str:
    return f"  {name:<10} {percent(value):>6} %"
