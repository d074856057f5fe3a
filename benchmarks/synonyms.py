# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Synonyms that are kept back: what open_vocabulary.py and open_vocabulary_classes.py ask for.

None of them is in config/words, so that no training hears them and `psg words` knows none; what a
model makes of them, it has from the text encoder. Words that people use every day are in the
lexicon instead, and asked for beside them: `lexicon_synonyms`.
"""

from collections.abc import Mapping, Sequence

from psg_ros.labels import phrase

OF_EACH = 2
"""The first ones of a word's other names in the lexicon."""

PREDICATE_SYNONYMS = {
    "over": ("up above", "looming over"), "in front of": ("before", "facing"),
    "beside": ("alongside", "abreast of"), "on": ("atop", "topping"), "in": ("within", "housed in"),
    "attached to": ("affixed to", "secured to"), "hanging from": ("dangling from", "slung from"),
    "sitting on": ("perched on", "squatting on"), "lying on": ("reclining on", "sprawled on"),
    "standing on": ("stood on", "up on two feet on"),
    "leaning on": ("slumped against", "tipped against"),
    "touching": ("making contact with", "grazing"), "enclosing": ("encircling", "ringing"),
    "parked on": ("parked at", "pulled up on"),
    "about to hit": ("going to collide with", "moments from striking"),
    "holding": ("gripping", "grabbing onto"), "carrying": ("lugging", "hauling"),
    "walking on": ("pacing on", "ambling on"), "riding": ("mounted on", "sat astride"),
}  # fmt: skip
CLASS_SYNONYMS = {
    "bottle": "flask", "cup": "tumbler", "bowl": "serving dish", "banana": "plantain",
    "apple": "crabapple", "orange": "tangerine", "book": "paperback",
    "laptop": "notebook computer", "vase": "urn", "potted plant": "houseplant",
    "teddy bear": "plush toy", "chair": "seat", "couch": "divan", "sports ball": "football",
    "clock": "timepiece", "suitcase": "luggage", "truck": "semi trailer", "person": "individual",
    "umbrella": "parasol", "backpack": "haversack", "skateboard": "longboard",
    "wine glass": "goblet", "donut": "cruller", "bed": "mattress", "tv": "telly",
    "keyboard": "keypad", "microwave": "countertop microwave", "refrigerator": "chiller",
    "sink": "washbasin", "wall": "partition", "wall brick": "brickwork", "floor wood": "parquet",
    "floor": "ground", "table": "workbench", "rug": "hearthrug", "shelf": "shelving",
    "curtain": "draperies", "cabinet": "sideboard", "counter": "countertop", "door": "doorway",
    "window": "windowpane", "pillow": "cushion", "cardboard": "carton",
}  # fmt: skip


def lexicon_synonyms(
    names: Sequence[str], others: Mapping[str, Sequence[str]]
) -> dict[str, Sequence[str]]:
    """Return of each name the first others that the lexicon has for it.

    Args:
        others: `Lexicon.classes` or `.predicates`.
    """
    return {phrase(name): others[phrase(name)][:OF_EACH] for name in names}
