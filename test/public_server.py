# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A server on the loopback that gives files as a store and as a hub do, and fails when told to."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from psg_ros.fetching import web

COMMIT = "0" * 40


@dataclass
class PublicServer:
    """Files by path; `/OWNER/NAME/resolve/REVISION/FILE` answers as a hub does for a large file.

    Attributes:
        cut_after: bytes of one answer after which the connection ends, for as many answers.
        statuses: path -> status (and headers) to answer with instead.
        conditions: whether If-Range is heeded.
        requests: (method, path, Range header, Authorization header) of all that came.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    cut_after: list[int] = field(default_factory=list)
    statuses: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    ranges: bool = True
    conditions: bool = True
    etags: bool = True
    digest: str = ""
    requests: list[tuple[str, str, str, str]] = field(default_factory=list)
    url: str = ""

    @property
    def store(self) -> str:
        """Where the hub's files lie: another host, as the client sees it."""
        return self.url.replace("127.0.0.1", "localhost")

    def downloads(self, path: str) -> list[str]:
        """Return the Range headers of the GET requests for a file."""
        return [found[2] for found in self.requests if found[:2] == ("GET", path)]


@contextmanager
def serving() -> Iterator[PublicServer]:
    """Run a server for the time of the block."""
    server = PublicServer()
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()


def isolate(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Let nothing but the loopback be reached, and nothing of this user be read; the shelf."""
    monkeypatch.setenv("PSG_MODELS", str(folder / "shelf"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setattr(web, "PAUSE_S", 0.0)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(folder / "token"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    point_at(monkeypatch, "http://127.0.0.1:9")
    return folder / "shelf"


def point_at(monkeypatch: pytest.MonkeyPatch, hub: str) -> None:
    """Let the client take this for the hub."""
    monkeypatch.setenv("HF_ENDPOINT", hub)


def _handler(server: PublicServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def log_message(self, format: str, *args: object) -> None:
            pass

        def answer(self, with_body: bool) -> None:
            path, asked = self.path.split("?")[0], self.headers.get("Range", "")
            token = self.headers.get("Authorization", "")
            server.requests.append((self.command, path, asked, token))
            if path in server.statuses:
                status, headers = server.statuses[path]
                return self.head(status, headers | {"Content-Length": "0"})
            stored = re.sub(r"/resolve/[^/]+/", "/", path)
            if stored not in server.files:
                code = "EntryNotFound" if stored != path else ""
                return self.head(404, {"X-Error-Code": code, "Content-Length": "0"})
            if stored != path:
                return self.redirect(stored)
            return self.give(server.files[path], asked, with_body)

        def redirect(self, stored: str) -> None:
            content = server.files[stored]
            digest = server.digest or hashlib.sha256(content).hexdigest()
            self.head(302, {
                "Location": f"{server.store}{stored}?signed=1",
                "X-Repo-Commit": COMMIT,
                "X-Linked-Etag": f'"{digest}"',
                "X-Linked-Size": str(len(content)),
                "Content-Length": "0",
            })  # fmt: skip

        def give(self, content: bytes, asked: str, with_body: bool) -> None:
            etag = f'"{hashlib.md5(content).hexdigest()}"'
            start = 0
            same = not server.conditions or self.headers.get("If-Range", etag) == etag
            if asked and server.ranges and same:
                start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(content) > 0:
                return self.head(416, {"Content-Length": "0"})
            headers = {"Content-Length": str(len(content) - start)}
            if server.etags:
                headers["ETag"] = etag
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.head(206 if start else 200, headers)
            if with_body:
                self.send(content[start:])

        def send(self, content: bytes) -> None:
            end = server.cut_after.pop(0) if server.cut_after else len(content)
            self.wfile.write(content[:end])
            self.wfile.flush()
            self.close_connection = True

        def head(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

    return Handler
