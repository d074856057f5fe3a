# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fields of dataclasses that carry their own range, the form of every setting of the package.

`checked` where only files set them, `described` where command-line flags and ROS parameters are
derived from them, too. `__post_init__` of the dataclass calls `check_ranges`.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Mapping
from typing import Any

MODEL_THRESHOLD = -1.0
"""A threshold of -1 means: take the value that the model's manifest recommends."""


def checked(
    default: Any,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """Return a dataclass field with a default and an allowed range, see `check_ranges`.

    Args:
        minimum, maximum: allowed themselves.
        above, below: limits that are not allowed themselves.
    """
    limits = {"minimum": minimum, "maximum": maximum, "above": above, "below": below}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    return dataclasses.field(default=default, metadata={**given, "choices": choices})


def described(
    default: Any,
    text: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] | Callable[[], tuple[str, ...]] = (),
    check: Callable[[Any], object] | None = None,
    fixed: bool = False,
    from_model: bool = False,
) -> Any:
    """Return a field as `checked` does, with what flags and ROS parameters need besides.

    Args:
        text: what the setting does, for help and descriptor.
        choices: or what returns them, for choices from a table; see `choices_of`.
        check: raises ValueError for a value that is not allowed where range and choices do not
            say it.
        fixed: a change needs a new `configure`.
        from_model: `MODEL_THRESHOLD` is allowed, too, though outside the range.
    """
    metadata = {
        "text": text, "minimum": minimum, "maximum": maximum, "choices": choices, "check": check,
        "fixed": fixed, "from_model": from_model,
    }  # fmt: skip
    return dataclasses.field(default=default, metadata=metadata)


def choices_of(field: dataclasses.Field[Any]) -> tuple[str, ...]:
    """Return the values that a described field may have; none where there is no list of them."""
    choices = field.metadata.get("choices", ())
    return tuple(choices() if callable(choices) else choices)


def chosen_by_type(default: Any, choose: Callable[[str], type]) -> Any:
    """Return a dataclass field that holds one of several dataclasses.

    In YAML the key `type` of its mapping says which; without it, it is the class of the default.

    Args:
        default: has an attribute `type`.
        choose: returns the class of a type; ValueError for one that is not there.
    """
    return dataclasses.field(default=default, metadata={"choose": choose, "type": default.type})


def check_ranges(config: Any) -> None:
    """Raise ValueError for the first field outside the range or choices that it declares."""
    for field in dataclasses.fields(config):
        value, facts = getattr(config, field.name), field.metadata
        if isinstance(field.default, tuple) and isinstance(value, str):
            raise ValueError(f"{field.name} must be a list, not the text {value!r}")
        choices = choices_of(field)
        if check := facts.get("check"):
            check(value)
        if choices and value not in choices:
            raise ValueError(f"{field.name} must be one of {', '.join(choices)}, not {value!r}")
        if facts.get("from_model") and value == MODEL_THRESHOLD:
            continue
        if any(not within(value, limit) for within, limit in _limits(facts)):
            raise ValueError(f"{field.name} must {range_text(**_range(facts))}, not {value}")


def range_text(
    minimum: float | None = None,
    maximum: float | None = None,
    from_model: bool = False,
    *,
    above: float | None = None,
    below: float | None = None,
) -> str:
    """Return what follows "must" where a value is outside its range."""
    low, high = (above if minimum is None else minimum), (below if maximum is None else maximum)
    if high is None:
        text = f"be {low} or more" if above is None else f"be above {low}"
    elif above is not None:
        text = f"lie above {low} and up to {high}"
    else:
        text = f"lie in {low} .. {high}" + (" (exclusive)" if maximum is None else "")
    return text + (f" or be {MODEL_THRESHOLD} (the model's own)" if from_model else "")


_WITHIN: dict[str, Callable[[Any, Any], bool]] = {
    "minimum": operator.ge, "maximum": operator.le, "above": operator.gt, "below": operator.lt,
}  # fmt: skip


def _range(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in (*_WITHIN, "from_model") if name in facts}


def _limits(facts: Mapping[str, Any]) -> list[tuple[Callable[[Any, Any], bool], Any]]:
    """Return the comparisons that must hold; NaN fails each of them."""
    return [(within, facts[n]) for n, within in _WITHIN.items() if facts.get(n) is not None]
