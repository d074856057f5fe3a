# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One run over all peers: each in a process of its own, frames by turns, inputs compared."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any

import numpy as np

from psg_ros.benchmark.peers.settings import (
    Peer,
    PeerResult,
    PeerRow,
    PeerSettings,
    Start,
    missing,
)
from psg_ros.benchmark.timing import Timing

CHILD = "psg_ros.benchmark.peers.child"


class PeerProcess:
    """A started peer; a context manager, which ends it."""

    def __init__(self, peer: Peer, settings: PeerSettings) -> None:
        # A file, not a pipe: nobody reads along, and a full pipe would stop the peer.
        self._words = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            text=True,
        )
        order = {
            "peer": peer.name,
            "settings": dataclasses.asdict(settings),
            "started": time.time(),
        }
        self.frames: list[Mapping[str, Any]] = []
        try:
            self.start = Start(**self._ask(order))
        except BaseException:
            self.close()
            raise

    def frame(self) -> Mapping[str, Any]:
        """Run one frame and return what it took."""
        return self._ask({"frame": True})

    def finish(self) -> float:
        """Let it end; return its peak of memory in MiB."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return float(self._read()["peak_mib"])

    def close(self) -> None:
        """End it at once; may be called again."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._words):
            if stream is not None:
                with suppress(BrokenPipeError):  # what was not sent
                    stream.close()

    def _ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended; reading says why
            print(json.dumps(order), file=self._process.stdin, flush=True)
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        if line := self._process.stdout.readline():
            return json.loads(line)
        status = self._process.wait()
        self._words.seek(0)
        words = self._words.read().strip().splitlines()
        raise RuntimeError(words[-1] if words else f"ended with status {status}")

    def __enter__(self) -> PeerProcess:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


def measure_peers(
    peers: Sequence[Peer],
    settings: PeerSettings,
    say: Callable[[str], None] = lambda _: None,
) -> list[PeerRow]:
    """Measure all peers in one run; one that cannot run makes a row that says why.

    They take turns, a frame each: what disturbs the machine disturbs all of them alike.

    Args:
        say: is told what is being done.

    Raises:
        ValueError: two peers were given different inputs; nothing of it would compare.
    """
    failures: dict[str, str] = {peer.name: missing(peer) for peer in peers}
    running: dict[str, PeerProcess] = {}
    with ExitStack() as stack:
        for peer in peers:
            if failures[peer.name]:
                continue
            say(f"starting {peer.text}")
            try:
                running[peer.name] = stack.enter_context(PeerProcess(peer, settings))
            except RuntimeError as error:
                failures[peer.name] = str(error)
        check_same_inputs({name: process.start for name, process in running.items()})
        for turn in range(settings.ladder.warmup + settings.ladder.repeats):
            say(f"round {turn + 1}")
            for name in [name for name in running if not failures[name]]:
                try:
                    taken = running[name].frame()
                except RuntimeError as error:
                    failures[name] = str(error)
                    continue
                if turn >= settings.ladder.warmup:
                    running[name].frames.append(taken)
        return [
            PeerRow(peer, failure=failures[peer.name])
            if failures[peer.name]
            else PeerRow(peer, _result(running[peer.name]))
            for peer in peers
        ]


def check_same_inputs(starts: Mapping[str, Start]) -> None:
    """Raise ValueError unless all were given the same picture and partition."""
    digests = {start.input_sha256 for start in starts.values()}
    if len(digests) > 1:
        told = ", ".join(f"{name} {s.input_sha256[:12]}" for name, s in starts.items())
        raise ValueError(f"the peers were given different inputs and do not compare: {told}")


def _result(process: PeerProcess) -> PeerResult:
    frames, peak_mib = process.frames, process.finish()
    joules = [frame["joules"] for frame in frames if frame["joules"] is not None]
    return PeerResult(
        start=process.start,
        frame=Timing(
            tuple(frame["wall_ms"] for frame in frames), tuple(frame["cpu_ms"] for frame in frames)
        ),
        network_ms=float(np.median([frame["network_ms"] for frame in frames])),
        segments=int(frames[-1]["segments"]),
        peak_mib=peak_mib,
        joules=float(np.median(joules)) if joules else None,
    )
