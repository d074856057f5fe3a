# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The page of the viewer asks no other machine for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener, urlopen

import pytest

from psg_ros.viewing.page import ViewerPage, check_port, free_port

HTML = b"""<head>
<link rel="icon" href="favicon.ico" />
<link rel="preconnect" href="https://fonts.example.com" />
<link
  href="https://fonts.example.com/css2?family=Inter&display=swap"
  rel="stylesheet"
/>
</head>
"""
FILES = {"/": ("text/html; charset=utf-8", HTML), "/viewer.wasm": ("application/wasm", b"\0asm")}


class Viewer(BaseHTTPRequestHandler):
    """Stands for Rerun's own server."""

    def do_GET(self) -> None:
        if self.path not in FILES:
            self.send_error(404)
            return
        kind, content = FILES[self.path]
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    viewer, port = ThreadingHTTPServer(("127.0.0.1", 0), Viewer), free_port()
    Thread(target=viewer.serve_forever, daemon=True).start()
    page = ViewerPage(port, viewer.server_port, data_port=9091)
    yield f"http://127.0.0.1:{port}"
    page.close()
    viewer.shutdown()
    viewer.server_close()


def test_links_to_foreign_hosts_are_taken_out(address: str) -> None:
    text = urlopen(f"{address}/?url=rerun").read()
    assert re.findall(rb'href="([^"]*)"', text) == [b"favicon.ico"]


def test_the_browser_is_told_to_connect_to_this_machine_only(address: str) -> None:
    policy = urlopen(address).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self' ")
    assert re.findall(r"https?:\S+", policy) == ["http://*:9091"]


def test_other_files_pass_unchanged(address: str) -> None:
    with urlopen(f"{address}/viewer.wasm") as answer:
        assert answer.headers["Content-Type"] == "application/wasm"
        assert answer.read() == b"\0asm"


SERVE_AND_ASK = """
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.request import ProxyHandler, build_opener
from psg_ros.viewing.page import ViewerPage, free_port
viewer, port = ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler), free_port()
Thread(target=viewer.serve_forever, daemon=True).start()
ViewerPage(port, viewer.server_port, data_port=9091)
print(build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/scene.txt").read().decode())
"""


def test_a_proxy_of_the_network_is_not_asked(tmp_path: Path) -> None:
    """In a process of its own: urllib reads the environment once."""
    (tmp_path / "scene.txt").write_text("found")
    environment = {**os.environ, "http_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    command = [sys.executable, "-c", SERVE_AND_ASK]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout == "found\n", done.stderr


def test_a_viewer_that_does_not_answer_is_an_error_of_the_page() -> None:
    port = free_port()
    page = ViewerPage(port, free_port(), data_port=9091)
    with pytest.raises(HTTPError, match="502"):
        build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/")
    page.close()


def test_what_is_not_there_is_not_there(address: str) -> None:
    with pytest.raises(HTTPError, match="404"):
        urlopen(f"{address}/nothing.js")


def test_a_port_in_use_is_an_error_that_says_what_to_do(address: str) -> None:
    port = int(address.rpartition(":")[2])
    with pytest.raises(OSError, match=rf"port {port} .*already in use\): choose another"):
        check_port(port)


@pytest.mark.parametrize("port", [0, 65536, 70000])
def test_a_port_that_does_not_exist_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match=f"no port {port}: choose one from 1 to 65534"):
        check_port(port)


def test_a_free_port_is_free() -> None:
    check_port(free_port())
