# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ladder from DSFormer to DSFlash to this package: one list of steps, one switch each.

Steps 0 to 6 are those of the DSFlash paper (CVPR 2026), with its latencies: variant B, one image at
a time. The paper's pruning steps go on from step 3, not from the raw masks of step 4, so here they
do, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Published:
    """The paper's milliseconds for variant B; None where it gives no figure."""

    rtx_3090_ms: float | None = None
    h100_ms: float | None = None


@dataclass(frozen=True)
class Step:
    """One way to compute the graph of a picture.

    Attributes:
        number: as in the table; letters mark a second form of the same step.
        before: name of the step it is compared with.
        backbone: "separate" runs DSFormer's ResNet-50-FPN beside the segmenter, "shared" reads the
            segmenter's own tokens.
        pool_per: overlap ratios pooled again for every "pair" or once per "mask".
        bidirectional: one sequence per unordered pair answers both directions; otherwise every
            ordered pair is a sequence.
        masks: grid on which masks compete and are pooled: the raw "mask" grid, or the network's
            "input", to which the masks of all queries are enlarged first, as EoMT does.
        prune: cells that neither segment overlaps: "none" are dropped; they are "masked" out;
            the others are "gathered" and padded to the longest pair, or "packed" without padding.
        last_block: computed for "all" tokens or for the "class" token alone, which is all that is
            read. A packed neck always does the latter.
        merge_ratio: share of the backbone's patch tokens merged in front of attention (ToMe).
        deployed: the exported network in an inference runtime instead of torch.
    """

    name: str
    number: str
    title: str
    before: str = ""
    published: Published = Published()
    backbone: str = "separate"
    pool_per: str = "pair"
    bidirectional: bool = False
    masks: str = "input"
    prune: str = "none"
    last_block: str = "all"
    merge_ratio: float = 0.0
    deployed: bool = False

    def then(
        self,
        name: str,
        number: str,
        title: str,
        published: Published = Published(),
        **switch: object,
    ) -> Step:
        """Return the step that comes after this one and differs from it in one switch."""
        changes = {"name": name, "number": number, "title": title, "published": published, **switch}
        return replace(self, before=self.name, **changes)  # type: ignore[arg-type]


DSFORMER = Step("dsformer", "0", "DSFormer: ResNet-50-FPN + EoMT", published=Published(458))
SHARED = DSFORMER.then("shared", "1", "shared EoMT backbone", Published(41), backbone="shared")
PER_MASK = SHARED.then("per_mask", "2", "ratios once per mask", Published(37), pool_per="mask")
BOTH_WAYS = PER_MASK.then(
    "both_ways", "3", "both directions at once", Published(29, 19), bidirectional=True
)
RAW = BOTH_WAYS.then("raw", "4", "masks at raw resolution", Published(23), masks="mask")
PRUNE_MASKED = BOTH_WAYS.then("prune_masked", "5a", "3 + pruning, masked", prune="masked")
PRUNE = BOTH_WAYS.then("prune", "5", "3 + pruning, gathered", Published(29, 20), prune="gathered")
TOME = PRUNE.then("tome", "6", "3 + pruning + ToMe 0.3", Published(30, 20), merge_ratio=0.3)
CLASS_ONLY = RAW.then("class_only", "7", "4 + class-only last block", last_block="class")
PACKED = CLASS_ONLY.then("packed", "8", "7 + pruning, packed neck", prune="packed")
DEPLOYED = PACKED.then("deployed", "9", "8 exported, in a runtime", deployed=True)

STEPS = (
    *(DSFORMER, SHARED, PER_MASK, BOTH_WAYS, RAW, PRUNE_MASKED, PRUNE, TOME),
    *(CLASS_ONLY, PACKED, DEPLOYED),
)


def choose_steps(names: Sequence[str]) -> tuple[Step, ...]:
    """Return the steps of these names in the order of the ladder; without names, all.

    Raises:
        ValueError: an unknown name; lists the known ones.
    """
    known = {step.name: step for step in STEPS}
    for name in names:
        if name not in known:
            raise ValueError(f"no step {name!r}; known: {', '.join(known)}")
    return tuple(step for step in STEPS if not names or step.name in names)
