# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The `psg` command: a table of subcommands, each module imported only when it is called."""

from __future__ import annotations

if __name__ == "__main__":
    from psg_ros.interrupts import end_on_interrupt

    end_on_interrupt()  # before the imports below, which take a while

import argparse
import difflib
import importlib
import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType, ModuleType
from typing import NoReturn

from psg_ros import __version__, interrupts
from psg_ros.files import printable

COMMANDS = {
    "predict": "make scene graphs of an image, a folder, a video or a bag",
    "bag": "turn bags of images into bags of scene graphs",
    "view": "show scene graphs in a browser: masks, graph, relations over time",
    "demo": "run camera, node and subscriber over ROS 2 on this machine",
    "doctor": "check what works on this machine, and say how to fix the rest",
    "simulate": "render a training set of simulated rooms with exact annotations",
    "label": "let a large model label pictures to train a small one with",
    "dataset": "check annotated data sets, select from them, join them",
    "train": "train a model on a data set",
    "spade": "train or evaluate SPADE, which finds relations in any words",
    "export": "turn a training run into a model folder",
    "words": "give a model other classes and predicates, without training",
    "build-engine": "build a model's TensorRT engines for this machine's GPU",
    "quantize": "add int8 or fp8 files to a model, and measure the loss of quality",
    "models": "list public models, get one, remove it",
    "convert": "turn public weights into a run or model folder",
    "calibrate": "fit probabilities to a model's relation scores",
    "evaluate": "measure recall and panoptic quality on an annotated data set",
    "compare": "compare reports: panoptic quality against the recall it allows",
    "verify": "check that a backend computes what the reference computes",
    "benchmark": "measure how long a frame takes, step by step",
}

BAD_INPUT: tuple[type[Exception], ...] = (
    FileNotFoundError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
    ValueError,
)
"""What wrong arguments or files raise: exit status 2. The rest of the expected ones give 1."""

EXPECTED = (*BAD_INPUT, OSError, ImportError, RuntimeError)

OVERVIEW = """\
usage: psg COMMAND [options]

Panoptic scene graphs: what is in a picture, and how it relates.

commands:
{commands}

`psg COMMAND --help` explains a command and gives examples.
options: --version, --debug (tracebacks; also PSG_DEBUG=1)

first steps:
  psg doctor                              check this machine
  psg demo --seconds 20                   the whole ROS 2 chain, on a simulated clip
  psg predict photo.jpg --model photo     the scene graph of a photo of a room
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; return the exit status.

    0 well, 1 failed or done in part only, 2 bad use or bad input.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(overview(), end="")
        return 0 if arguments else 2
    if arguments[0] in ("-V", "--version"):
        print(f"psg_ros {__version__}")
        return 0
    if arguments[0] not in COMMANDS:
        print(f"psg: error: {_unknown(arguments[0])}", file=sys.stderr)
        return 2
    return run_command(arguments[0], arguments[1:])


def run_command(name: str, argv: Sequence[str]) -> int:
    """Import the module of one subcommand, parse, run; report an expected failure in one line."""
    debug = "--debug" in argv or os.environ.get("PSG_DEBUG", "") not in ("", "0")
    if not debug:
        # What libraries print about bad files, our errors say with the file's name.
        os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file name that the terminal's encoding lacks must not end the work.
        sys.stdout.reconfigure(errors="backslashreplace")
    stops: list[int] = []
    try:
        module = _import_quietly(f"psg_ros.cli.{name.replace('-', '_')}")
        _raise_on_signals(stops)
        return module.run(build_parser(name, module).parse_args(argv))
    except BrokenPipeError:
        # The reader of our output left (`psg predict ... | head`); nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _stopped(name)
    except Exception as error:
        if stops:  # compiled modules make other errors of a KeyboardInterrupt
            return _stopped(name)
        if debug:
            traceback.print_exc()
        print(f"psg {name}: error: {printable(explain(error))}", file=sys.stderr)
        return 2 if isinstance(error, BAD_INPUT) else 1


def build_parser(name: str, module: ModuleType) -> argparse.ArgumentParser:
    """Return the parser of a subcommand; docstring and examples of its module are the help."""
    parser = _OneLineParser(
        prog=f"psg {name}",
        usage=f"psg {name} {module.USAGE}",
        description=module.__doc__,
        epilog=module.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


class _OneLineParser(argparse.ArgumentParser):
    """Reports bad usage in one line, like every other error."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def overview() -> str:
    """Return the text of `psg --help`."""
    lines = [f"  {name:<13} {summary}" for name, summary in COMMANDS.items()]
    return OVERVIEW.format(commands="\n".join(lines))


def explain(error: Exception) -> str:
    """Return one line for people: what is wrong, and where an unforeseen error asks for --debug."""
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    if isinstance(error, ModuleNotFoundError) and error.name and text.startswith("No module named"):
        return (
            f"the Python package {error.name!r} is not installed; `psg doctor` says how to fix it"
        )
    if isinstance(error, EXPECTED):
        return text or type(error).__name__
    return f"unexpected {type(error).__name__}: {text} (run again with --debug for the traceback)"


def _unknown(command: str) -> str:
    near = difflib.get_close_matches(command, COMMANDS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(COMMANDS)}"
    return f"no command {command!r}; {hint}"


def _import_quietly(name: str) -> ModuleType:
    interrupts.end_on_interrupt()
    try:
        return importlib.import_module(name)
    finally:
        interrupts.raise_on_interrupt()


def _raise_on_signals(came: list[int]) -> None:
    """Let SIGTERM end a command as Ctrl-C does, so that everything is cleaned up.

    Args:
        came: gathers the signals.
    """

    def on_signal(number: int, frame: FrameType | None) -> None:
        came.append(number)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, on_signal)


def _stopped(name: str) -> int:
    print(f"psg {name}: stopped", file=sys.stderr)
    return interrupts.STATUS


if __name__ == "__main__":
    sys.exit(main())
