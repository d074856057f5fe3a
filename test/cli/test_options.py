# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Options derived from configuration dataclasses."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import pytest

from psg_ros.cli import options
from psg_ros.config import EvaluationConfig, PipelineConfig


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    options.add_pipeline_options(parser)
    return parser.parse_args(arguments)


def test_without_options_the_defaults_of_the_dataclass_hold() -> None:
    assert options.pipeline_config(parse()) == PipelineConfig()


def test_every_field_is_an_option_whose_help_gives_range_and_default() -> None:
    parser = argparse.ArgumentParser()
    options.add_pipeline_options(parser)
    text = " ".join(parser.format_help().split())
    for field in dataclasses.fields(PipelineConfig):
        assert f"--{field.name.replace('_', '-')}" in text
        if not isinstance(field.default, bool | tuple):
            assert f"(default: {field.default})" in text
    assert "SUPPRESS" not in text
    assert "within the limits of a container; 0 to 256 (default: 0)" in text


def test_the_help_shows_defaults_as_a_user_would_write_them() -> None:
    parser = argparse.ArgumentParser()
    options.add_pipeline_options(parser)
    helps = {action.dest: action.help or "" for action in parser._actions}
    assert helps["track"].endswith("(default: yes)")
    assert helps["classes"].endswith("(default: empty)")
    assert helps["region"].endswith("(default: 0,0,1,1)")


def test_a_switch_is_an_option_that_can_be_turned_on_and_off() -> None:
    assert options.pipeline_config(parse("--no-track")).track is False
    assert options.pipeline_config(parse("--track"), EvaluationConfig).track is True
    assert options.pipeline_config(parse(), EvaluationConfig).track is False


def test_a_command_with_other_defaults_keeps_them_unless_a_file_or_an_option_says_more(
    tmp_path: Path,
) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("max_relations: 7\n")
    config = options.pipeline_config(parse("--pipeline", str(file)), EvaluationConfig)
    assert config == EvaluationConfig(max_relations=7) and config.min_segment_area == 0
    config = options.pipeline_config(parse("--min-segment-area", "0.1"), EvaluationConfig)
    assert config.min_segment_area == 0.1


def test_options_win_over_the_file_which_wins_over_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("model: a\nmax_relations: 7\n")
    config = options.pipeline_config(parse("--pipeline", str(file), "--model", "b"))
    assert config == PipelineConfig(model="b", max_relations=7)


def test_an_option_at_its_default_value_still_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("max_relations: 7\n")
    config = options.pipeline_config(parse("--pipeline", str(file), "--max-relations", "100"))
    assert config.max_relations == 100


def test_a_value_out_of_range_is_refused_with_the_range() -> None:
    with pytest.raises(ValueError, match=r"score_threshold must lie in 0.0 .. 1.0 or be -1.0"):
        options.pipeline_config(parse("--score-threshold", "2"))


def test_an_unknown_key_of_the_file_is_refused_with_the_nearest(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("modle: a\n")
    with pytest.raises(ValueError, match="did you mean 'model'"):
        options.pipeline_config(parse("--pipeline", str(file)))


@pytest.mark.parametrize("text", ["640", "640x", "8x8", "640x480x3", "axb", "640x99999"])
def test_a_size_must_look_like_one(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="640x480"):
        options.size_wh(text)


def test_numbers_have_ranges() -> None:
    assert options.size_wh("640X480") == (640, 480)
    assert (options.count("0"), options.positive_int("1"), options.positive_float("0.5")) == (
        0,
        1,
        0.5,
    )
    for kind, text in (
        (options.count, "-1"),
        (options.positive_int, "0"),
        (options.positive_float, "0"),
        (options.positive_float, "inf"),
        (options.positive_float, "nan"),
        (options.share, "1.1"),
        (options.share, "1.1"),
    ):
        with pytest.raises(argparse.ArgumentTypeError):
            kind(text)


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (options.positive_int, "a whole number"),
        (options.count, "a whole number"),
        (options.positive_float, "a number"),
        (options.share, "a number"),
    ],
)
def test_what_is_no_number_is_refused_in_words(kind, what: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f"must be {what}, not 'x'"):
        kind("x")


def test_lists_are_one_word_with_commas_and_leave_the_next_word_alone() -> None:
    words = ["--classes", "cup, dining table", "--pairs", "cup - anything", "--region", "0,0,.5,1"]
    config = options.pipeline_config(parse(*words))
    assert config.classes == ("cup", "dining table") and config.pairs == ("cup - anything",)
    assert config.region == (0.0, 0.0, 0.5, 1.0)
    assert options.pipeline_config(parse("--classes", "")).classes == ()


def test_what_is_no_list_of_numbers_is_refused_with_an_example(capsys) -> None:
    with pytest.raises(SystemExit):
        parse("--region", "0,0,half,1")
    assert "--region: must be numbers with commas between them" in capsys.readouterr().err


def test_a_file_has_lists_as_yaml_writes_them(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text("classes: [cup, wall]\nregion: [0, 0, 0.5, 1]\n")
    config = options.pipeline_config(parse("--pipeline", str(file)))
    assert config.classes == ("cup", "wall") and config.region == (0.0, 0.0, 0.5, 1.0)


def test_the_default_model_is_named_with_what_it_knows_and_a_chosen_one_is_not(capsys) -> None:
    options.say_default_model(parse("--model", "photo"))
    assert capsys.readouterr().err == ""
    options.say_default_model(parse())
    assert capsys.readouterr().err == (
        "model demo, which knows the simulated world only; for real rooms: --model photo\n"
    )


@pytest.mark.parametrize("text", [".", "./", "../rooms", "/data/../rooms/", "rooms"])
def test_the_name_of_a_folder_is_known_however_it_is_written(text, tmp_path, monkeypatch) -> None:
    (tmp_path / "rooms").mkdir()
    monkeypatch.chdir(tmp_path / "rooms")
    assert options.last_name(text) == options.last_name(Path(text)) == "rooms"
