# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ViewerPage: Rerun's page, served so that a browser asks no other machine for anything.

Rerun's own page asks a foreign host for a font. On a robot's network, which may have no way out,
that delays the page; and nobody there expects it. So the page goes through a server of ours, which
takes these links out and tells the browser to connect to this machine only.
"""

from __future__ import annotations

import re
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

DIRECT = build_opener(ProxyHandler({}))
"""Asks this machine itself: the proxy of a network does not know its ports."""

FOREIGN_LINK = re.compile(rb"<link\b[^>]*\bhref=\"https?://[^>]*>\s*")


def free_port() -> int:
    """Return a port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def check_port(port: int) -> None:
    """Refuse a port on which nothing can be served.

    Raises:
        ValueError: there is no such port.
        OSError: it is in use, or may not be used.
    """
    if not 0 < port < 2**16:
        raise ValueError(f"there is no port {port}: choose one from 1 to 65534 with --port")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one just closed is free
        try:
            probe.bind(("", port))
        except OSError as error:
            raise OSError(
                f"port {port} cannot be used ({error.strerror}): choose another with --port"
            ) from error


class ViewerPage:
    """Serves the page in threads until `close`.

    Args:
        port: of the page.
        viewer_port: where Rerun serves its own page, on this machine.
        data_port: which the page may connect to besides, on any machine: that of the scenes.
    """

    def __init__(self, port: int, viewer_port: int, data_port: int) -> None:
        policy = (
            "default-src 'self' 'unsafe-inline' 'unsafe-eval' blob: data:; "
            f"connect-src 'self' blob: data: http://*:{data_port}"
        )
        source = f"http://127.0.0.1:{viewer_port}"
        handler = type("Handler", (_Handler,), {"source": source, "policy": policy})
        self._server = ThreadingHTTPServer(("", port), handler)
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    source: str
    policy: str

    def do_GET(self) -> None:
        """Hand on what Rerun's server answers, without links to foreign hosts."""
        path = urlsplit(self.path).path
        try:
            with DIRECT.open(self.source + path) as answer:
                kind, content = answer.headers.get_content_type(), answer.read()
        except HTTPError as error:
            self.send_error(error.code)
            return
        except URLError:
            self.send_error(502, "the viewer does not answer")
            return
        if kind == "text/html":
            content = FOREIGN_LINK.sub(b"", content)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", self.policy)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing: requests are no news."""
