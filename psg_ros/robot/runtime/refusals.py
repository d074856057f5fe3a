# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a backend refuses: devices and precisions it cannot offer, inputs it cannot compute."""

from __future__ import annotations

from collections.abc import Sequence


class DeviceUnavailable(ValueError):
    """A device that was asked for does not work here; the text says why and what to do."""


class NetworkFailed(RuntimeError):
    """A network cannot compute an input that has the right shape; the text names its file."""

    def __init__(self, file: str, why: object) -> None:
        super().__init__(f"{file} failed on its input: {' '.join(str(why).split())}")


def choose_precision(wanted: str, offered: Sequence[str], where: str) -> str:
    """Return the precision to compute in: what is wanted, or for "auto" the first on offer.

    Args:
        offered: what the backend computes in on its device, fastest first.
        where: the backend and its device, for the message.

    Raises:
        ValueError: not on offer.
    """
    if wanted == "auto":
        return offered[0]
    if wanted in offered:
        return wanted
    raise ValueError(
        f"{where} computes in {' or '.join(offered)} here, not in {wanted}; set precision to auto "
        f"or {' or '.join(offered)}"
    )
