# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""OpenVINO starts from what an earlier start compiled, and answers the same come what may."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backends import needs

from psg_ros.robot.manifest import load_model_folder
from psg_ros.robot.runtime import backend as backend_module
from psg_ros.robot.runtime import compiled_cache
from psg_ros.robot.runtime.backend import open_backend

pytestmark = needs("openvino")

IMAGE = np.random.default_rng(0).integers(0, 256, (1, 64, 96, 3), dtype=np.uint8)
START = """
import sys
from psg_ros.robot.manifest import load_model_folder
from psg_ros.robot.runtime.backend import open_backend
model = load_model_folder(sys.argv[1])
for stage in ("segmenter", "relations"):
    open_backend("openvino", model.artifact_path(stage), model.manifest.artifact(stage))
print("well")
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PSG_CACHE", str(tmp_path / "cache"))
    compiled_cache._warn.cache_clear()
    return tmp_path / "cache"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every network that is compiled, in order."""
    module: Any = backend_module.module_of("openvino")
    paths, really_compile = [], module._compile

    def note(core, path, *settings):
        paths.append(path)
        return really_compile(core, path, *settings)

    monkeypatch.setattr(module, "_compile", note)
    return paths


def opened(folder: Path, **options) -> Any:
    model = load_model_folder(str(folder))
    spec = model.manifest.artifact("segmenter")
    return open_backend("openvino", model.artifact_path("segmenter"), spec, **options)


def answers(folder: Path, **options) -> dict[str, np.ndarray]:
    outputs = opened(folder, **options).run({"image": IMAGE})
    return {name: array.copy() for name, array in outputs.items()}


def start(folder: Path, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", START, str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | environment, cwd=Path(backend_module.__file__).parents[3],
    )  # fmt: skip


def test_the_second_start_compiles_nothing_and_answers_the_same(tiny_model, home, compiled):
    before = sorted(tiny_model.rglob("*"))
    first, second = answers(tiny_model), answers(tiny_model)
    assert len(compiled) == 1
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
    assert len(list(home.rglob("*.blob"))) == 1
    assert sorted(tiny_model.rglob("*")) == before


def test_a_network_has_its_memory_until_its_last_run_ends(tiny_model, home, monkeypatch):
    """Whoever closes it meanwhile: it reads its weights where the cache was read to."""
    expected, backend = answers(tiny_model), opened(tiny_model)
    request, memory = type(backend._running.request), weakref.ref(backend._running.memory)
    infer = request.infer

    def infer_while_closed(*inputs, **options):
        backend.close()
        assert memory() is not None
        return infer(*inputs, **options)

    monkeypatch.setattr(request, "infer", infer_while_closed)
    found = backend.run({"image": IMAGE})
    assert memory() is None
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])
    with pytest.raises(RuntimeError, match="was closed"):
        backend.run({"image": IMAGE})


def test_other_settings_are_other_networks(tiny_model, home, compiled):
    for _ in range(2):
        answers(tiny_model, precision="fp32")
        answers(tiny_model, precision="fp32", threads=1)
    assert len(compiled) == len(list(home.rglob("*.blob"))) == 2


def test_a_copy_of_the_model_is_the_same_network(tiny_model, home, compiled, tmp_path):
    answers(tiny_model)
    answers(Path(shutil.copytree(tiny_model, tmp_path / "copy")))
    assert len(compiled) == 1


@pytest.mark.parametrize("damage", ["zeros inside", "half", "another version's", "another's"])
def test_a_damaged_or_stale_network_is_compiled_again(
    damage, tiny_model, home, compiled, monkeypatch, caplog
):
    expected = answers(tiny_model)
    (blob,) = home.rglob("*.blob")
    content = blob.read_bytes()
    if damage == "zeros inside":
        middle = len(content) // 2
        blob.write_bytes(content[: middle - 2048] + bytes(4096) + content[middle + 2048 :])
    elif damage == "half":
        blob.write_bytes(content[: len(content) // 2])
    elif damage == "another version's":
        module: Any = backend_module.module_of("openvino")
        monkeypatch.setattr(module.openvino, "get_version", lambda: "2099.1")
    else:  # OpenVINO cannot read it though it is what was stored
        monkeypatch.setattr(compiled_cache, "load", lambda *_, **__: b"no network")
    found = answers(tiny_model)
    assert len(compiled) == 2
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])
    assert "copy the model folder" not in caplog.text
    monkeypatch.undo()
    assert len(list(home.rglob("*"))) == 3, "the key, the folder and one network"


def test_a_network_that_cannot_be_kept_is_only_a_warning(tiny_model, home, monkeypatch, caplog):
    expected = answers(tiny_model)
    home.chmod(0o777)
    found = answers(tiny_model)
    assert "other users may write" in caplog.text
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])


def test_two_processes_may_start_at_once_and_one_may_be_killed(tiny_model, home):
    killed = start(tiny_model)
    both = [start(tiny_model) for _ in range(2)]
    killed.kill()
    killed.communicate()
    for process in both:
        assert (*process.communicate(timeout=120), process.returncode) == ("well\n", "", 0)
    third = start(tiny_model)
    assert (*third.communicate(timeout=120), third.returncode) == ("well\n", "", 0)
    assert len(list(home.rglob("*.blob"))) == 2


def test_a_cache_that_is_not_to_be_had_costs_one_warning_for_all_networks(tiny_model, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    process = start(tiny_model, PSG_CACHE=str(tmp_path / "link"))
    printed, errors = process.communicate(timeout=120)
    assert (printed, process.returncode) == ("well\n", 0)
    assert errors.count("\n") == 1 and "link is a link: networks are compiled again" in errors
