# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A network and a data set so small that a step of training takes milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tiny_networks import NETWORKS, PHASES_HW
from tiny_psg import COLORS, PREDICATES, STUFF, THINGS, write_tiny_psg
from torch_runs import SEEDS

from psg_ros import labels as labels_module
from psg_ros.setting_files import load_config
from psg_ros.training import network, release, train
from psg_ros.training.checkpoint import save_weights
from psg_ros.training.config import TrainConfig
from psg_ros.training.relations import relations
from psg_ros.training.segmenter import segmentation, segmentation_run

SEGMENTATION = {
    "batch_size": 2,
    "warmup_samples": 4,
    "min_segment_px": 4,
}

RELATIONS = {"epochs": 2, "images_per_step": 3, "workers": 0, "negatives_per_positive": 0.5}


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Keep sums in one order: equal runs must be equal to the last bit."""
    torch.set_num_threads(1)


@pytest.fixture
def real_curves() -> None:
    """For a test whose trainings draw their curves; see `no_curves`."""


@pytest.fixture(autouse=True)
def no_curves(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put empty files in place of the pictures of curves, half the time of a small training."""
    if "real_curves" not in request.fixturenames:
        for module in (segmentation, relations):
            monkeypatch.setattr(module, "plot_curves", lambda history, x_axis, out: out.touch())


@pytest.fixture(scope="session")
def tiny_psg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in PSG layout: five images to train with, one to test. Do not change it."""
    return write_tiny_psg(tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture
def tiny_network(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The sizes of the network `tiny`, as its YAML file has them; see `tiny_networks`."""
    return NETWORKS[getattr(request, "param", "eomt")]


@pytest.fixture
def tiny_share(
    tmp_path: Path, tiny_network: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A share folder with network and labels `tiny`, in place of the package's own."""
    share = tmp_path / "share"
    labels = {
        "things": [named(name) for name in THINGS],
        "stuff": [named(name) for name in STUFF],
        "predicates": [{"name": name} for name in PREDICATES],
    }
    for kind, content in (("model", tiny_network), ("labels", labels)):
        file = share / "config" / kind / "tiny.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(yaml.safe_dump(content))
    for module in (labels_module, network, release):
        monkeypatch.setattr(module, "share_path", lambda: share)
    return share


def named(name: str) -> dict[str, str]:
    return {"name": name, "color": f"#{bytes(COLORS[name]).hex()}"}


@pytest.fixture
def write_config(
    tmp_path: Path, tiny_network: dict[str, Any], tiny_share: Path, tiny_psg: Path
) -> Callable[..., Path]:
    """A function that writes a training config of differences from a tiny one."""
    sizes_hw = PHASES_HW[tiny_network["segmenter"].get("type", "eomt")]
    phases = [{"input_hw": size_hw, "samples": 6} for size_hw in sizes_hw]

    def write(name: str = "run", **changes: Any) -> Path:
        content = {
            "model": "tiny",
            "labels": "tiny",
            "data": str(tiny_psg),
            "out": str(tmp_path / name),
            "segmentation": {"phases": phases, **SEGMENTATION, **changes.pop("segmentation", {})},
            "relations": {**RELATIONS, **changes.pop("relations", {})},
            **changes,
        }
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write


@pytest.fixture
def interrupt() -> Callable[..., AbstractContextManager[None]]:
    """A context in which a training is stopped before the step of which a condition holds."""

    @contextmanager
    def stopped(run: Any, condition: Callable[[Any], bool]) -> Iterator[None]:
        real = run.step

        def step(self: Any, *arguments: Any) -> Any:
            if condition(self):
                raise KeyboardInterrupt
            return real(self, *arguments)

        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(run, "step", step)
            yield

    return stopped


@pytest.fixture
def write_run(write_config, tiny_share: Path, tiny_network: dict) -> Callable[..., Path]:
    """A function that writes a finished run with random weights and settings of its relations."""

    def write(**settings: Any) -> Path:
        network = {**tiny_network, "relations": {**tiny_network["relations"], **settings}}
        (tiny_share / "config" / "model" / "tiny.yaml").write_text(yaml.safe_dump(network))
        config_path = write_config()
        config = load_config(TrainConfig, config_path)
        torch.manual_seed(SEEDS[tiny_network["segmenter"].get("type", "eomt")])
        model = train.build_model(config, train.vocabulary_of(config))
        folder = Path(config.out)
        save_weights(model.segmenter.state_dict(), folder / segmentation_run.WEIGHTS)
        save_weights(model.relations.state_dict(), folder / relations.WEIGHTS)
        (folder / train.CONFIG_COPY).write_text(config_path.read_text())
        return folder

    return write
