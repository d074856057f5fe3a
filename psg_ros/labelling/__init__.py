# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training sets labelled by a big model, or by a composite of small networks: `psg label`.

A teacher (`teacher`) says what it sees in a picture. What it is not sure of becomes void, its names
become those of the wanted vocabulary (`judgement`), and the result goes to disk so that a run can
stop at any time and go on (`storage`, `journal`, `run`).

The composite teacher is described by a YAML file (`recipe`): semantic networks (`semantic`,
`scene`) and a detector (`detector`) whose boxes become masks (`thing_masks`, `grabcut`), merged
into one partition of the picture (`merge`).
"""
