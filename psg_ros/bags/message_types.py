# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Classes of our messages for a bag, made from the very files in msg/ that ROS builds its own from.

They take what `psg_ros.graph_messages` gives: fields that are left out are unset (0, empty).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from psg_ros.resources import PACKAGE, share_path

_FOREIGN = {
    "Header": "std_msgs",
    "Image": "sensor_msgs",
    "Point": "geometry_msgs",
    "RegionOfInterest": "sensor_msgs",
    "Time": "builtin_interfaces",
    "Vector3": "geometry_msgs",
}
"""Classes of other packages -> package; the rest is ours."""

_BASE, _NAME, _ARRAY, _SEQUENCE = 1, 2, 3, 4  # rosbags.interfaces.Nodetype


@cache
def bag_types() -> BagTypes:
    """Return the classes, with all definitions that a bag needs.

    Raises:
        ImportError: `rosbags` is not installed; names the extra.
    """
    return BagTypes()


class BagTypes:
    """Has each class of message as an attribute, by its name without the package.

    Attributes:
        store: type store of `rosbags`: serialises messages and knows their definitions.
    """

    def __init__(self) -> None:
        try:
            from rosbags.typesys import Stores, get_types_from_msg, get_typestore
        except ImportError as error:
            raise ImportError(
                "writing a bag needs: pip install rosbags 'rosbags-image[opencv-headless]' "
                "(extra 'bags')"
            ) from error
        # Any store of ROS 2 does: what we use of the common messages never changed.
        self.store: Any = get_typestore(Stores.ROS2_HUMBLE)
        ours: dict[str, Any] = {}
        for file in sorted((share_path() / "msg").glob("*.msg")):
            text = file.read_text(encoding="utf-8")
            ours |= get_types_from_msg(text, f"{PACKAGE}/msg/{file.stem}")
        self.store.register(ours)

    def __getattr__(self, name: str) -> Any:
        """Return a class; asked for once, since it is kept."""
        kind = self._class(full_name(name))
        setattr(self, name, kind)
        return kind

    def serialized(self, message: Any) -> bytes:
        """Return a message as it lies in a bag (CDR)."""
        return bytes(self.store.serialize_cdr(message, message.__msgtype__))

    def _class(self, name: str) -> Any:
        _, fields = self.store.fielddefs[name]
        kinds = dict(fields)
        arrays = {field: _dtype(kind) for field, kind in kinds.items() if _dtype(kind) is not None}

        class Message(self.store.types[name]):  # type: ignore[name-defined]
            def __init__(message, **given: Any) -> None:  # noqa: N805 - self is the types
                left_out = {field: self._unset(kinds[field]) for field in kinds.keys() - given}
                super().__init__(**given, **left_out)

            def __setattr__(message, field: str, value: Any) -> None:  # noqa: N805
                # The library writes arrays of numbers from numpy only.
                if field in arrays:
                    value = np.asarray(value, arrays[field])
                object.__setattr__(message, field, value)

        return Message

    def _unset(self, kind: Any) -> Any:
        node, detail = kind
        if node == _NAME:
            return getattr(self, detail.rsplit("/")[-1])()
        if node == _ARRAY:
            return [self._unset(detail[0])] * detail[1]
        if node == _SEQUENCE:
            return []
        return {"string": "", "bool": False}.get(detail[0], 0)


def full_name(name: str) -> str:
    """Return the name of a class with its package: psg_ros/msg/SceneGraph."""
    return f"{_FOREIGN.get(name, PACKAGE)}/msg/{name}"


def _dtype(kind: Any) -> np.dtype | None:
    """Return the dtype of an array of numbers, None for anything else."""
    node, detail = kind
    if node not in (_ARRAY, _SEQUENCE) or detail[0][0] != _BASE or detail[0][1][0] == "string":
        return None
    return np.dtype(detail[0][1][0])
