# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A page in a headless Chromium, over its debugging protocol: what it draws and asks for."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

OPTIONS = (
    "--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist", "--window-size=1200,800", "--remote-debugging-port=0",
)  # fmt: skip


def screenshot(
    browser: str, address: str, until: Callable[[np.ndarray], bool], wait_s: float = 120.0
) -> tuple[np.ndarray, list[str]]:
    """Return the page as RGB as soon as `until` likes it, or after the wait; and what it asked for.

    The second are addresses, in order, whether or not they were let through.
    """
    from websockets.sync.client import connect

    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        subprocess.Popen(
            [browser, *OPTIONS, f"--user-data-dir={profile}", "about:blank"],
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        try:
            assert process.stderr
            port = next(
                m[1] for line in process.stderr if (m := re.search(r"ws://\S+?:(\d+)/", line))
            )
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as pages:
                page = json.load(pages)[0]["webSocketDebuggerUrl"]
            with connect(page, max_size=None) as socket:
                ask = _Asking(socket)
                ask("Page.enable")
                ask("Network.enable")
                ask("Page.navigate", url=address)
                deadline = time.monotonic() + wait_s
                while True:
                    time.sleep(2)
                    picture = _decoded(ask("Page.captureScreenshot", format="png")["data"])
                    if until(picture) or time.monotonic() > deadline:
                        return picture, ask.requested
        finally:
            process.kill()


class _Asking:
    def __init__(self, socket: Any) -> None:
        self._socket, self._number = socket, 0
        self.requested: list[str] = []

    def __call__(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        request = {"id": self._number, "method": method, "params": parameters}
        self._socket.send(json.dumps(request))
        while (answer := json.loads(self._socket.recv())).get("id") != self._number:
            if answer.get("method") == "Network.requestWillBeSent":
                self.requested.append(answer["params"]["request"]["url"])
        return answer["result"]


def _decoded(png: str) -> np.ndarray:
    content = np.frombuffer(base64.b64decode(png), np.uint8)
    return cv2.imdecode(content, cv2.IMREAD_COLOR)[..., ::-1]
