# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Check that a backend computes what ONNX Runtime computes on the processor, in fp32.

Every network of the model runs on both with the same inputs: the pictures of SOURCE, or made-up
ones. The comparison covers the class of every query, the signs of the masks, the patch tokens and
the best predicate of every pair. The limits depend on the precision of the backend. With --run, the
reference is the torch network from which the model was exported.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from psg_ros.backend_table import AUTO, backend_choices
from psg_ros.benchmark.agreement import LIMITS, MEANINGS, RELATIONS, Agreement, Compared
from psg_ros.cli.options import positive_int
from psg_ros.config import PipelineConfig
from psg_ros.files import check_writable, write_text
from psg_ros.frame import Frame
from psg_ros.machine import processor
from psg_ros.media import open_media
from psg_ros.quoting import counted
from psg_ros.robot.forms import form_of, load_model
from psg_ros.robot.manifest import (
    ArtifactSpec,
    Manifest,
    ModelFolder,
    TensorSpec,
    model_sha256,
)
from psg_ros.robot.opening import open_model
from psg_ros.robot.pipeline import Pipeline
from psg_ros.robot.runtime.backend import (
    Backend,
    backend_version,
    module_of,
    open_backend,
    resolve_backend,
)
from psg_ros.robot.runtime.tensors import as_text
from psg_ros.robot.runtime.twin_choice import choose_twin

