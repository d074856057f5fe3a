# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the hub's own client knows of a file: where it lies, its digest, and who may have it.

The client does not fetch the bytes: since its version 2 it starts over after every interruption.
"""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

from psg_ros.fetching.address import Address, GateError, MissingError, UnreachableError

ENDPOINT = "HF_ENDPOINT"


def find(repository: str, path: str, place: str) -> Address:
    """Ask the hub for a file of a repository.

    Args:
        place: address of the hub, unless HF_ENDPOINT names another.

    Raises:
        GateError, MissingError, UnreachableError: the hub does not give it; says what helps.
        ImportError: the package huggingface_hub is not installed.
    """
    try:
        import huggingface_hub as client
        from huggingface_hub import errors
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{repository} lies on a hub; that needs: pip install '.[hub]' in the source folder"
        ) from error
    endpoint = (os.environ.get(ENDPOINT) or place).rstrip("/")
    url, token = client.hf_hub_url(repository, path, endpoint=endpoint), client.get_token()
    page = f"{endpoint}/{repository}"
    try:
        found = client.get_hf_file_metadata(url, token=token or False)
    except errors.GatedRepoError as error:
        raise GateError(
            f"{repository} is behind a gate: agree to its terms on {page}, then `hf auth login` "
            "with a token of that account (or set HF_TOKEN)"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise GateError(
            f"the hub shows no {repository} to you: it is gone, or private; in the second case "
            "`hf auth login` (or HF_TOKEN) helps"
        ) from error
    except errors.EntryNotFoundError as error:
        raise MissingError(f"{page} has no {path}") from error
    except (OSError, ValueError, errors.HTTPError) as error:
        reason = (str(error).strip() or type(error).__name__).split("\n")[0]
        raise UnreachableError(f"no answer from {urlsplit(endpoint).netloc} ({reason})") from error
    own = urlsplit(found.location).netloc == urlsplit(endpoint).netloc
    headers = {"authorization": f"Bearer {token}"} if token and own else {}
    # Of a large file the hub's mark is its SHA-256; a small one has another, shorter one.
    digest = found.etag if re.fullmatch(r"[0-9a-f]{64}", found.etag or "") else ""
    return Address(found.location, headers, digest or "")
