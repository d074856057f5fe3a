# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The strict reader of settings: from YAML and plain mappings to dataclasses."""

from __future__ import annotations

import dataclasses
import difflib
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

import yaml

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's takes a tenth of the time, where PyYAML was built with it."""

DEEPEST = 50
"""No file of settings is nested half as deep. Far beyond, libyaml overruns the stack: the process
ends."""

Config = TypeVar("Config", bound="DataclassInstance")


def config_from_dict(kind: type[Config], values: dict[str, Any], source: str) -> Config:
    """Return `kind(**values)` after checking names and types; nested dataclasses take mappings.

    Args:
        source: where the values came from, for the error message.

    Raises:
        ValueError: an unknown key (with the nearest known one), a wrong type or a refused value;
            names the source.
    """
    hints = get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    known = list(fields)
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
            raise ValueError(f"{source}: unknown key {key!r}{hint}")
    # Outside of the `try`: what is wrong inside names its place already.
    converted = {
        key: _convert_field(fields[key], hints[key], value, f"{source}: {key}")
        for key, value in values.items()
    }
    try:
        return kind(**converted)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{source}: {error}") from error


def load_config(kind: type[Config], path: Path) -> Config:
    """Read a YAML mapping of differences from the defaults of `kind`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a YAML mapping, or refused by `config_from_dict`; names the file.
    """
    return config_from_dict(kind, read_mapping(path), str(path))


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a YAML mapping; names the file.
    """
    try:
        # Bytes: then bad encoding is an error of YAML like others, and no locale matters.
        values = parse_yaml(Path(path).read_bytes()) or {}
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {error}") from error
    if not isinstance(values, dict):
        found = type(values).__name__
        raise ValueError(f"{path} must hold a mapping of keys to values, not {found}")
    return values


def parse_yaml(content: bytes | str) -> Any:
    """Return what YAML says, in plain types.

    Raises:
        yaml.YAMLError: not YAML, or nested deeper than `DEEPEST`.
    """
    depth = 0
    for event in yaml.parse(content, LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise yaml.YAMLError(f"it is nested deeper than {DEEPEST} levels")
    return yaml.load(content, LOADER)  # noqa: S506 - safe, both of them


def _convert_field(field: dataclasses.Field, hint: Any, value: Any, where: str) -> Any:
    """Return the value of a field; a mapping as the dataclass that its key `type` names."""
    choose = field.metadata.get("choose")
    if choose is None or not isinstance(value, dict):
        return _convert(hint, value, where)
    values = dict(value)
    try:
        kind = choose(values.pop("type", field.metadata["type"]))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    return config_from_dict(kind, values, where)


def _convert(hint: Any, value: Any, where: str) -> Any:
    """Return the value in the annotated type: int -> float, list -> tuple, mapping -> dataclass.

    Of `X | None` it is X, unless the value is None (null in YAML).
    """
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        (hint,) = (choice for choice in hint.__args__ if choice is not types.NoneType)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise ValueError(f"{where} must be a mapping, not {value!r}")
        return config_from_dict(hint, value, where)
    if getattr(hint, "__origin__", hint) is dict:
        if not isinstance(value, dict):
            raise ValueError(f"{where} must be a mapping, not {value!r}")
        _, item = hint.__args__
        return {str(key): _convert(item, v, f"{where}: {key}") for key, v in value.items()}
    if getattr(hint, "__origin__", hint) is tuple:
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{where} must be a list, not {value!r}")
        items = [a for a in hint.__args__ if a is not Ellipsis]
        items = items * len(value) if Ellipsis in hint.__args__ else items
        if len(items) != len(value):
            raise ValueError(f"{where} must have {len(items)} entries, not {len(value)}")
        return tuple(_convert(h, v, where) for h, v in zip(items, value, strict=True))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    plain = {int, float, str, bool}
    if hint in plain and type(value) is not hint:
        cure = ' (YAML: quote words such as "on" and "no")' if type(value) is bool else ""
        raise ValueError(f"{where} must be {hint.__name__}, not {value!r}{cure}")
    return value
