# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Make the modules beside the tests importable."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
