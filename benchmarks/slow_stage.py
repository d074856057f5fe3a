# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a slow stage in a process of its own costs the real-time graph: the same frames with and
without it.

    python benchmarks/slow_stage.py [--model demo] [--frames 150] [--rounds 6] [--rate 10]

The stage here is a stand-in: it multiplies matrices without a pause, as SPADE would, in
as many threads as there are cores, at the lowest priority as SPADE does. It is asked about every
frame for which it is free: the worst case. Frames come at a fixed rate, or with --rate 0 one right
after the other, in rounds with and without the stage in turn.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.machine import describe_machine
from psg_ros.robot.pipeline import Pipeline
from psg_ros.robot.slow_stage.keeper import StageKeeper
from psg_ros.robot.slow_stage.process import StageProcess
from psg_ros.robot.slow_stage.scheduler import Schedule, SlowStage

STAGE = """
import socket, sys, time
import numpy as np
from psg_ros.robot.slow_stage.process import lowest_priority
from psg_ros.robot.slow_stage.wire import receive, send
lowest_priority()
matrix = np.random.default_rng(0).normal(size=(1500, 1500)).astype(np.float32)
channel = socket.socket(fileno=int(sys.argv[1]))
send(channel, {"ready": True})
try:
    while True:
        facts, arrays = receive(channel)
        end = time.monotonic() + 2.0
        while time.monotonic() < end:
            matrix @ matrix
        count = len(facts["predicates"])
        send(channel, {}, {"pairs": np.zeros((0, 2), np.int32), "scores": np.zeros((0, count))})
except (EOFError, BrokenPipeError):
    pass  # The benchmark has ended.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="demo")
    parser.add_argument("--frames", type=int, default=150, help="of a round")
    parser.add_argument("--rounds", type=int, default=6, help="of each kind")
    parser.add_argument("--rate", type=float, default=10.0, help="images per second; 0: no pause")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    image = np.ascontiguousarray(np.kron(coarse, np.ones((40, 40, 1), np.uint8)))
    schedule = Schedule(1, ("on", "holding"), 0.1, 10.0, 60.0)
    times: dict[bool, list[float]] = {False: [], True: []}
    rates: dict[bool, list[float]] = {False: [], True: []}
    print(describe_machine())
    with (
        tempfile.TemporaryDirectory() as folder,
        Pipeline.open(PipelineConfig(model=arguments.model)) as pipeline,
    ):
        script = Path(folder) / "stage.py"
        script.write_text(STAGE, encoding="utf-8")
        keeper = StageKeeper(lambda: StageProcess([str(script)]), print)
        stage = SlowStage(keeper, print)
        number = 0
        for turn in range(2 * arguments.rounds):
            beside = bool(turn % 2)
            while stage.is_busy and not beside:
                time.sleep(0.05)
            begin = due = time.perf_counter()
            for _ in range(arguments.frames):
                number += 1
                frame = Frame(image, stamp_ns=number * 33_000_000)
                started = time.perf_counter()
                graph = pipeline(frame)
                if beside:
                    stage.see(frame, graph, pipeline.vocabulary, schedule, 100)
                times[beside].append((time.perf_counter() - started) * 1e3)
                if arguments.rate:
                    due += 1 / arguments.rate
                    time.sleep(max(0.0, due - time.perf_counter()))
            rates[beside].append(arguments.frames / (time.perf_counter() - begin))
        keeper.close()
        stage.close()
        print(f"asked {stage.asked} times, answered {stage.answered}")
    for beside, name in ((False, "alone"), (True, "beside the stage")):
        median, ninth = np.percentile(times[beside], (50, 90))
        print(f"{name:>17}: {statistics.median(rates[beside]):6.2f} graphs/s, "
              f"frame {median:6.1f} ms, 90 % below {ninth:6.1f} ms")  # fmt: skip


if __name__ == "__main__":
    main()
