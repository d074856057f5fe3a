# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Looking through a data set before it is trained on or measured with: counts, names, files."""

from psg_ros.data.checking.check import check_dataset
from psg_ros.data.checking.report import DatasetReport
from psg_ros.data.checking.text import report_lines

__all__ = ["DatasetReport", "check_dataset", "report_lines"]
