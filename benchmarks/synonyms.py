# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Synonyms that no training sees: what open_vocabulary.py and open_vocabulary_classes.py ask for.

None of them is in config/words/paraphrases.yaml; test/text/test_paraphrases.py checks it. Those
that are there, which heads hear in training, are asked for beside them: `heard_synonyms`.
"""

from collections.abc import Mapping, Sequence

from psg_ros.labels import phrase

HEARD_OF_EACH = 2
"""The first ones of a word's paraphrases."""

PREDICATE_SYNONYMS = {
    "over": ("above", "up above"), "in front of": ("ahead of", "before"),
    "beside": ("next to", "alongside"), "on": ("on top of", "atop"), "in": ("inside", "within"),
    "attached to": ("fastened to", "affixed to"),
    "hanging from": ("suspended from", "dangling from"),
    "sitting on": ("seated on", "perched on"), "lying on": ("resting on", "reclining on"),
    "standing on": ("upright on", "stood on"),
    "leaning on": ("propped against", "leaning against"),
    "touching": ("in contact with", "making contact with"),
    "enclosing": ("surrounding", "encircling"), "parked on": ("stationed on", "parked at"),
    "about to hit": ("about to strike", "going to collide with"),
    "holding": ("grasping", "gripping"), "carrying": ("transporting", "lugging"),
    "walking on": ("strolling on", "pacing on"), "riding": ("astride", "mounted on"),
}  # fmt: skip
CLASS_SYNONYMS = {
    "bottle": "flask", "cup": "mug", "bowl": "serving dish", "banana": "plantain",
    "apple": "crabapple", "orange": "tangerine", "book": "paperback",
    "laptop": "notebook computer", "vase": "urn", "potted plant": "houseplant",
    "teddy bear": "plush toy", "chair": "seat", "couch": "sofa", "sports ball": "football",
    "clock": "timepiece", "suitcase": "luggage", "truck": "lorry", "person": "human",
    "umbrella": "parasol", "backpack": "rucksack", "skateboard": "longboard",
    "wine glass": "goblet", "donut": "doughnut", "bed": "mattress", "tv": "television",
    "keyboard": "computer keyboard", "microwave": "microwave oven", "refrigerator": "fridge",
    "sink": "washbasin", "wall": "partition", "wall brick": "brickwork", "floor wood": "parquet",
    "floor": "ground", "table": "desk", "rug": "carpet", "shelf": "shelving",
    "curtain": "drapes", "cabinet": "cupboard", "counter": "countertop", "door": "doorway",
    "window": "windowpane", "pillow": "cushion", "cardboard": "carton",
}  # fmt: skip


def heard_synonyms(
    names: Sequence[str], paraphrases: Mapping[str, Sequence[str]]
) -> dict[str, Sequence[str]]:
    """Return of each name the first paraphrases, which the training of a head says, too.

    Args:
        paraphrases: `Paraphrases.classes` or `.predicates`.
    """
    return {name: paraphrases[phrase(name)][:HEARD_OF_EACH] for name in names}
