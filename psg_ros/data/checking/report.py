# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a check of a data set found."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from psg_ros.data.checking.finding import Finding
from psg_ros.data.checking.names import NameComparison
from psg_ros.data.checking.statistics import SplitStatistics


@dataclass(frozen=True)
class SplitReport:
    """One split: its counts, how many of its images were decoded, and what was found."""

    statistics: SplitStatistics
    num_decoded: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class DatasetReport:
    """What a check found.

    Attributes:
        source, layout: the annotation file and its layout.
        image_folder, panoptic_folder: where its pictures and PNGs were looked for.
        vocabulary: name of the labels that it was compared with.
        names: labels and predicates against the vocabulary.
        predicates: the file's predicates, as counted in the statistics.
        splits: by name.
        findings: what concerns no single split.
    """

    source: str
    layout: str
    image_folder: str
    panoptic_folder: str
    vocabulary: str
    names: tuple[NameComparison, ...]
    predicates: tuple[str, ...]
    splits: dict[str, SplitReport]
    findings: tuple[Finding, ...]

    @property
    def problems(self) -> list[Finding]:
        """All that makes the data set unusable; the text names the split."""
        return [finding for finding in self._all_findings() if finding.is_problem]

    @property
    def warnings(self) -> list[Finding]:
        """All that one should know; the text names the split."""
        return [finding for finding in self._all_findings() if not finding.is_problem]

    def to_json(self) -> str:
        """Return everything as JSON; `usable` is the verdict."""
        return json.dumps({"usable": not self.problems, **dataclasses.asdict(self)}, indent=2)

    def _all_findings(self) -> list[Finding]:
        found = list(self.findings)
        for name, split in self.splits.items():
            found += [dataclasses.replace(f, text=f"{name}: {f.text}") for f in split.findings]
        return found
