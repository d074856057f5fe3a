# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""List public models, and bring one of them to this machine.

list shows them. get fetches one, verifies and converts it, and puts a model folder where every
--model NAME (and model:=NAME of the launch file) finds it. remove deletes it. Public models find
segments only, no relations; to train a relation stage for one, add --run FOLDER to get.

Fetched models are stored in ~/.local/share/psg_ros/models, or in PSG_MODELS if that is set.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from psg_ros.cli.actions import add_action, add_actions
from psg_ros.cli.targets import check_folder
from psg_ros.fetching import get, shelf
from psg_ros.fetching.listing import as_json, as_text
from psg_ros.public_models import PublicModels, load_table
from psg_ros.quoting import plain

USAGE = "list [--json] | get NAME [options] | remove NAME"
EXAMPLES = """\
examples:
  psg models list
  psg models get lightly_s
  psg predict photo.jpg --model lightly_s
  psg models get lightly_s --file Downloads/dinov3_vits16_eomt_panoptic_coco_251219_89e8a64f.pt
  psg models get eomt_dinov2_s --run runs/eomt_s    then: psg train runs/eomt_s/relations.yaml ...
  psg models remove lightly_s

get needs the extra train (torch), and hub if the model is on the hub; list and remove do not.
"""
LIST_EXAMPLES = """\
examples:
  psg models list
  psg models list --json
"""
GET = """\
Fetch a public model, verify and convert it, and store it where --model NAME finds it. After an
interruption, the same command resumes.
"""
GET_EXAMPLES = """\
examples:
  psg models get lightly_s
  psg models get lightly_s --file Downloads/dinov3_vits16_eomt_panoptic_coco_251219_89e8a64f.pt
  psg models get eomt_dinov3_s --accept-licence
  psg models get eomt_dinov2_s --run runs/eomt_s
"""
REMOVE_EXAMPLES = """\
examples:
  psg models remove lightly_s
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `psg models`."""
    actions = add_actions(parser)
    shown = add_action(
        actions,
        "list",
        _list,
        help="list the public models, and which of them are here",
        usage="[--json] [--table FILE]",
        description="List the public models: classes, quality, size, licence, and which are here.",
        examples=LIST_EXAMPLES,
    )
    shown.add_argument("--json", action="store_true", help="print the whole table as JSON")
    got = add_action(
        actions,
        "get",
        _get,
        help="fetch, verify, convert and export a public model",
        usage="NAME [options]",
        description=GET,
        examples=GET_EXAMPLES,
    )
    got.add_argument("name", metavar="NAME", help="a name from `psg models list`")
    got.add_argument("--file", type=Path, metavar="FILE", help="its weights, if fetched by hand")
    got.add_argument(
        "--backbone",
        type=Path,
        metavar="FILE",
        help="its backbone, if fetched by hand; also a folder or file in transformers' layout",
    )
    got.add_argument(
        "--run",
        type=Path,
        metavar="FOLDER",
        help="also write a run folder, in which a relation stage can be trained (see psg convert)",
    )
    got.add_argument(
        "--accept-licence",
        action="store_true",
        help="agree to the licences that `psg models list` shows; without it you are asked",
    )
    removed = add_action(
        actions,
        "remove",
        _remove,
        help="remove a fetched model",
        usage="NAME",
        description="Delete a fetched model and what an interrupted get has left of it.",
        examples=REMOVE_EXAMPLES,
    )
    removed.add_argument("name", metavar="NAME", help="name of a fetched model")
    for action in (shown, got):
        action.add_argument(
            "--table",
            type=Path,
            metavar="FILE",
            help="another table, for example of a mirror, in the form of config/public_models.yaml",
        )


def run(args: argparse.Namespace) -> int:
    """Run the chosen subcommand."""
    status: int = args.act(args)
    return status


def _list(args: argparse.Namespace) -> int:
    table = load_table(args.table)
    print(as_json(table) if args.json else as_text(table))
    return 0


def _get(args: argparse.Namespace) -> int:
    order = _order(args, load_table(args.table))
    if args.run:
        check_folder(args.run)
    if order.name in shelf.fetched() and not args.run:
        print(f"{order.name} is here already: {shelf.fetched()[order.name]}")
        return 0
    get.check_extras(order)
    _agree(order, args.accept_licence)
    folder = get.get(order, _say)
    print(f"wrote {folder}")
    print(f"next: psg predict IMAGE --model {order.name}")
    return 0


def _remove(args: argparse.Namespace) -> int:
    for what in shelf.remove(args.name):
        print(f"removed {what}")
    return 0


def _order(args: argparse.Namespace, table: PublicModels) -> get.Order:
    if args.name not in table.models:
        known = ", ".join(table.models)
        raise ValueError(f"no public model {plain(args.name)}; there are: {known}")
    given = {key: getattr(args, key) for key in ("file", "backbone") if getattr(args, key)}
    order = get.Order(args.name, table, given, args.run)
    if surplus := given.keys() - order.model.files.keys():
        raise ValueError(f"{args.name} is whole without --{', --'.join(surplus)}; leave it out")
    return order


def _agree(order: get.Order, agreed: bool) -> None:
    """Show the licences; ask where one wants consent.

    Raises:
        ValueError: nobody can be asked.
        RuntimeError: the answer is no.
    """
    licences = order.table.licences_of(order.model)
    for name, licence in licences.items():
        _say(f"licence: {name}, {licence.url}")
    if agreed or not any(licence.consent for licence in licences.values()):
        return
    names = " and ".join(f"{name} licence" for name, licence in licences.items() if licence.consent)
    if not sys.stdin.isatty():
        raise ValueError(f"{order.name} needs your consent to the {names}: add --accept-licence")
    print(f"Do you accept the {names}? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise RuntimeError("not accepted; nothing was fetched")


def _say(line: str) -> None:
    print(line, file=sys.stderr)
