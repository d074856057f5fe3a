# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT on a GPU of NVIDIA, without torch: engines built here from ONNX, tensors that stay."""
