# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Results of a method as a folder, which anybody can write and `psg evaluate --results` judges.

    results.json     what was judged and one entry per image, see below
    labels.yaml      the vocabulary: things, stuff, predicates (for PSG copy config/labels/psg.yaml)
    *.png, *.npz     one each per image, named by the entries

results.json
    format       1
    task         "SGDet", or "PredCls" where masks and labels were given
    model        free text by name, shown in reports: {"name": "...", ...}
    data         optional, what was predicted on: {"images": count, "sha256": digest of their
                 annotations}; on other data the results are refused then
    images       [entry, ...]; an image of the data set without an entry counts as not found

entry
    image_id     text, as in the data set
    labels       [segment]; indices into labels.yaml, things first
    scores       [segment]; confidence in 0..1
    segments     PNG with one channel, 8 or 16 bit, size of the image: 0 void, i + 1 segment i
      or masks   [segment] run-length masks as in COCO's JSON; they may overlap, and show one object
                 several times: they are reduced to one mask per object first
    relations    .npz, no pickled objects:
      pairs      integer [pair, 2]; (subject, object) segments; with `masks` a pair may come again,
                 best row first
      logits     float [pair, 1 + predicate]; column 0 "no relation"
        or scores  float [pair, predicate] in 0..1, for methods without "no relation"
      rank       optional: number [pair], most important highest; what R@k and mR@k go through the
                 pairs by. Without it pairs rank by "no relation" or, with `scores`, by their best
                 predicate. HiLo's order is that of its rows (count, ..., 2, 1), two-stage methods'
                 that of their triplet scores
      listed, listed_scores   optional: integer [relation, 3] (subject, object, predicate) and
                 float [relation, 2] (score, probability or NaN) in 0..1, what the method would
                 show people

File names are relative to the folder and stay inside it.
"""

from __future__ import annotations

FORMAT = 1
RESULTS_FILE = "results.json"
