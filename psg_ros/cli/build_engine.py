# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Build the TensorRT engines of a model for this machine's GPU, and keep them for later starts.

This takes minutes and would otherwise happen at the first start. An engine fits one version of
TensorRT and one kind of GPU; after an update it is built again, and the reason is printed. Engines
are stored in a folder that only this user may write ($PSG_CACHE/tensorrt, or
~/.cache/psg_ros/tensorrt).

--check needs no GPU: it compares the files of a model with what TensorRT's parser accepts.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time

from psg_ros.backend_table import AUTO, TWINS, parse_device
from psg_ros.cli.options import TRAIN_EXTRA
from psg_ros.robot.forms import load_model
from psg_ros.robot.manifest import ModelFolder
from psg_ros.robot.runtime.backend import hardware_problem, open_backend
from psg_ros.robot.runtime.cache_folder import make_cache_folder
from psg_ros.robot.runtime.twin_choice import choose_twin

USAGE = "MODEL [--precision NAME] [--device cuda:N] | MODEL --check"
EXAMPLES = """\
examples:
  psg build-engine photo
  psg build-engine models/mine --device cuda:1
  psg build-engine models/mine --precision int8      of the files of psg quantize
  psg build-engine models/mine --check

exit status of --check: 0 if TensorRT accepts every file, else 1. It needs the extra train (onnx).
"""
BACKEND = "tensorrt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg build-engine`."""
    parser.add_argument("model", metavar="MODEL", help="name or folder of a model")
    parser.add_argument(
        "--precision",
        choices=(AUTO, *TWINS),
        default=AUTO,
        help="of the exported files, or of those of psg quantize (default: %(default)s)",
    )
    parser.add_argument(
        "--device", default="cuda", metavar="DEVICE", help="which GPU (default: %(default)s)"
    )
    parser.add_argument(
        "--check", action="store_true", help="only report what TensorRT would refuse; needs no GPU"
    )


def run(args: argparse.Namespace) -> int:
    """Build, or check."""
    folder = load_model(args.model)
    return check(folder) if args.check else build(folder, args.device, args.precision)


def build(folder: ModelFolder, device: str, precision: str) -> int:
    """Build and keep the engine of every file that a precision runs.

    Raises:
        ValueError: there is no GPU that works, no file of that precision, or TensorRT does not take
            one.
        OSError: there is no folder to keep engines in that only this user can write into.
    """
    parse_device(device)
    if problem := hardware_problem(BACKEND):
        raise ValueError(f"no engine can be built here: {problem}")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    kept = make_cache_folder(BACKEND, is_native=True)
    twin = choose_twin(precision, BACKEND, device, folder.manifest)
    for name in folder.manifest.artifacts:
        started = time.monotonic()
        spec, path = (
            folder.manifest.artifact(name, twin=twin),
            folder.artifact_path(name, twin=twin),
        )
        open_backend(BACKEND, path, spec, device=device).close()
        print(f"{spec.file}: ready after {time.monotonic() - started:.1f} s", flush=True)
    print(f"engines lie in {kept}")
    return 0


def check(folder: ModelFolder) -> int:
    """Print what TensorRT would refuse; returns the exit status."""
    try:
        from psg_ros.network.tensorrt_check import check_artifact
    except ModuleNotFoundError as error:
        raise ImportError(f"checking needs: {TRAIN_EXTRA} ({error})") from error
    refused, manifest = False, folder.manifest
    files = [(name, "") for name in manifest.artifacts]
    files += [(name, kind) for kind, twins in manifest.twins.items() for name in twins.files]
    for name, twin in files:
        spec = manifest.artifact(name, twin=twin)
        refusals = check_artifact(folder.artifact_path(name, twin=twin), spec)
        refused = refused or bool(refusals)
        print(f"{spec.file}: {'TensorRT would refuse' if refusals else 'nothing to refuse'}")
        for sentence in refusals:
            print(f"  {sentence}")
    return int(refused)
