#!/usr/bin/env bash
# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs what this package can do on an NVIDIA GPU, in at most six minutes, and writes one result
# file: benchmarks/results/gpu-HOST-TIME.json. Needs torch and a driver; nvcc, transformers and
# TensorRT are used where they are, and named where they are not. Needs no network and installs
# nothing. PYTHON names the Python that has torch (default: the one of .venv, else python3).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
python=${PYTHON:-$root/.venv/bin/python}
[[ -n ${PYTHON-} || -x $python ]] || python=python3
exec env PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" "$python" -m psg_ros.benchmark.gpu.check "$@"
