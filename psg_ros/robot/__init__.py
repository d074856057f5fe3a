# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What turns an image into a scene graph: numpy, OpenCV and one inference runtime, no torch."""
