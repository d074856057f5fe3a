# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Compare reports of `psg evaluate`: panoptic quality against the bound it sets for relations.

mR@inf is what perfect relations between the segments found would reach; the better the segmenter,
the higher it is. The page plots one against the other for several segmenters, with their
correlation. All reports must be of the task sgdet and of the same images.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from psg_ros.evaluation.report.comparison import check_comparable, read_entry
from psg_ros.evaluation.report.comparison_page import to_markdown, to_page
from psg_ros.files import check_not_input, check_writable, write_text

USAGE = "REPORT REPORT ... [--markdown FILE] [--html FILE]"
EXAMPLES = """\
examples:
  psg evaluate rooms --model models/a --json a.json
  psg evaluate rooms --model models/b --json b.json
  psg compare a.json b.json --html compared.html
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `psg compare`."""
    parser.add_argument(
        "reports", type=Path, nargs="+", metavar="REPORT", help="JSON of psg evaluate --json"
    )
    for name, what in (("markdown", "as a table"), ("html", "as one page with a chart")):
        parser.add_argument(
            f"--{name}", type=Path, metavar="FILE", help=f"write the comparison {what}"
        )


def run(args: argparse.Namespace) -> int:
    """Compare, print the table and write what was asked for."""
    for path in filter(None, (args.markdown, args.html)):
        check_writable(path)
        for report in args.reports:
            check_not_input(path, report)
    entries = [read_entry(path) for path in args.reports]
    check_comparable(entries)
    text = to_markdown(entries)
    print(text, end="")
    if args.markdown:
        write_text(args.markdown, text)
    if args.html:
        write_text(args.html, to_page(entries))
    return 0
