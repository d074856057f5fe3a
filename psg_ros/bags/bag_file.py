# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""BagFile: a bag that is written under a name of its own and appears, whole, when it is done."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psg_ros.bags.message_types import BagTypes
from psg_ros.files import check_new_folder, new_folder
from psg_ros.setting_files import parse_yaml

STORAGES = ("mcap", "sqlite3")
_RESERVED = "?#%"  # in the name of a file these mean something else to SQLite


def check_target(path: Path, storage: str) -> None:
    """Raise early what `writing` would raise late.

    Raises:
        FileExistsError: something lies there.
        ValueError: a name that this storage cannot write.
    """
    check_new_folder(path)
    if storage == "sqlite3" and any(c in str(path.absolute()) for c in _RESERVED):
        raise ValueError(f"sqlite3 cannot write to {path}: it has one of {_RESERVED}; take mcap")


@contextmanager
def writing(path: Path, storage: str, types: BagTypes) -> Iterator[BagFile]:
    """Give a bag to write to, which takes its name when the block ends without an error.

    Otherwise nothing of it stays. MCAP is packed (zstd), which makes label images small.

    Raises:
        OSError: the disk is full, or another failure of it.
    """
    from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

    with new_folder(path) as temporary, _disk_errors(path):
        writer = Writer(temporary, version=9, storage_plugin=StoragePlugin[storage.upper()])
        if storage == "mcap":
            writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        with writer:
            yield BagFile(writer, types)


class BagFile:
    """An open bag: add topics, then write messages."""

    def __init__(self, writer: Any, types: BagTypes) -> None:
        self._writer, self._types = writer, types

    @property
    def topic_names(self) -> set[str]:
        """Names of the topics so far."""
        return {connection.topic for connection in self._writer.connections}

    def note(self, key: str, value: str) -> None:
        """Keep a text in the bag's metadata, below custom_data."""
        self._writer.set_custom_data(key, value)

    def add_topic(self, topic: str, kind: str, latched: bool = False) -> Any:
        """Return a topic of one of our outputs.

        Args:
            kind: name with package, as psg_ros/msg/SceneGraph.
            latched: whether a player shall keep the last message for late subscribers.
        """
        return self._writer.add_connection(
            topic,
            kind,
            typestore=self._types.store,
            offered_qos_profiles=[_qos(latched)],
        )

    def add_copy(self, connection: Any) -> Any:
        """Return a topic for the messages of another bag, with its definition and its QoS.

        Raises:
            ValueError: neither the bag nor `rosbags` knows its type.
        """
        known = connection.msgdef.data and connection.digest
        if not known and connection.msgtype not in self._types.store.fielddefs:
            raise ValueError(
                f"{connection.topic} cannot be copied: its bag has no definition of "
                f"{connection.msgtype}; name the other topics with --copy"
            )
        return self._writer.add_connection(
            connection.topic,
            connection.msgtype,
            typestore=self._types.store,
            msgdef=connection.msgdef.data if known else None,
            rihs01=connection.digest if known else None,
            serialization_format=connection.ext.serialization_format,
            offered_qos_profiles=connection.ext.offered_qos_profiles,
        )

    def write(self, topic: Any, time_ns: int, message: Any) -> None:
        """Append one of our messages, recorded at a time."""
        self.write_raw(topic, time_ns, self._types.serialized(message))

    def write_raw(self, topic: Any, time_ns: int, data: bytes) -> None:
        """Append a message as it lies in another bag."""
        self._writer.write(topic, time_ns, data)


def notes_of(path: Path) -> dict[str, str]:
    """Return what `BagFile.note` kept in a bag; empty where there is none.

    Raises:
        ValueError: it is no bag.
    """
    import yaml

    try:
        metadata = parse_yaml((path / "metadata.yaml").read_bytes())
        return dict(metadata["rosbag2_bagfile_information"].get("custom_data") or {})
    except (OSError, ValueError, LookupError, AttributeError, TypeError, yaml.YAMLError) as error:
        raise ValueError(f"{path} is there and no finished bag: {error}") from error


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    """Raise what SQLite says of a full disk as MCAP's writer does."""
    try:
        yield
    except sqlite3.Error as error:
        number = errno.ENOSPC if "full" in str(error) else errno.EIO
        raise OSError(number, f"cannot write the bag ({error})", str(path)) from error


def _qos(latched: bool) -> Any:
    from rosbags.interfaces import (
        Qos,
        QosDurability,
        QosHistory,
        QosLiveliness,
        QosReliability,
        QosTime,
    )

    forever = QosTime(2147483647, 4294967295)
    return Qos(
        QosHistory.KEEP_LAST,
        1 if latched else 5,
        QosReliability.RELIABLE,
        QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        forever,
        forever,
        QosLiveliness.AUTOMATIC,
        forever,
        False,
    )
