# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Read many damaged inputs and say which of them did what none may do.

    python test/fuzz/run.py --inputs 10000                 every reader
    python test/fuzz/run.py --target video --first 5300 --inputs 1 --keep found

No input may end the process, raise anything but a refusal, need more than 1 GiB or 10 s, or make a
library print pages. An input is the same for the same number on every machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from child import watch  # noqa: E402
from targets import make_targets  # noqa: E402


def main() -> int:
    """Return 1 when an input did what none may do."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=10_000, help="of each target")
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--target", action="append", help="default: all")
    parser.add_argument("--keep", type=Path, help="folder for the inputs that are complained about")
    args = parser.parse_args()
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        targets = make_targets(scratch)
        for name in args.target or list(targets):
            target, started_s = targets[name], time.monotonic()
            numbers = range(args.first, args.first + args.inputs)
            complaints = watch(numbers, target.reader(scratch), scratch)
            total += len(complaints)
            took_s = time.monotonic() - started_s
            print(f"{name}: {len(numbers)} inputs, {len(complaints)} complaints, {took_s:.0f} s")
            for complaint in complaints:
                print(f"  {name} {complaint.number}: {complaint.what}", flush=True)
                if args.keep:
                    for file, content in target.damaged(complaint.number).items():
                        path = args.keep / f"{name}_{complaint.number}" / file
                        path.parent.mkdir(parents=True, exist_ok=True)
                        path.write_bytes(content)
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
