# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The libraries that SPADE stands on, imported when it is used: they are an extra."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

EXTRA = "open-vocabulary"


def library(name: str) -> ModuleType:
    """Return diffusers, peft or transformers.

    Raises:
        ImportError: not installed, or broken; names the extra.
    """
    try:
        return importlib.import_module(name)
    except (ImportError, RuntimeError) as error:
        # A torchvision that was built for another torch breaks them all, with a RuntimeError.
        raise ImportError(
            f"SPADE needs {name}: on Python 3.11 or newer, pip install '.[{EXTRA}]' in the source "
            f"folder; if torchvision is installed, it must be built for your torch, or go: {error}"
        ) from error


def read_model(kind: Any, folder: Path, subfolder: str = "") -> Any:
    """Return a model of diffusers or transformers in evaluation mode, with all of its weights.

    Nothing is downloaded, and nothing in the files is executed.

    Raises:
        ValueError: the folder holds no such model in safetensors, or not all of it.
    """
    place = folder / subfolder if subfolder else folder
    try:
        with _without_reports():
            model, found = kind.from_pretrained(
                folder, subfolder=subfolder, local_files_only=True, use_safetensors=True,
                output_loading_info=True,
            )  # fmt: skip
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ValueError(f"{place} holds no {kind.__name__} in safetensors: {error}") from error
    if missing := sorted(found["missing_keys"]):
        # The libraries would go on with random numbers in their place.
        raise ValueError(
            f"{place} lacks {len(missing)} weights of a {kind.__name__}, such as {missing[0]}; is "
            "it another model, or only a part of one?"
        )
    return model.eval()


def read_tokenizer(kind: Any, folder: Path, subfolder: str = "") -> Any:
    """Return a tokenizer of transformers.

    Raises:
        ValueError: the folder holds none.
    """
    try:
        return kind.from_pretrained(folder, subfolder=subfolder, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        place = folder / subfolder if subfolder else folder
        raise ValueError(f"{place} holds no {kind.__name__}: {error}") from error


@contextmanager
def _without_reports() -> Iterator[None]:
    """Have transformers not list the weights of the towers that nobody asked it for."""
    logging = library("transformers").utils.logging
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
