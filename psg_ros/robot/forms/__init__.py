# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Forms of a model: which artifacts it consists of, and what their arrays mean.

A form owns two things, "segment" and "relate"; the order of the steps around them belongs to the
pipeline.
"""

from psg_ros.robot.forms.form import Form, MergeSettings, Segmented
from psg_ros.robot.forms.loading import FORMS, form_of, load_model, make_form
from psg_ros.robot.forms.steps import STEPS, StepClock

__all__ = [
    "FORMS",
    "STEPS",
    "Form",
    "MergeSettings",
    "Segmented",
    "StepClock",
    "form_of",
    "load_model",
    "make_form",
]
