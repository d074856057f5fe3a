# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Public checkpoints of EoMT -> ours.

`reading` gets tensors out of files, folders and the hub without executing anything in them;
`eomt_upstream` and `eomt_transformers` know the two key layouts; `eomt_sizes` tells from shapes
which network it is; `convert` joins them and refuses whatever does not fit to the last key.
`react` is another matter: a finished network of boxes and relations, put beside a segmenter.
"""
