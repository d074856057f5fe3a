# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Panoptic scene graphs for ROS 2.

Kept free of heavy imports: importing any generated message imports this file.
"""

import os
from pkgutil import extend_path

# The official builds of ONNX Runtime report to their maker unless this is set before they load.
# Whoever wants that sets it to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# In a checkout the generated messages may lie in the installed copy: merge the two.
__path__ = extend_path(__path__, __name__)
__version__ = "0.1.0"
