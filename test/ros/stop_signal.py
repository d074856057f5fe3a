# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An event that SIGINT and SIGTERM set, so that scripts leave the middleware in good order."""

import signal
import threading


def stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
