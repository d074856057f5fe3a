# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1: the maps of the teacher, their cache, and a student that learns them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

pytest.importorskip("diffusers")
pytest.importorskip("peft")

from tiny_spade import (
    T1,
    T1_TOKENS,
    T1_WIDTH,
    open_tiny_prompts,
    seeded,
    some_image,
    t1_models,
    t1_unet,
)

from psg_ros.network.spade.config import CalibrationConfig
from psg_ros.network.spade.frozen import FrozenModels
from psg_ros.network.spade.noise_levels import NoiseLevels
from psg_ros.training.spade.calibration import (
    Lesson,
    Teacher,
    calibrate,
    calibration_loss,
)
from psg_ros.training.spade.teacher_maps import MapCache, Prompt, read_prompt, teacher_maps

STEPS = 6
STAGE_1 = CalibrationConfig(
    inversion_steps=STEPS, map_size=8, warmup_steps=0, learning_rate=5e-3, lora_rank=4,
    lora_alpha=4.0, accumulate=4, epochs=20, weight_decay=0.0,
)  # fmt: skip


def models(settings: CalibrationConfig = STAGE_1) -> FrozenModels:
    return t1_models(dataclasses.replace(T1, calibration=settings))


def lessons(count: int = 4) -> list[Lesson]:
    found = []
    for seed in range(count):
        context = torch.randn(T1_TOKENS, T1_WIDTH, generator=seeded(100 + seed))
        content = torch.arange(T1_TOKENS) < 5
        prompt = Prompt(f"a is b {seed}", context, content)
        found.append(Lesson(some_image((48, 64), seed), prompt))
    return found


@pytest.mark.parametrize("sampler", ["belm", "ddim"])
@pytest.mark.parametrize("wanted", ["sampling_t_le_300", "all", "last", "inversion_last"])
def test_teacher_maps_share_every_cell_among_the_tokens(sampler: str, wanted: str) -> None:
    settings = dataclasses.replace(STAGE_1, teacher_sampler=sampler, teacher_maps=wanted)
    latent = torch.randn(2, 4, 8, 8, generator=seeded(1))
    context = torch.randn(2, T1_TOKENS, T1_WIDTH, generator=seeded(2))
    (maps,) = teacher_maps(t1_unet(), latent, context, NoiseLevels.of(STEPS), settings)
    assert maps.shape == (2, T1_TOKENS, 8, 8) and not maps.requires_grad
    torch.testing.assert_close(maps.sum(1), torch.ones(2, 8, 8))


def test_choices_of_steps_and_grids_differ() -> None:
    latent = torch.randn(1, 4, 8, 8, generator=seeded(1))
    context = torch.randn(1, T1_TOKENS, T1_WIDTH, generator=seeded(2))
    found = {
        wanted: teacher_maps(
            t1_unet(), latent, context, NoiseLevels.of(STEPS),
            dataclasses.replace(STAGE_1, teacher_maps=wanted),
        )[0]
        for wanted in ("sampling_t_le_300", "all", "last", "inversion_last")
    }  # fmt: skip
    names = list(found)
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            assert not found[one].equal(found[other]), (one, other)
    grids = dataclasses.replace(
        STAGE_1, map_merge="per_resolution", map_places=("down", "mid", "up")
    )
    maps = teacher_maps(t1_unet(), latent, context, NoiseLevels.of(STEPS), grids)
    assert [one.shape[-1] for one in maps] == [8, 4]


def test_the_loss_counts_words_alone_or_all_tokens() -> None:
    own, wanted = torch.zeros(1, 4, 2, 2), torch.zeros(1, 4, 2, 2)
    wanted[:, 0], wanted[:, 1] = 0.9, 0.4
    content = torch.tensor([[False, True, True, False]])
    assert calibration_loss((own,), (wanted,), content, "content") == pytest.approx(0.2)
    assert calibration_loss((own,), (wanted,), content, "all") == pytest.approx(1.3 / 4)
    assert calibration_loss((own,), (wanted,), content & False, "content") == 0


