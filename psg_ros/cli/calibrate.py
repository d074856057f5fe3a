# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fit probabilities to a model's relation scores on annotated images it was not trained on.

Writes calibration.yaml into the model folder. From then on relations carry a probability: in the
message (SceneRelation.probability), in the JSON of `psg predict` and in Python. A relation counts
as true if it was annotated. Annotators leave out much that is true, so probabilities tend to be
low. How far they can be trusted is measured on images that the curves have not seen: the first
half is judged by curves fitted on the second, and vice versa, so that views of one scene stay
together.

Every pair counts, whatever its score: thresholds and limits on listed relations do not apply here.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tqdm import tqdm

from psg_ros.cli.options import (
    TRAIN_EXTRA,
    add_data_options,
    add_pipeline_options,
    last_name,
    open_data,
    pipeline_config,
    positive_int,
)
from psg_ros.config import TRACKING_SETTINGS
from psg_ros.data.dataset import read_picture
from psg_ros.data.opening import SPLITS
from psg_ros.evaluation.metrics.reliability import Reliability
from psg_ros.files import check_writable
from psg_ros.frame import Frame
from psg_ros.robot.calibration import CALIBRATION_FILE, save_calibration
from psg_ros.robot.manifest import find_model
from psg_ros.robot.pipeline import Pipeline

USAGE = "DATA --model MODEL [--split SPLIT] [--method METHOD] [options]"
EXAMPLES = """\
examples:
  psg calibrate rooms --model models/mine
  psg calibrate rooms --model models/mine --method temperature --plot reliability.png

needs the extra train (scipy, and matplotlib for --plot).
"""

WITHOUT = ("relation_threshold", "max_relations", *TRACKING_SETTINGS)
"""What is listed does not matter: a curve is fitted on every pair. Nor what follows on what."""

Draw = Callable[[Mapping[str, Reliability]], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg calibrate`."""
    parser.add_argument(
        "data", type=Path, metavar="DATA", help="folder with psg.json, or such a file (PSG layout)"
    )
    parser.add_argument(
        "--split", choices=SPLITS, default="val", help="images to fit on (default: val)"
    )
    parser.add_argument(
        "--method",
        choices=("isotonic", "temperature"),
        default="isotonic",
        help="isotonic: any rising curve; temperature: two numbers per predicate, for few images "
        "(default: isotonic)",
    )
    parser.add_argument("--images", type=positive_int, metavar="N", help="only the first N images")
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw the reliability diagram as PNG"
    )
    add_data_options(parser)
    add_pipeline_options(parser, without=WITHOUT)


def run(args: argparse.Namespace) -> int:
    """Run the model over the images, fit, write, and print what the curves are worth."""
    config = pipeline_config(args)
    folder = find_model(config.model)
    # What can go wrong goes wrong before the first image, not after the last.
    check_writable(folder / CALIBRATION_FILE)
    try:
        from psg_ros.training.relations import calibration as fitting

        draw = _drawing(args.plot)
    except ModuleNotFoundError as error:
        raise ImportError(f"calibrating needs: {TRAIN_EXTRA} ({error})") from error
    # A calibration that no longer fits the model must not keep a new one from being made.
    with Pipeline.open(config, calibrated=False) as pipeline:
        vocabulary, digest = pipeline.vocabulary, pipeline.model_sha256
        dataset = open_data(args, vocabulary)
        total = min(len(dataset), args.images or len(dataset))
        parts = []
        for number in tqdm(range(total), unit=" images", leave=False, disable=None):
            truth = dataset[number]
            parts.append(fitting.samples_of(number, truth, pipeline(Frame(read_picture(truth)))))
    samples = fitting.joined(parts)
    fitted_on = f"{total} images of {last_name(args.data)}, split {args.split}"
    print(f"{len(samples.holds)} relations listed in {fitted_on}; {samples.holds.sum()} annotated")
    result = fitting.fit(samples, args.method, vocabulary, digest, fitted_on)
    if not result.curves:
        raise ValueError(
            f"no predicate was listed correctly {fitting.MIN_POSITIVES} times in {fitted_on}: "
            "give more images, or a better model"
        )
    print(f"wrote {save_calibration(result, folder)}")
    missing = set(vocabulary.predicate_names) - {curve.predicate for curve in result.curves}
    if missing:
        print(f"  without a curve (too rare, probability stays NaN): {', '.join(sorted(missing))}")
    _judge(fitting.compare_on_halves(samples, args.method, vocabulary), draw)
    return 0


def _drawing(plot: Path | None) -> Draw | None:
    """Return what draws the reliability, None where nobody asked for it."""
    if plot is None:
        return None
    check_writable(plot)
    if plot.suffix.lower() != ".png":
        raise ValueError(f"the reliability is drawn as PNG: {plot} must end in .png")
    from psg_ros.training.relations.reliability_plot import plot_reliability

    return partial(plot_reliability, out=plot)


def _judge(found: Mapping[str, Reliability], draw: Draw | None) -> None:
    """Print, and draw where asked, how reliable score and probability are."""
    if not found:
        drawn = "; nothing is drawn" if draw else ""
        print(f"  too few images to say how reliable it is: half must do for the fit{drawn}")
        return
    for name, what in found.items():
        print(
            f"  {name:<12} calibration error {what.calibration_error:.3f}, Brier {what.brier:.3f}"
        )
    if draw:
        draw(found)
