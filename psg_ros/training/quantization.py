# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A model folder gets int8 or fp8 files: made from pictures, judged on annotated ones, kept."""

from __future__ import annotations

import dataclasses
import math
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import yaml

from psg_ros.backend_table import INT8
from psg_ros.config import EvaluationConfig
from psg_ros.data.annotation import AnnotatedImage
from psg_ros.evaluation.metrics.evaluator import Evaluator
from psg_ros.evaluation.report.examples import Examples
from psg_ros.evaluation.run import Run, from_pipeline
from psg_ros.file_digest import file_sha256
from psg_ros.files import scratch_beside
from psg_ros.network.twins import quantize_file, twin_name
from psg_ros.robot.forms import load_model
from psg_ros.robot.forms.network_input import NetworkInput
from psg_ros.robot.forms.words import word_inputs
from psg_ros.robot.manifest import MANIFEST_FILE, ModelFolder, TwinFile, TwinLoss, Twins
from psg_ros.robot.opening import open_files
from psg_ros.robot.pipeline import Pipeline
from psg_ros.robot.runtime.backend import backend_report
from psg_ros.robot.runtime.tensors import to_host
from psg_ros.robot.runtime.twin_choice import FASTER_ON
from psg_ros.setting_files import config_from_dict, read_mapping

SEGMENTER = "segmenter"
JUDGED = ("PQ", "mR@50")
"""Scores that decide whether int8 is taken without being asked for."""

REFERENCE = "onnxruntime"
"""The backend that computes every file as it is written."""

Scores = Mapping[str, float]
Judge = Callable[[Path, str, str], Scores]
"""Returns the scores, in percent, of a model folder, run by a backend, from the files of a kind:
"int8", "fp8", or "" for what was exported."""


class NetworkInputs:
    """What a segmenter is given for some pictures; each is decoded when it is asked for."""

    def __init__(self, folder: ModelFolder, pictures: Sequence[Callable[[], np.ndarray]]) -> None:
        self._folder, self._pictures = folder, pictures
        self._words = word_inputs(folder, SEGMENTER)

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        for read in self._pictures:
            buffer = NetworkInput(self._folder.manifest)
            buffer.write(read())
            yield {"image": to_host(buffer.tensor), **self._words}

    def __len__(self) -> int:
        return len(self._pictures)


def quantize_model(
    model: str,
    kind: str,
    pictures: Sequence[Callable[[], np.ndarray]],
    judge: Judge | None,
    made_by: str,
) -> tuple[Twins, dict[str, dict[str, Scores]]]:
    """Give a model files in eight bits, in place of older ones; after an error all is as it was.

    Args:
        model: as in `find_model`.
        kind: "int8" or "fp8".
        pictures: what each returns, uint8 [height, width, 3] RGB, shows the network what to expect.
        judge: None: nobody measures, and the files are used only where somebody asks for them.
        made_by: the command, to be kept in the manifest.

    Returns:
        What the manifest now says, and the scores by backend and kind of files.

    Raises:
        ImportError: ONNX Runtime is not installed; names the extra.
        FileNotFoundError, ValueError: no such model, or one whose form is not quantized.
        PermissionError: its folder cannot be written.
    """
    folder = load_model(model)
    if SEGMENTER not in folder.manifest.artifacts:
        raise ValueError(
            f"{folder.path} is of the form {folder.manifest.form}, which has no artifact "
            f"{SEGMENTER} to quantize: export the model as two files"
        )
    if not os.access(folder.path, os.W_OK):
        raise PermissionError(f"no permission to write into {folder.path}; copy the model first")
    name = twin_name(folder.manifest.artifact(SEGMENTER).file, kind)
    scores: dict[str, dict[str, Scores]] = {}
    with scratch_beside(folder.path) as scratch:
        work = scratch / folder.path.name
        shutil.copytree(folder.path, work)
        source, inputs = folder.artifact_path(SEGMENTER), NetworkInputs(folder, pictures)
        quantize_file(source, work / name, kind, inputs)
        twins = Twins({SEGMENTER: TwinFile(name, file_sha256(work / name))}, made_by=made_by)
        _write_manifest(work / MANIFEST_FILE, kind, twins)
        if judge is not None:
            scores = {
                backend: {files: judge(work, backend, files) for files in ("", kind)}
                for backend in judges_of(kind)
            }
            losses = {backend: _loss(*found.values()) for backend, found in scores.items()}
            twins = dataclasses.replace(twins, losses=losses)
            _write_manifest(work / MANIFEST_FILE, kind, twins)
        for file in (name, MANIFEST_FILE):
            os.replace(work / file, folder.path / file)
    return twins, scores


def judges_of(kind: str) -> list[str]:
    """Return the backends that judge: the reference, and those in which "auto" runs these files."""
    wanted = {REFERENCE, *(FASTER_ON if kind == INT8 else ())}
    return [found.name for found in backend_report() if found.name in wanted and not found.problem]


def judge_on(
    dataset: Sequence[AnnotatedImage],
    images: int | None,
    progress: Callable[[range], Iterable[int]],
) -> Judge:
    """Return what judges a model as `psg evaluate` does, on the first images of a data set.

    On the processor, and in fp32 around the eight bits, like the processors on which "auto" uses
    such files. So every machine finds the same.
    """

    def judge(path: Path, backend: str, kind: str) -> Scores:
        config = EvaluationConfig(str(path), backend, "cpu")
        folder = load_model(config.model)
        networks = open_files(config, folder, backend, kind, config.precision)
        with Pipeline(config, folder, *networks) as pipeline:
            run = Run(Evaluator(pipeline.vocabulary, "SGDet"), Examples(0))
            run.over(dataset, from_pipeline(pipeline, "SGDet"), images, progress)
        return run.evaluator.report().scores

    return judge


def _loss(before: Scores, after: Scores) -> TwinLoss:
    lost = {
        name: round(float(before[name] - after[name]), 3)
        for name in JUDGED
        if np.isfinite(before.get(name, np.nan))
    }
    return TwinLoss(lost.get("PQ", math.nan), lost.get("mR@50"))


def _write_manifest(path: Path, kind: str, twins: Twins) -> None:
    values = read_mapping(path) | {kind: dataclasses.asdict(twins)}
    config_from_dict(Twins, values[kind], str(path))
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
