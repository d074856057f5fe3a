# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SPADE in the process that stands beside a node."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("diffusers")
pytest.importorskip("peft")

from tiny_spade import some_image, tiny_network, write_public_models

from psg_ros.network.spade.frozen import open_frozen_models
from psg_ros.network.spade.stage import save_stage
from psg_ros.robot.slow_stage.process import Answer, Question, StageEnded, StageProcess
from psg_ros.spade_config import SPADE_MODULE, TrainedWords, trained_predicates

IMAGE = some_image()[0].permute(1, 2, 0).numpy()
LABEL_MAP = np.repeat(np.arange(-1, 3, dtype=np.int32), 32)[None].repeat(96, 0)


def ask(process: StageProcess, question: Question) -> Answer:
    return process.ask(question, 600.0)


@pytest.mark.slow
def test_a_saved_stage_answers_from_its_process(tmp_path: Path) -> None:
    config = write_public_models(tmp_path)
    folder = tmp_path / "stage"
    trained = TrainedWords(("cup",), ("on", "holding"))
    save_stage(folder, open_frozen_models(config), tiny_network(config), trained)
    assert trained_predicates(folder) == ("on", "holding")
    process = StageProcess(["-m", SPADE_MODULE, str(folder)])
    try:
        answer = ask(process, Question(IMAGE, LABEL_MAP, 3, ("on", "holding")))
        assert len(answer.pairs) > 0 and answer.scores.shape == (len(answer.pairs), 2)
        assert ((answer.scores >= 0) & (answer.scores <= 1)).all()
        assert ask(process, Question(IMAGE, LABEL_MAP, 3, ("lying on",))).scores.shape[1] == 1
        assert len(ask(process, Question(IMAGE, LABEL_MAP * 0 - 1, 0, ("on",))).pairs) == 0
    finally:
        process.close()


@pytest.mark.slow
def test_a_folder_that_is_not_there_is_named() -> None:
    process = StageProcess(["-m", SPADE_MODULE, "/nowhere"])
    with pytest.raises(StageEnded, match="nowhere.*spade.yaml"):
        ask(process, Question(IMAGE, LABEL_MAP, 3, ("on",)))
    process.close()
