# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an evaluation costs besides the forward passes: time by step, memory over the images."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from psg_ros.machine import resident_mib

MEMORY_SAMPLES = 64
FORWARD = "forward passes"
"""The work of predicting with a model; what else costs is compared with it."""


@dataclass
class Cost:
    """Adds up seconds; forward passes run on the main thread, reading on another one.

    Attributes:
        work: what gives the predictions, for people.
        forward_s, metrics_s: wall-clock seconds of the main thread.
        waiting_s: seconds it waited for the reader.
        metrics_cpu_s, reading_cpu_s: CPU seconds of those threads in these steps.
        total_cpu_s: CPU seconds of all threads; what is not reading or metrics is forward.
        memory: (images so far, resident memory in MiB), about `MEMORY_SAMPLES` of them.
    """

    work: str = FORWARD
    forward_s: float = 0.0
    metrics_s: float = 0.0
    waiting_s: float = 0.0
    metrics_cpu_s: float = 0.0
    reading_cpu_s: float = 0.0
    total_cpu_s: float = 0.0
    memory: list[tuple[int, float]] = field(default_factory=list)

    @contextmanager
    def whole_run(self) -> Iterator[None]:
        """Measure the CPU time of everything inside."""
        begin = time.process_time()
        yield
        self.total_cpu_s += time.process_time() - begin

    @contextmanager
    def forward(self) -> Iterator[None]:
        """Measure one forward pass."""
        begin = time.perf_counter()
        yield
        self.forward_s += time.perf_counter() - begin

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Measure the wait for one image."""
        begin = time.perf_counter()
        yield
        self.waiting_s += time.perf_counter() - begin

    @contextmanager
    def metrics(self) -> Iterator[None]:
        """Measure the judging of one image."""
        begin, cpu_begin = time.perf_counter(), time.thread_time()
        yield
        self.metrics_s += time.perf_counter() - begin
        self.metrics_cpu_s += time.thread_time() - cpu_begin

    def remember_memory(self, images: int, total: int) -> None:
        """Note the memory in use, every so many images."""
        if images % max(total // MEMORY_SAMPLES, 1) == 0 or images == total:
            resident = resident_mib()
            if resident is not None:
                self.memory.append((images, resident))

    @property
    def forward_cpu_s(self) -> float:
        return self.total_cpu_s - self.metrics_cpu_s - self.reading_cpu_s

    @property
    def overhead(self) -> float:
        """Seconds of metrics and waiting for images per second of forward passes."""
        return (self.metrics_s + self.waiting_s) / max(self.forward_s, 1e-9)

    @property
    def overhead_cpu(self) -> float:
        """The same of CPU time, reading on its own thread included."""
        return (self.metrics_cpu_s + self.reading_cpu_s) / max(self.forward_cpu_s, 1e-9)

    @property
    def summary(self) -> str:
        """Where the time went, in one line for people."""
        steps = (
            f"{self.work} {self.forward_s:.1f} s, metrics {self.metrics_s:.1f} s, "
            f"waiting for images {self.waiting_s:.1f} s"
        )
        if self.work != FORWARD:
            return steps
        return (
            f"metrics and reading cost {self.overhead:.0%} on top of the forward passes "
            f"({self.overhead_cpu:.0%} of CPU time; {steps})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, rounded to what such measurements are worth."""
        names = (
            "forward_s", "metrics_s", "waiting_s", "forward_cpu_s", "metrics_cpu_s",
            "reading_cpu_s", "overhead", "overhead_cpu",
        )  # fmt: skip
        content: dict[str, Any] = {"work": self.work}
        content |= {name: round(getattr(self, name), 4) for name in names}
        return content | {"memory_mib": [[n, round(mib, 1)] for n, mib in self.memory]}
