# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Full HD images arrive with our settings.

The share that arrives is judged, not the rate: a busy machine cannot even send at 30 Hz, and takes
an image so late that the next one has replaced it. Rates are for the benchmark to tell.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "image_transport.py"
RATES_HZ = (30, 10, 10, 5)
"""Of the attempts: each gives a busy machine more time."""
WANTED_SHARE = 29 / 30

pytestmark = [pytest.mark.ros, pytest.mark.slow]


def measure(path, domain_id, rate_hz):
    environment = os.environ | {"ROS_DOMAIN_ID": str(domain_id)}
    options = ["--sizes", "1920x1080", "--settings", "tuned", "--rate", str(rate_hz)]
    command = [sys.executable, str(SCRIPT), *options, "--json", str(path)]
    printed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return printed.stdout, json.loads(path.read_text())


def test_full_hd_images_arrive(tmp_path, domain_id):
    pytest.importorskip("rclpy", reason="needs ROS 2")
    shares = []
    for rate_hz in RATES_HZ:
        text, content = measure(tmp_path / "result.json", domain_id, rate_hz)
        result = content["results"][0]
        shares.append(result["arrived"] / result["sent"])
        if shares[-1] >= WANTED_SHARE:
            break
    assert content["machine"]["cores"] and "| 1920x1080 | tuned |" in text
    assert result["sent_hz"] > rate_hz / 3, "the sender itself was held up: nothing was measured"
    assert max(shares) >= WANTED_SHARE, f"only these shares arrived: {shares}"
