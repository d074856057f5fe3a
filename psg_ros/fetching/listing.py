# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The table of public models for people, and as JSON."""

from __future__ import annotations

import dataclasses
import json

from psg_ros.fetching.get import missing_extras
from psg_ros.fetching.shelf import fetched
from psg_ros.public_models import HUB, PublicModel, PublicModels

TITLES = ("name", "", "knows", "params", "PQ", "download", "input", "licence", "needs")
NOTES = """\
knows: things + stuff that it tells apart. needs: extras of this package; your consent to a licence.
PQ: panoptic quality on COCO's validation pictures, as published; not measured by us.
download: computed from the parameters, 4 bytes each; +: differences and their backbone."""


def as_text(table: PublicModels) -> str:
    """Return the table in columns, with sources and what is missing here below it."""
    here = fetched()
    rows = [TITLES, *(_row(table, name, name in here) for name in table.models)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(TITLES))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    licences = [f"{name}: {licence.url}" for name, licence in table.licences.items()]
    sources = [f"[{number}] {source}" for number, source in enumerate(_sources(table), 1)]
    lines += ["", NOTES, *sources, *licences]
    files = {str(n): f for n, m in enumerate(table.models.values()) for f in m.files.values()}
    if missing := missing_extras(files):
        extras = ",".join(missing)
        lines.append(f"get needs on this machine: pip install '.[{extras}]' in the source folder")
    return "\n".join(lines)


def as_json(table: PublicModels) -> str:
    """Return all of the table, with addresses in full and which models are here."""
    here = fetched()
    models = [
        {
            "name": name,
            **dataclasses.asdict(model),
            "download_mb": round(model.download_mb, 1),
            "needs": needs(table, model),
            "addresses": [url for file in model.files.values() for url in table.urls(file)],
            "licences": {n: lic.url for n, lic in table.licences_of(model).items()},
            "folder": str(here[name]) if name in here else None,
        }
        for name, model in table.models.items()
    ]
    return json.dumps(models, indent=2)


def needs(table: PublicModels, model: PublicModel) -> list[str]:
    """Return what getting a model takes: extras, and `consent` to a licence."""
    on_hub = any(file.place == HUB for file in model.files.values())
    asks = any(licence.consent for licence in table.licences_of(model).values())
    return ["train"] + ["hub"] * on_hub + ["consent"] * asks


def _sources(table: PublicModels) -> list[str]:
    return list(dict.fromkeys(model.figure.source for model in table.models.values()))


def _row(table: PublicModels, name: str, is_here: bool) -> tuple[str, ...]:
    model = table.models[name]
    return (
        name,
        "here" if is_here else "",
        model.knows,
        f"{model.parameters_m:.1f} M",
        f"{model.figure.pq:.1f} [{_sources(table).index(model.figure.source) + 1}]",
        f"{model.download_mb:,.0f} MB{' +' if model.backbone else ''}",
        f"{model.input_px} px",
        ", ".join(table.licences_of(model)),
        ", ".join(needs(table, model)),
    )