def cache_in(folder: Path, settings: CalibrationConfig = STAGE_1) -> MapCache:
    return MapCache(folder / "maps", settings, "tiny")


def test_the_student_learns_four_images_by_heart(tmp_path: Path) -> None:
    curve = calibrate(models(), lessons(), cache=cache_in(tmp_path))
    assert curve[-1] < 0.75 * curve[0]


def test_only_adapter_and_matrices_change(tmp_path: Path) -> None:
    network = models(dataclasses.replace(STAGE_1, epochs=2))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    calibrate(network, lessons(2), cache=cache_in(tmp_path))
    moved = {name for name, value in network.state_dict().items() if not value.equal(before[name])}
    assert moved and moved <= set(network.calibrated())


def test_the_teacher_is_the_unet_without_what_was_trained(tmp_path: Path) -> None:
    network, (lesson,) = models(), lessons(1)
    (plain,) = Teacher(network, cache_in(tmp_path / "before")).maps(lesson)
    for value in network.lora.values():
        value.data.normal_(generator=seeded(3))
    (later,) = Teacher(network, cache_in(tmp_path / "after")).maps(lesson)
    torch.testing.assert_close(later, plain)


def test_maps_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = Teacher(models(), cache_in(tmp_path))
    made = [teacher.maps(lesson) for lesson in lessons(2)]
    monkeypatch.setattr("psg_ros.training.spade.calibration.teacher_maps", None)
    for lesson, maps in zip(lessons(2), made, strict=True):
        torch.testing.assert_close(teacher.maps(lesson)[0], maps[0], atol=1e-3, rtol=1e-3)


def test_a_lesson_is_asked_for_when_it_is_needed_and_not_kept(tmp_path: Path) -> None:
    """Pictures, prompts and maps of a large data set do not fit into memory together."""

    class Asked(list):
        count = 0

        def __getitem__(self, index: int) -> Lesson:
            self.count += 1
            return super().__getitem__(index)

    asked = Asked(lessons(2))
    calibrate(models(dataclasses.replace(STAGE_1, epochs=3)), asked, cache=cache_in(tmp_path))
    assert asked.count == 3 * 2


def test_maps_of_other_settings_prompts_and_broken_files_are_not_taken(tmp_path: Path) -> None:
    image, maps = some_image((48, 64)), (torch.rand(1, 8, 4, 4), torch.rand(1, 8, 2, 2))
    cache = MapCache(tmp_path, STAGE_1, "tiny")
    cache.write(image, "a is b", maps)
    found = cache.read(image, "a is b")
    assert [one.shape for one in found] == [one.shape for one in maps]
    assert cache.read(image, "a is c") is None
    assert cache.read(255 - image, "a is b") is None
    other = dataclasses.replace(STAGE_1, inversion_steps=7)
    assert MapCache(tmp_path, other, "tiny").read(image, "a is b") is None
    assert MapCache(tmp_path, STAGE_1, "another").read(image, "a is b") is None
    # What only the student depends on.
    slower = dataclasses.replace(STAGE_1, learning_rate=1e-5)
    assert MapCache(tmp_path, slower, "tiny").read(image, "a is b") is not None
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:20])
    assert cache.read(image, "a is b") is None


def test_words_and_the_end_are_what_the_loss_sees(tmp_path: Path) -> None:
    tokenizer, tower = open_tiny_prompts(tmp_path)
    prompt = read_prompt("ab is on c", tokenizer, tower)
    assert prompt.context.shape == (77, 64)
    letters = len("abisonc")
    assert prompt.content.tolist() == [False] + [True] * (letters + 1) + [False] * (75 - letters)


def test_what_cannot_be_calibrated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one image"):
        calibrate(models(), [], cache=cache_in(tmp_path))
    with pytest.raises(ValueError, match="adapter linear has one token"):
        calibrate(
            models(dataclasses.replace(STAGE_1, adapter="linear")),
            lessons(1),
            cache=cache_in(tmp_path),
        )
