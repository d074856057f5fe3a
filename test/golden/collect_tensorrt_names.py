# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Write tensorrt_names.txt: which of some names the bindings of several versions contain.

Needs the wheels of tensorrt-cu12-bindings or -cu13-bindings alone, unpacked, no library and no GPU:
    python test/golden/collect_tensorrt_names.py NAMES 10.3.0=FOLDER 11.4.0=FOLDER ...
NAMES is a file with one name a line. A name counts as there when a word of the extension or of the
Python files is it or ends with it: linkers store a text that ends another one only once.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

WORD = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")


def words_in(folder: Path) -> set[str]:
    """Return all words of the bindings in a folder."""
    files = (*folder.rglob("tensorrt.so"), *folder.rglob("tensorrt_bindings/__init__.py"))
    return {word.decode() for file in files for word in WORD.findall(file.read_bytes())}


def has(words: set[str], name: str) -> bool:
    return name in words or any(word.endswith(name) for word in words)


def main(names: str, *versions: str) -> None:
    """Print the table: a name, then the versions that have it."""
    known = {v.partition("=")[0]: words_in(Path(v.partition("=")[2])) for v in versions}
    print(f"versions {' '.join(known)}")
    for name in sorted(set(Path(names).read_text(encoding="utf-8").split())):
        print(name, *(version for version, words in known.items() if has(words, name)))


if __name__ == "__main__":
    main(*sys.argv[1:])
