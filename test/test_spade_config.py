# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of SPADE beside a node: which words and which folders are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from psg_ros.spade_config import SpadeRunConfig, trained_predicates

TRAINED = "trained: {{predicates: {words}}}\nspade: {{mask_source: {source}}}\n"


@pytest.mark.parametrize(
    "words, complaint",
    [
        (("near", "near"), "are the same word"),
        (("near", " Near"), "are the same word"),
        (("near", " "), "is empty"),
        (("near", "x" * 100_000), "has 100000 letters"),
        (("near", "在上面"), "not Latin"),
        (("near", "a\nb"), "holds control characters"),
        (tuple(f"word {i}" for i in range(1001)), "1001 spade_predicates are more than"),
    ],
)
def test_what_are_no_words_is_refused_by_the_rules_for_all_words(words, complaint) -> None:
    with pytest.raises(ValueError, match=complaint) as refused:
        SpadeRunConfig(spade_predicates=words)
    assert len(str(refused.value)) < 300


def test_no_words_stand_for_those_of_the_training(tmp_path: Path) -> None:
    assert SpadeRunConfig().spade_predicates == ()
    (tmp_path / "spade.yaml").write_text(TRAINED.format(words="['on', wearing]", source="external"))
    assert trained_predicates(tmp_path) == ("on", "wearing")


@pytest.mark.parametrize(
    "content, complaint",
    [
        (TRAINED.format(words="['on']", source="internal"), "train one with mask_source external"),
        (TRAINED.format(words="[on]", source="external"), "be str, not True .YAML: quote words"),
        (TRAINED.format(words="[[near]]", source="external"), "predicates must be str, not"),
        (TRAINED.format(words="[]", source="external"), "no trained predicates"),
        (TRAINED.format(words="3", source="external"), "predicates must be a list, not 3"),
        (TRAINED.format(words="abc", source="external"), "predicates must be a list, not 'abc'"),
        (TRAINED.format(words="{near: 1}", source="external"), "predicates must be a list, not"),
        ("trained: {predicates: [near], objects: cup}\nspade: {}", "objects must be a list"),
        ("trained: {predicate: [near]}\nspade: {}", "unknown key 'predicate'; did you mean"),
        ("trained: {predicates: [near]}\n", "spade must be a mapping, .* not None"),
        ("trained: {predicates: [near]}\nspade: external\n", "spade must be a mapping"),
        ("trained: [near]\nspade: {}\n", "trained must be a mapping, .* not \\['near'\\]"),
        ("trained:\n", "trained must be a mapping"),
    ],
)
def test_a_folder_of_no_use_beside_a_node_is_refused(tmp_path: Path, content, complaint) -> None:
    (tmp_path / "spade.yaml").write_text(content)
    with pytest.raises(ValueError, match=complaint) as refused:
        trained_predicates(tmp_path)
    assert "spade.yaml" in str(refused.value)
