# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SPADE: an open-vocabulary relation stage on a frozen diffusion UNet and CLIP; see docs/spade.md.

Source: Hu et al., "SPADE: Spatial-aware denoising network for open-vocabulary panoptic scene graph
generation with long- and local-range context reasoning", ICCV 2025. What the paper leaves open is a
field of `config.py`; docs/decisions say how each was chosen.
"""
