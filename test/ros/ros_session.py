# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""RosSession: starts the camera, the node and a listener as processes and reads what they say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from psg_ros.ros.start import node_command
from psg_ros.ros.transport import PROFILE_VARIABLES, allocator_environment, node_environment

HERE = Path(__file__).parent
START_S = 60.0
"""How long a process may take to do the first thing asked of it, on a busy machine."""


class RosProcess:
    """One started process; `lines` are the JSON objects it has written so far."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], folder: Path):
        self.name, self.log = name, folder / f"{name}.log"
        self._out = folder / f"{name}.jsonl"
        with self._out.open("w") as out, self.log.open("w") as log:
            self.popen = subprocess.Popen(command, stdout=out, stderr=log, env=environment)

    @property
    def text(self) -> str:
        """All that it has written to its standard output."""
        return self._out.read_text()

    @property
    def lines(self) -> list[dict[str, Any]]:
        text = self.text
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def of(self, topic: str) -> list[dict[str, Any]]:
        """Return the lines about one topic."""
        return [line for line in self.lines if line["topic"] == topic]

    def wait(self, condition: Callable[[RosProcess], Any], timeout_s: float = START_S) -> Any:
        """Return the first true value of `condition(self)`; fail with the log after a while."""
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            if value := condition(self):
                return value
            if self.popen.poll() is not None:
                break
            time.sleep(0.05)
        state = "ended" if self.popen.poll() is not None else "is silent"
        raise AssertionError(f"{self.name} {state}; its log:\n{self.log.read_text()[-4000:]}")

    def wait_for_log(self, words: str, timeout_s: float = START_S) -> str:
        """Return the log once it holds the words."""
        return self.wait(lambda p: words in p.log.read_text() and p.log.read_text(), timeout_s)

    def stop(self, number: int = signal.SIGINT, timeout_s: float = START_S) -> int:
        """Send a signal, wait and return the exit status; kills what does not listen (-9)."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        try:
            return self.popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            return self.popen.wait()


class RosSession:
    """Processes in one domain on this machine only."""

    def __init__(self, domain_id: int, folder: Path):
        self.folder = folder
        paths = [str(HERE.parents[1]), str(HERE.parent), str(HERE)]
        paths += filter(None, [os.environ.get("PYTHONPATH")])
        self.environment = node_environment(os.environ) | {
            "ROS_DOMAIN_ID": str(domain_id),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "ROS_LOG_DIR": str(folder / "log"),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(paths),
        }
        self._processes: list[RosProcess] = []

    def __enter__(self) -> RosSession:
        return self

    def __exit__(self, *failure: object) -> None:
        statuses = {process.name: process.stop() for process in reversed(self._processes)}
        tracebacks = [p.name for p in self._processes if "Traceback" in p.log.read_text()]
        if failure[0] is None:
            assert not any(statuses.values()), f"exit statuses {statuses}"
            assert not tracebacks, f"tracebacks in the logs of {tracebacks}"

    def forget(self, process: RosProcess) -> None:
        """Leave a process, already stopped, out of the checks at the end."""
        self._processes.remove(process)

    def start(
        self, name: str, command: list[str], environment: dict[str, str] | None = None
    ) -> RosProcess:
        process = RosProcess(name, command, environment or self.environment, self.folder)
        self._processes.append(process)
        return process

    def script(self, name: str, file: str, *arguments: object) -> RosProcess:
        """Start one of the scripts beside this file."""
        return self.start(name, [sys.executable, str(HERE / file), *map(str, arguments)])

    def stock_camera(self, *arguments: object) -> RosProcess:
        """Start a camera as others start theirs: without anything of ours in its environment.

        It begins when somebody listens.
        """
        ours = (*PROFILE_VARIABLES, *allocator_environment({}))
        plain = {name: v for name, v in self.environment.items() if name not in ours}
        command = [sys.executable, str(HERE / "camera_process.py"), "--stock", "--wait"]
        return self.start("camera", [*command, *map(str, arguments)], plain)

    def node(
        self, model: Path | str, *, entry: str = "", extra: Sequence[str] = (), **parameters: Any
    ) -> RosProcess:
        """Start the node; `entry` names a script of ours with another `main`.

        Args:
            extra: ROS arguments that `node_command` would refuse.
        """
        topic = parameters.pop("image_topic", "/camera/image")
        values = {"model": str(model), "threads": 1, **parameters}
        command = node_command(image_topic=topic, parameters=values)
        if entry:
            command[1:3] = [str(HERE / entry)]
        return self.start("node", [*command, *extra])
