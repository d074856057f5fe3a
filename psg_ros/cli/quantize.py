# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Add int8 or fp8 files to a model, which hardware made for them runs faster.

The ranges come from pictures like those the model will see: the split train of --data, or a folder.
Then ONNX Runtime and OpenVINO, each where it is installed, evaluate the split --split of --data
with the old and the new files, in fp32 around the 8-bit products, and the losses are recorded in
the model's manifest. On a processor with int8 instructions but without bf16, precision auto uses
the int8 files in OpenVINO if they lose at most 0.5 points of PQ and of mR@50 there. Elsewhere,
select them with --precision int8.

fp8 is for TensorRT on GPUs of compute capability 8.9 and above (Ada, Hopper); select it with
--precision fp8. Around their 8-bit products the files keep the types of the model: for TensorRT,
export it with --precision fp16 first. 8-bit weights take a quarter of the space; the model's other
files stay as they are.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from psg_ros.backend_table import INT8, TWINS
from psg_ros.cli.options import TRAIN_EXTRA, last_name, positive_int
from psg_ros.data.dataset import PanopticDataset, read_picture
from psg_ros.data.opening import SPLITS, open_dataset
from psg_ros.labels import Vocabulary
from psg_ros.media import open_media
from psg_ros.quoting import counted
from psg_ros.robot.forms import load_model
from psg_ros.robot.manifest import Twins
from psg_ros.robot.runtime.twin_choice import FASTER_ON, MAX_LOSS, is_accurate

USAGE = "MODEL [--data DATA] [--calibration FOLDER] [options]"
EXAMPLES = """\
examples:
  psg simulate rooms --train 400 --test 200 && psg quantize models/mine --data rooms
  psg quantize models/mine --data rooms --calibration my_robot/photos
  psg quantize models/mine --calibration my_robot/photos      without measuring the loss
  psg predict photo.jpg --model models/mine --precision int8
  psg export runs/mine models/gpu --precision fp16 && psg quantize models/gpu --data rooms
  psg quantize models/gpu --data rooms --precision fp8

needs the extras train and quantize (onnxruntime).
"""

Read = Callable[[], np.ndarray]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg quantize`."""
    parser.add_argument(
        "model", metavar="MODEL", help="name or folder of the model, which gets the new files"
    )
    parser.add_argument(
        "--precision", choices=TWINS, default=INT8, help="which files (default: %(default)s)"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DATA", help="annotated data set, in PSG's layout or COCO's"
    )
    parser.add_argument(
        "--split", choices=SPLITS, default="test", help="split to evaluate on (default: test)"
    )
    parser.add_argument(
        "--images", type=positive_int, metavar="N", help="evaluate on its first N images only"
    )
    parser.add_argument(
        "--calibration",
        metavar="FOLDER",
        help="pictures that set the ranges, a folder or a video (default: the split train of DATA)",
    )
    parser.add_argument(
        "--pictures",
        type=positive_int,
        default=128,
        metavar="N",
        help="how many of these pictures, evenly chosen (default: 128)",
    )


def run(args: argparse.Namespace) -> int:
    """Quantize, judge, and say what the manifest now says."""
    if not (args.data or args.calibration):
        raise ValueError("no pictures: give --data an annotated set, or --calibration a folder")
    try:
        from psg_ros.training.quantization import judge_on, quantize_model
    except ModuleNotFoundError as error:
        raise ImportError(f"quantizing needs: {TRAIN_EXTRA} ({error})") from error
    vocabulary = load_model(args.model).vocabulary
    judged = _open(args.data, vocabulary, args.split) if args.data else None
    judge = judge_on(judged, args.images, _progress) if judged else None
    pictures = _of_media(args) if args.calibration else _of_split(args, vocabulary)
    made_by = shlex.join(["psg", "quantize", *_said(args)])
    twins, scores = quantize_model(args.model, args.precision, pictures, judge, made_by)
    files = ", ".join(file.file for file in twins.files.values())
    print(f"wrote {files}, from {counted(len(pictures), 'picture')}")
    for backend, of_files in scores.items():
        for files, found in of_files.items():
            told = ", ".join(
                f"{name} {found[name]:.2f}" for name in ("PQ", "mR@50") if name in found
            )
            print(f"  {backend}, {files or 'as exported'}: {told}")
    if args.precision == INT8:
        for backend in FASTER_ON:
            _tell_of_auto(twins, backend)
    return 0


def _tell_of_auto(twins: Twins, backend: str) -> None:
    """Say why precision auto will not use int8 files, where it will not."""
    only = f"{backend} runs it only with --precision {INT8}"
    if backend not in twins.losses:
        print(f"  what it loses in {backend} was not measured: {only}")
    elif not is_accurate(twins, backend):
        print(f"  it loses more than {MAX_LOSS} points in {backend}: {only}")


def _of_split(args: argparse.Namespace, vocabulary: Vocabulary) -> list[Read]:
    dataset = _open(args.data, vocabulary, "train")
    return [partial(_picture, dataset, index) for index in _evenly(len(dataset), args.pictures)]


def _of_media(args: argparse.Namespace) -> list[Read]:
    """Return pictures of a folder or a video; where it does not say how long it is, the first."""
    media = open_media(args.calibration)
    step = max(1, (media.num_frames or 0) // args.pictures)
    wanted = islice(media.frames(_say), 0, step * args.pictures, step)
    images = [frame.image for frame in wanted]
    if not images:
        raise ValueError(f"no picture of {args.calibration} can be read")
    return [partial(images.__getitem__, index) for index in range(len(images))]


def _picture(dataset: PanopticDataset, index: int) -> np.ndarray:
    return read_picture(dataset[index])


def _evenly(total: int, wanted: int) -> Sequence[int]:
    return np.linspace(0, total - 1, min(total, wanted)).astype(int).tolist()


def _open(data: Path, vocabulary: Vocabulary, split: str) -> PanopticDataset:
    return open_dataset(data, vocabulary, split)


def _said(args: argparse.Namespace) -> Iterable[str]:
    """Return the arguments as a reader on another machine could give them."""
    yield last_name(args.model)
    if args.precision != INT8:
        yield from ("--precision", args.precision)
    if args.data:
        yield from ("--data", last_name(args.data), "--split", args.split)
    if args.images:
        yield from ("--images", str(args.images))
    if args.calibration:
        yield from ("--calibration", last_name(args.calibration))
    yield from ("--pictures", str(args.pictures))


def _say(text: str) -> None:
    print(f"left out: {text}", file=sys.stderr)


def _progress(indices: range) -> Iterable[int]:
    return tqdm(indices, unit=" images", leave=False, disable=None)