USAGE = "MODEL [SOURCE] [--backend NAME] [--run RUN] [--report FILE] [options]"
EXAMPLES = """\
examples:
  psg verify photo --backend openvino
  psg verify photo pictures/ --backend tensorrt --report verified.json
  psg verify models/mine video.mp4 --backend openvino --precision bf16 --limit 20
  psg verify models/mine pictures/ --run runs/mine     needs the extra train (torch)

exit status 0 if everything is within the limits, else 1.
"""
REFERENCE = "onnxruntime"
MADE_UP_HW = (480, 640)
UNLIKE = (
    "made-up pictures are like nothing that the network has seen: its masks are unsure, and more "
    "signs flip than on real ones. What counts is psg verify MODEL with pictures of your camera"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg verify`."""
    parser.add_argument("model", metavar="MODEL", help="name or folder of a model")
    parser.add_argument(
        "source",
        nargs="?",
        metavar="SOURCE",
        help="picture, folder, video or bag (default: made-up pictures)",
    )
    parser.add_argument(
        "--backend", choices=backend_choices(), default=AUTO, help="backend to check"
    )
    parser.add_argument("--device", default=AUTO, metavar="DEVICE", help="device it runs on")
    parser.add_argument(
        "--precision", default=AUTO, metavar="NAME", help="precision it computes in"
    )
    parser.add_argument(
        "--limit",
        type=positive_int,
        default=8,
        metavar="N",
        help="use at most N pictures (default: %(default)s)",
    )
    parser.add_argument(
        "--run",
        type=Path,
        metavar="RUN",
        help="run folder that MODEL was exported from: compare with its network in torch",
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Compare, print and write what was asked for."""
    if args.report:
        check_writable(args.report)
    folder, agreement = load_model(args.model), Agreement()
    name = resolve_backend(args.backend, args.device)
    twin = choose_twin(args.precision, name, args.device, folder.manifest)
    wanted = AUTO if twin else args.precision
    with ExitStack() as opened:
        pairs = []
        truths = _of_run(args.run, folder) if args.run else _of_model(folder)
        for artifact, truth in zip(form_of(folder).ARTIFACTS, truths, strict=True):
            opened.callback(truth.close)
            other = _open(name, folder, artifact, args.device, wanted, twin=twin)
            opened.callback(other.close)
            pairs.append((truth, other))
        # Nearly every query is a segment then, so that there are pairs to compare.
        config = PipelineConfig(
            model=args.model, max_segments=12, score_threshold=0.0, overlap_threshold=0.0
        )
        compared = [Compared(*pair, agreement) for pair in pairs]
        pipeline = Pipeline(config, folder, *compared, calibrated=False)
        num_pictures = 0
        for picture in itertools.islice(_pictures(args.source), args.limit):
            pipeline(Frame(picture))
            num_pictures += 1
        device = pairs[0][1].device
        precision = twin or pairs[0][1].precision
        reference = pairs[0][0].name
    if not num_pictures:
        raise ValueError(f"{args.source} holds no picture")
    beyond = agreement.beyond(precision)
    if form_of(folder).RELATES and RELATIONS not in agreement.shares:
        beyond.append("relations: nothing to compare, as no picture has two segments")
    report = {
        "model": folder.manifest.name,
        "model_sha256": model_sha256(folder.manifest),
        "pictures": num_pictures,
        "source": args.source or "made up",
        "backend": f"{name} {backend_version(name)}",
        "device": device,
        "precision": precision,
        "reference": f"{reference} {backend_version(reference)}, cpu, fp32",
        "processor": processor(),
        "measures": {
            measure: {"share": share.value, "limit": LIMITS[precision][measure]}
            for measure, share in agreement.shares.items()
        },
        "within_limits": not beyond,
    }
    print(f"{report['backend']} on {device} in {precision}: {counted(num_pictures, 'picture')}")
    for measure, share in agreement.shares.items():
        limit = LIMITS[precision][measure]
        print(f"  {measure:<12}{share.value:9.4%}  (at most {limit:.2%}) {MEANINGS[measure]}")
    print("within the limits" if not beyond else "BEYOND the limits: " + "; ".join(beyond))
    if beyond and args.source is None:
        print(UNLIKE)
    if args.report:
        write_text(args.report, json.dumps(report, indent=2) + "\n")
    return int(bool(beyond))


def _of_model(folder: ModelFolder) -> Iterator[Backend]:
    """Yield the reference of each artifact: the very file."""
    for artifact in form_of(folder).ARTIFACTS:
        yield _open(REFERENCE, folder, artifact, "cpu", "fp32")


def _of_run(run: Path, folder: ModelFolder) -> Iterator[Backend]:
    """Yield the reference of each artifact: what it was exported from, in torch.

    Raises:
        FileNotFoundError, ImportError, ValueError: see `open_model`; and ValueError for a run with
            other networks than the model's.
    """
    source, backends = _open_run(run, folder.manifest)
    for artifact in form_of(folder).ARTIFACTS:
        mine = _interface(folder.manifest, artifact)
        its = _interface(source, artifact)
        if mine != its:
            raise ValueError(
                f"{folder.path} is not what psg export makes of {run} without options: its "
                f"{artifact} has {mine}, that of the run {its}; give the run that it comes from, "
                "or leave --run out"
            )
    yield from backends


def _open_run(run: Path, manifest: Manifest) -> tuple[Manifest, list[Backend]]:
    """Open a run in the form of a model."""
    if manifest.form == "fused":
        (num_slots,) = _output(manifest.artifact("fused"), "segment_of").shape
        manifest, backends = module_of("torch").open_fused(run, num_slots)
        return manifest, backends
    config = PipelineConfig(model=str(run), backend="torch", device="cpu", precision="fp32")
    folder, backends, _ = open_model(config)
    return folder.manifest, backends


def _output(spec: ArtifactSpec, name: str) -> TensorSpec:
    return next(tensor for tensor in spec.outputs if tensor.name == name)


def _interface(manifest: Manifest, artifact: str) -> str:
    """Return the tensors of an artifact for people; "no such network" where it is not there."""
    spec = manifest.artifacts.get(artifact)
    if spec is None:
        return "no such network"
    return f"inputs {as_text(spec.inputs)} and outputs {as_text(spec.outputs)}"


def _open(
    name: str,
    folder: ModelFolder,
    artifact: str,
    device: str,
    precision: str,
    *,
    twin: str = "",
) -> Backend:
    spec = folder.manifest.artifact(artifact, twin=twin)
    path = folder.artifact_path(artifact, twin=twin)
    return open_backend(name, path, spec, device=device, precision=precision)


def _pictures(source: str | None) -> Iterator[np.ndarray]:
    """Yield the pictures of a source, or without one of rectangles on noise, uint8 [h, w, 3]."""
    if source is not None:
        yield from (frame.image for frame in open_media(source).frames())
        return
    for seed in itertools.count():
        rng = np.random.default_rng(seed)
        picture = rng.integers(90, 140, (*MADE_UP_HW, 3)).astype(np.uint8)
        for _ in range(8):
            top, left = rng.integers(0, 400), rng.integers(0, 560)
            height, width = rng.integers(40, 240, 2)
            picture[top : top + height, left : left + width] = rng.integers(0, 2, 3) * 255
        yield picture
