# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where a file lies, and what is known of it before it is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Address:
    """One address.

    Attributes:
        headers: to send along, never to another host.
        sha256: that the server tells; empty where it tells none.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    sha256: str = ""

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc


class UnreachableError(ConnectionError):
    """No server answers, or none is reached."""


class GateError(PermissionError):
    """A server wants to know who asks, or whether somebody has agreed to its terms."""


class MissingError(FileNotFoundError):
    """A server has no such file."""
