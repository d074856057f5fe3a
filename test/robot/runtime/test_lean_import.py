# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A library is imported without a part that it can do without."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from psg_ros.robot.runtime.lean_import import on_demand, without

LIBRARY = """
try:
    from some_library.heavy import convert
except ImportError:
    pass
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A library with a heavy part, not imported yet."""
    folder = tmp_path / "some_library"
    folder.mkdir()
    (folder / "__init__.py").write_text(LIBRARY)
    (folder / "heavy.py").write_text("convert = 1")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("some_library", "some_library.heavy"):
        sys.modules.pop(name, None)


def test_the_part_is_left_out_and_can_be_imported_later(library) -> None:
    with without("some_library.heavy"):
        import some_library
    assert not hasattr(some_library, "convert")
    from some_library.heavy import convert

    assert convert == 1


def test_what_is_loaded_already_stays(library) -> None:
    import some_library.heavy

    with without("some_library.heavy"):
        from some_library.heavy import convert
    assert convert == 1 and sys.modules["some_library.heavy"] is some_library.heavy


def test_an_import_that_fails_leaves_no_trace(library) -> None:
    with pytest.raises(ImportError), without("some_library.heavy"):
        import some_library.heavy  # noqa: F401
    from some_library.heavy import convert

    assert convert == 1


def test_others_find_the_part_when_they_ask_for_it(library) -> None:
    with without("some_library.heavy"):
        import some_library
    on_demand(some_library, "convert", "some_library.heavy")
    assert "some_library.heavy" not in sys.modules
    assert some_library.convert == 1 and "some_library.heavy" in sys.modules
    with pytest.raises(AttributeError, match="'some_library' has no attribute 'other'"):
        some_library.other  # noqa: B018
