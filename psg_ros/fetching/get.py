# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fetch, verify, convert, export: an entry of the table becomes a model folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from psg_ros.fetching import hub, shelf, web
from psg_ros.fetching.address import Address, GateError, MissingError, UnreachableError
from psg_ros.file_digest import file_sha256
from psg_ros.public_models import HUB, PublicModel, PublicModels, RemoteFile

if TYPE_CHECKING:
    from psg_ros.network.checkpoints.converted import Converted

EXTRAS = {
    "train": ("torch", "safetensors", "onnx", "onnxscript", "scipy", "matplotlib", "jaxtyping"),
    "hub": ("huggingface_hub",),
}
"""What converting and asking the hub need besides the deployed part."""
PARAMETER_TOLERANCE_M = 0.1


@dataclass(frozen=True)
class Local:
    """A file on this machine, verified as well as could be.

    Attributes:
        source: where it came from.
        verified: who told its digest: "table", "hub", or "nobody".
    """

    path: Path
    source: str
    sha256: str
    verified: str


@dataclass(frozen=True)
class Order:
    """What to get.

    Attributes:
        by_hand: files that are here already, by the keys of `PublicModel.files`.
        run: also write a run folder, as `psg convert` does, to train relations in.
    """

    name: str
    table: PublicModels
    by_hand: Mapping[str, Path]
    run: Path | None = None

    @property
    def model(self) -> PublicModel:
        return self.table.models[self.name]


def missing_extras(files: Mapping[str, RemoteFile]) -> list[str]:
    """Return the extras without which these files cannot be fetched or converted."""
    wanted = ["train"] + ["hub"] * any(file.place == HUB for file in files.values())
    return [extra for extra in wanted if not all(find_spec(name) for name in EXTRAS[extra])]


def check_extras(order: Order) -> None:
    """Raise ImportError for what would be missed only after the download."""
    to_fetch = {key: f for key, f in order.model.files.items() if key not in order.by_hand}
    if missing := missing_extras(to_fetch):
        raise ImportError(
            f"psg models get {order.name} needs: pip install '.[{','.join(missing)}]' in the "
            "source folder"
        )


def get(order: Order, say: Callable[[str], None]) -> Path:
    """Make the model folder; return where it is.

    Args:
        say: gets a line for every step.

    Raises:
        ImportError: an extra is missing.
        OSError: no connection, a gate, a full disk; says what to do.
        ValueError: a wrong digest, a wrong layout, another network.
        RuntimeError: another process gets the same model.
    """
    check_extras(order)
    from psg_ros.training.adopted import check_free, export_segments, write_run

    if order.run:
        check_free(order.run)
    with shelf.working_on(order.name) as work:
        out = work / "export" / order.name
        shutil.rmtree(out.parent, ignore_errors=True)  # of a process that was killed
        files = {key: _obtain(order, key, work, say) for key in order.model.files}
        try:
            converted = _convert(order, files)
        except ValueError:
            for key in files.keys() - order.by_hand.keys():
                web.discard(files[key].path)
            raise
        say(converted.summary())
        if converted.assumed:
            say(f"assumed: {converted.assumed}")
        export_segments(converted, out, order.model.labels)
        (out / shelf.ORIGIN_FILE).write_text(_origin(order, files), encoding="utf-8")
        if order.run:
            say(f"wrote {write_run(converted, order.run, order.model.labels)}")
        folder = shelf.put(out)
        shutil.rmtree(work)
    return folder


def _obtain(order: Order, key: str, work: Path, say: Callable[[str], None]) -> Local:
    """Return a file of the model, from this machine or from afar."""
    remote = order.model.files[key]
    if key in order.by_hand:
        path = order.by_hand[key]
        if path.is_dir():  # a backbone as transformers stores it
            return Local(path, str(path), "", "nobody")
        local = _verified(path, str(path), {"table": remote.sha256})
    else:
        (work / key).mkdir(exist_ok=True)
        local = _fetch(order, remote, work / key / remote.name)
    told = {"nobody": "none was published: only layout and sizes are checked"}
    who = told.get(local.verified, f"as the {local.verified} says")
    say(f"{remote.name}: SHA-256 {local.sha256} ({who})")
    return local


def _fetch(order: Order, remote: RemoteFile, target: Path) -> Local:
    try:
        address = _download(order.table, remote, target)
    except (UnreachableError, GateError, MissingError) as error:
        raise type(error)(f"{error}; {by_hand(order)}") from error
    try:
        return _verified(target, address.url, {"table": remote.sha256, "hub": address.sha256})
    except ValueError:
        web.discard(target)
        raise


def _download(table: PublicModels, remote: RemoteFile, target: Path) -> Address:
    """Fetch a file from the first of its addresses that has it."""
    refusals: list[MissingError | GateError] = []
    for path, url in zip(remote.paths, table.urls(remote), strict=True):
        is_hub = remote.place == HUB
        try:
            place = table.places[HUB] if is_hub else ""
            address = hub.find(remote.repository, path, place) if is_hub else Address(url)
            if not target.is_file():
                web.download(address, target)
            return address
        except (MissingError, GateError) as error:  # stores hide what is missing: 403
            refusals.append(error)
    raise refusals[0]


def _verified(path: Path, source: str, digests: Mapping[str, str]) -> Local:
    """Compare a file with every digest that is known.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a digest differs.
    """
    found, verified = file_sha256(path), "nobody"
    for teller, digest in digests.items():
        if digest and digest != found:
            raise ValueError(
                f"{source} is damaged, or another file: its SHA-256 is {found}, the {teller} says "
                f"{digest}; fetch it again"
            )
        if digest and verified == "nobody":
            verified = teller
    return Local(path, source, found, verified)


def by_hand(order: Order) -> str:
    """Return how to go on without a connection, or where a server says no."""
    files = order.model.files
    places = " and ".join(order.table.urls(file)[0] for file in files.values())
    options = " ".join(f"--{key} {file.name}" for key, file in files.items())
    return f"fetch {places} by other means, then: psg models get {order.name} {options}"


def _convert(order: Order, files: Mapping[str, Local]) -> Converted:
    from psg_ros.network.checkpoints.convert import convert

    backbone = files.get("backbone")
    converted = convert(
        str(files["file"].path),
        backbone=str(backbone.path) if backbone else None,
        input_hw=(order.model.input_px, order.model.input_px),
    )
    found_m = sum(tensor.numel() for tensor in converted.weights.values()) / 1e6
    if abs(found_m - order.model.parameters_m) > PARAMETER_TOLERANCE_M:
        raise ValueError(
            f"{files['file'].source} is not {order.name}: it has {found_m:.1f} million parameters, "
            f"expected {order.model.parameters_m}"
        )
    return converted


def _origin(order: Order, files: Mapping[str, Local]) -> str:
    """Return where a model folder is from, as YAML."""
    model = order.model
    facts = {
        "name": order.name,
        "description": model.description,
        "figure": {"pq": model.figure.pq, "on": "COCO panoptic val", "source": model.figure.source},
        "files": [
            {
                "source": local.source,
                "sha256": local.sha256,
                "digest_told_by": local.verified,
                "licence": model.files[key].licence,
                "licence_url": order.table.licences[model.files[key].licence].url,
            }
            for key, local in files.items()
        ],
    }
    return yaml.safe_dump(facts, sort_keys=False)
