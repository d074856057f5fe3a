# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg evaluate, on a data set painted for a model whose answers can be foretold."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from absent_packages import hide
from tiny_model import COLORS, NUM_THINGS, PREDICATES, paint
from tiny_psg import change_json

from psg_ros.__main__ import main

BOXES = [
    {"red": (16, 16, 96, 96), "blue": (208, 32, 304, 128)},
    {"green": (16, 16, 96, 96), "red": (208, 32, 304, 128)},
]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Two pictures in PSG layout; in each the first box is left of the second."""
    names = list(COLORS)[:6]
    entries = [write_entry(tmp_path, index, boxes, names) for index, boxes in enumerate(BOXES)]
    content = {
        "thing_classes": names[:NUM_THINGS],
        "stuff_classes": names[NUM_THINGS:],
        "predicate_classes": list(PREDICATES),
        "test_image_ids": ["0", "1"],
        "data": entries,
    }
    (tmp_path / "psg.json").write_text(json.dumps(content))
    return tmp_path


def write_entry(folder: Path, index: int, boxes: dict, names: list[str]) -> dict:
    masks = np.zeros((240, 320, 3), np.uint8)
    infos = []
    for number, (name, (left, top, right, bottom)) in enumerate(boxes.items(), start=1):
        masks[top:bottom, left:right, 2] = number  # red is the lowest byte of an id
        infos.append({"id": number, "category_id": names.index(name), "iscrowd": 0})
    cv2.imwrite(str(folder / f"{index}_masks.png"), masks)
    cv2.imwrite(str(folder / f"{index}.png"), paint((240, 320), boxes)[..., ::-1])
    return {
        "image_id": str(index),
        "file_name": f"{index}.png",
        "pan_seg_file_name": f"{index}_masks.png",
        "height": 240,
        "width": 320,
        "segments_info": infos,
        "relations": [[0, 1, list(PREDICATES).index("left of")]],
    }


def test_a_model_that_finds_everything_gets_full_marks(
    dataset: Path, tiny_model: Path, capsys
) -> None:
    result, tables = dataset / "result.json", dataset / "result.md"
    arguments = ["evaluate", str(dataset), "--model", str(tiny_model)]
    assert main([*arguments, "--json", str(result), "--markdown", str(tables)]) == 0
    content = json.loads(result.read_text())
    assert (content["model"], content["split"], content["task"]) == ("tiny", "test", "SGDet")
    assert content["num_images"] == 2 and content["scores"]["R@20"] == 100
    assert content["scores"]["PQ"] > 80
    assert "| R@20 | 100.00 |" in tables.read_text()
    assert "R@20       100.00 %" in capsys.readouterr().out


def test_segments_of_any_size_are_judged_unless_told_otherwise(
    dataset: Path, tiny_model: Path, tmp_path: Path
) -> None:
    arguments = [str(dataset), "--model", str(tiny_model)]
    content = judge(arguments, tmp_path / "a.json")
    assert content["min_segment_area"] == "0.0" and content["scores"]["R@20"] == 100
    content = judge([*arguments, "--min-segment-area", "0.5"], tmp_path / "b.json")
    assert content["min_segment_area"] == "0.5" and content["scores"]["R@20"] == 0


def test_images_limits_the_work(dataset: Path, tiny_model: Path, capsys) -> None:
    assert main(["evaluate", str(dataset), "--model", str(tiny_model), "--images", "1"]) == 0
    assert "1 images of" in capsys.readouterr().out


def test_an_empty_split_is_refused(dataset: Path, tiny_model: Path, capsys) -> None:
    assert main(["evaluate", str(dataset), "--model", str(tiny_model), "--split", "val"]) == 2
    assert "no images in its val split" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_refused_first(dataset: Path, capsys) -> None:
    where = str(dataset / "absent" / "a.json")
    assert main(["evaluate", str(dataset), "--model", "none", "--json", where]) == 2
    assert "absent" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["file", "file/inside"])
def test_a_file_where_drawings_shall_go_is_refused_first(dataset: Path, capsys, name: str) -> None:
    (dataset / "file").write_text("")
    where = str(dataset / name)
    assert main(["evaluate", str(dataset), "--model", "none", "--worst", where]) == 2
    assert "file is a file; expected a folder" in capsys.readouterr().err


def test_predcls_judges_relations_on_true_masks(dataset: Path, tiny_model: Path) -> None:
    result = dataset / "result.json"
    arguments = ["evaluate", str(dataset), "--model", str(tiny_model), "--task", "predcls"]
    assert main([*arguments, "--json", str(result)]) == 0
    content = json.loads(result.read_text())
    assert content["task"] == "PredCls" and content["scores"]["R@20"] == 100
    assert "PQ" not in content["scores"]


def judge(arguments: list[str], file: Path) -> dict:
    """Run the command and return what it writes, without what may differ between equal runs."""
    assert main(["evaluate", *arguments, "--json", str(file)]) == 0
    content = json.loads(file.read_text(encoding="utf-8"))
    assert set(content.pop("run")) >= {"machine", "forward_s", "memory_mib"}
    return content


@pytest.mark.parametrize("task", ["sgdet", "predcls"])
def test_saved_results_are_judged_like_the_model_that_wrote_them(
    dataset: Path, tiny_model: Path, tmp_path: Path, task: str
) -> None:
    folder = tmp_path / "results"
    common = [str(dataset), "--multi-mpo", "--k", "1,20,pairs"]
    model = ["--model", str(tiny_model), "--task", task, "--save-results", str(folder)]
    first = judge([*common, *model], tmp_path / "model.json")
    second = judge([*common, "--results", str(folder)], tmp_path / "results.json")
    assert first == second
    assert {"R@1", "mNgR@20", "R@pairs"} <= set(first["scores"])
    assert first["multi_mpo"]["title"] == "MultiMPO, not comparable"
    assert set(first["multi_mpo"]["scores"]) == {"R@1", "R@20", "mR@1", "mR@20"}


def test_the_same_command_twice_writes_the_same_bytes_but_for_the_run(
    dataset: Path, tiny_model: Path, tmp_path: Path
) -> None:
    texts = []
    for name in ("first.json", "second.json"):
        arguments = ["evaluate", str(dataset), "--model", str(tiny_model)]
        assert main([*arguments, "--json", str(tmp_path / name)]) == 0
        text, run_block = (tmp_path / name).read_text().split('\n  "run": {')
        assert "forward_s" in run_block and "forward_s" not in text
        texts.append(text)
    assert texts[0] == texts[1]


def test_one_page_shows_it_all(dataset: Path, tiny_model: Path, tmp_path: Path, capsys) -> None:
    page, worst = tmp_path / "report.html", tmp_path / "worst"
    arguments = ["evaluate", str(dataset), "--model", str(tiny_model), "--html", str(page)]
    assert main([*arguments, "--worst", str(worst)]) == 0
    text = page.read_text()
    assert "tiny on " in text and "left of" in text
    assert "annotated: red left of #1 blue" in text, "the rank of the true predicate"
    assert text.count("data:image/jpeg;base64,") == 4  # two images, worst and best
    assert len(list(worst.glob("*.png"))) == 2
    assert "metrics and reading cost" in capsys.readouterr().out


def test_images_without_a_result_are_told_and_count_as_not_found(
    dataset: Path, tiny_model: Path, tmp_path: Path, capsys
) -> None:
    folder = tmp_path / "results"
    arguments = [str(dataset), "--model", str(tiny_model), "--images", "1"]
    first = judge([*arguments, "--save-results", str(folder)], tmp_path / "a.json")
    assert first["images"] == "the first 1 of 2"
    content = judge([str(dataset), "--results", str(folder)], tmp_path / "b.json")
    assert (content["num_images"], content["num_missing"]) == (2, 1)
    assert content["scores"]["R@20"] == 50
    assert "1 of 2 images have no prediction" in capsys.readouterr().err


def test_a_report_says_with_which_settings_it_was_made(
    dataset: Path, tiny_model: Path, tmp_path: Path
) -> None:
    settings = ["--score-threshold", "0.25", "--max-segments", "5", "--merge-resolution", "mask"]
    html, tables = tmp_path / "report.html", tmp_path / "report.md"
    files = ["--html", str(html), "--markdown", str(tables), "--precision", "fp32"]
    content = judge(
        [str(dataset), "--model", str(tiny_model), *settings, *files], tmp_path / "a.json"
    )
    said = {
        "score_threshold": "0.25", "max_segments": "5", "merge_resolution": "mask",
        "precision": "fp32", "images": "all 2", "broken_images": "0", "unlabelled_images": "0",
    }  # fmt: skip
    for name, value in said.items():
        assert content[name] == value
        assert f"- {name}: {value}\n" in tables.read_text()
        assert f"<th>{name}</th><td><code>{value}</code>" in html.read_text()


def test_evaluation_merges_at_image_size_in_fp32_and_every_report_says_so(
    dataset: Path, tiny_model: Path, tmp_path: Path, capsys
) -> None:
    html, tables = tmp_path / "report.html", tmp_path / "report.md"
    files = ["--html", str(html), "--markdown", str(tables)]
    content = judge([str(dataset), "--model", str(tiny_model), *files], tmp_path / "a.json")
    said = {"merge_resolution": "image", "precision": "fp32", "scaling": "area"}
    assert said.items() <= content.items()
    for name, value in said.items():
        assert f"- {name}: {value}\n" in tables.read_text()
        assert f"<th>{name}</th><td><code>{value}</code>" in html.read_text()
    line = "masks merged at image, arithmetic fp32, image scaling area"
    assert line in capsys.readouterr().out and line in html.read_text()


def test_what_a_pipeline_file_leaves_out_has_the_defaults_of_evaluation(
    dataset: Path, tiny_model: Path, tmp_path: Path
) -> None:
    file = tmp_path / "fast.yaml"
    arguments = [str(dataset), "--model", str(tiny_model), "--pipeline", str(file)]
    file.write_text("merge_resolution: input\n")
    content = judge(arguments, tmp_path / "a.json")
    assert (content["merge_resolution"], content["precision"]) == ("input", "fp32")
    file.write_text("threads: 1\n")
    content = judge([*arguments, "--precision", "auto"], tmp_path / "b.json")
    assert content["merge_resolution"] == "image"
    assert content["precision"] in ("bf16", "fp32"), "resolved: what the processor has"


def test_settings_that_a_results_folder_does_not_tell_are_named_all_the_same(
    dataset: Path, results: Path, tmp_path: Path, capsys
) -> None:
    change_json(results / "results.json", lambda c: c.update(model={"name": "other"}))
    content = judge([str(dataset), "--results", str(results)], tmp_path / "a.json")
    assert (content["merge_resolution"], content["precision"]) == ("not said", "not said")
    assert "masks merged at not said, arithmetic not said" in capsys.readouterr().out


def test_a_report_counts_the_images_that_it_lacks(
    dataset: Path, tiny_model: Path, tmp_path: Path, capsys
) -> None:
    (dataset / "1.png").write_bytes(b"no picture")
    change_json(dataset / "psg.json", lambda c: c["test_image_ids"].append("elsewhere"))
    html = tmp_path / "report.html"
    options = ["--partial", "--skip-broken", "--html", str(html)]
    content = judge([str(dataset), "--model", str(tiny_model), *options], tmp_path / "a.json")
    assert (content["num_images"], content["images"]) == (1, "1 of 3")
    assert (content["broken_images"], content["unlabelled_images"]) == ("1", "1")
    told = "Images left out: 1 broken, 1 without labels. Not a result to compare."
    assert told in html.read_text() and told in capsys.readouterr().out


def test_open_set_figures_stand_in_every_output(
    dataset: Path, tiny_model: Path, tmp_path: Path, capsys
) -> None:
    html, tables = tmp_path / "report.html", tmp_path / "report.md"
    files = ["--html", str(html), "--markdown", str(tables), "--k", "20,50"]
    arguments = [str(dataset), "--model", str(tiny_model), "--open-set", "ovr", *files]
    content = judge(arguments, tmp_path / "a.json")
    views = content["open_set"]
    assert views["protocol"] == "ovr" and set(views["scores"]) == set(views["images"])
    assert views["scores"]["all"]["R@20"] == content["scores"]["R@20"]
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("all  "))
    assert line.split()[:3] == ["all", "R", str(views["images"]["all"])]
    for file in (html, tables):
        text = file.read_text(encoding="utf-8")
        assert "Open set, protocol ovr" in text and "novel predicate" in text


@pytest.fixture
def results(dataset: Path, tiny_model: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    arguments = ["evaluate", str(dataset), "--model", str(tiny_model)]
    assert main([*arguments, "--save-results", str(folder)]) == 0
    return folder


def test_results_of_another_data_set_are_no_bad_method(
    dataset: Path, results: Path, capsys
) -> None:
    file = results / "results.json"
    file.write_text(file.read_text().replace('"image_id": "', '"image_id": "other'))
    assert main(["evaluate", str(dataset), "--results", str(results)]) == 2
    assert "no prediction for any image" in capsys.readouterr().err


def test_results_of_other_annotations_of_the_same_ids_are_refused(
    dataset: Path, results: Path, capsys
) -> None:
    change_json(dataset / "psg.json", lambda c: c["data"][0].update(relations=[]))
    assert main(["evaluate", str(dataset), "--results", str(results)]) == 2
    assert "results.json is of other data (2 images" in capsys.readouterr().err


def test_results_of_images_that_the_data_set_lacks_are_told(
    dataset: Path, results: Path, capsys
) -> None:
    def foreign(content: dict) -> None:
        del content["data"]
        content["images"] += [{**content["images"][0], "image_id": name} for name in ("z", "y")]

    change_json(results / "results.json", foreign)
    assert main(["evaluate", str(dataset), "--results", str(results)]) == 0
    said = capsys.readouterr().err
    assert "2 entries of" in said and "no such images: y, z\n" in said


def test_results_are_reported_without_the_photos_and_the_pictures_say_so(
    dataset: Path, results: Path, tmp_path: Path, capsys
) -> None:
    for name in ("0.png", "1.png"):
        (dataset / name).unlink()
    out = tmp_path / "out"
    out.mkdir()
    options = ["--html", str(out / "a.html"), "--worst", str(out / "worst")]
    assert main(["evaluate", str(dataset), "--results", str(results), *options]) == 0
    assert (out / "a.html").read_text().count("drawn without the photo: image ") == 4
    assert len(list((out / "worst").glob("*.png"))) == 2
    assert "2 of 2 drawings in" in capsys.readouterr().err


def test_figures_are_written_before_anything_is_drawn(
    dataset: Path, results: Path, tmp_path: Path, capsys, monkeypatch
) -> None:
    def fail(*args: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("psg_ros.cli.judging.write_page", fail)
    monkeypatch.setattr("psg_ros.cli.judging.write_worst", fail)
    files = [tmp_path / "a.json", tmp_path / "a.md"]
    options = ["--json", str(files[0]), "--markdown", str(files[1])]
    options += ["--html", str(tmp_path / "a.html"), "--worst", str(tmp_path / "worst")]
    assert main(["evaluate", str(dataset), "--results", str(results), *options]) == 1
    assert "disk full" in capsys.readouterr().err
    assert all(file.is_file() for file in files)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--model", "demo"], "leave --model out"),
        (["--max-segments", "9"], "leave --max-segments out"),
        (["--save-results", "again"], "leave --save-results out"),
        (["--task", "predcls"], "is of the task SGDet, not PredCls"),
    ],
)
def test_results_leave_nothing_to_run(
    dataset: Path, results: Path, capsys, option: list[str], message: str
) -> None:
    assert main(["evaluate", str(dataset), "--results", str(results), *option]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "demo"], "leave --model out"),
        (["--backend", "auto"], "leave --backend out"),
        (["--pipeline", "settings.yaml"], "leave --threads out"),
        (["--results", "some"], "--results judges a folder and runs no model; leave --run out"),
    ],
    ids=str,
)
def test_a_run_is_opened_by_nothing_else(
    dataset: Path, tmp_path: Path, monkeypatch, capsys, options: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.yaml").write_text("threads: 1\nscore_threshold: 0.5")
    assert main(["evaluate", str(dataset), "--run", "runs/mine", *options]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "demo", "--backend", "openvino", "--device", "cuda"], "not on cuda"),
        (["--run", "runs/mine", "--device", "gpu"], "torch runs on cpu or cuda, not on gpu"),
        (["--run", "runs/mine", "--device", "cuda:x"], "device must be one of auto, cpu"),
        (["--results", "somewhere", "--device", "cpu"], "leave --device out"),
    ],
    ids=str,
)
def test_a_device_that_cannot_be_is_refused(
    dataset: Path, capsys, options: list[str], message: str
) -> None:
    assert main(["evaluate", str(dataset), *options]) == 2
    assert message in capsys.readouterr().err


def test_without_torch_a_run_names_the_extra(dataset: Path, capsys, monkeypatch) -> None:
    hide(monkeypatch, "torch", "psg_ros.training", "psg_ros.network")
    assert main(["evaluate", str(dataset), "--run", "runs/mine"]) == 1
    assert "pip install '.[train]'" in capsys.readouterr().err


def test_a_model_is_judged_without_torch(dataset: Path, tiny_model: Path, monkeypatch) -> None:
    hide(monkeypatch, "torch")
    assert main(["evaluate", str(dataset), "--model", str(tiny_model)]) == 0


def test_results_never_overwrite(dataset: Path, tiny_model: Path, results: Path, capsys) -> None:
    arguments = ["evaluate", str(dataset), "--model", str(tiny_model)]
    assert main([*arguments, "--save-results", str(results)]) == 2
    assert "need a folder of their own" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["0", "many", "20,", "-1"])
def test_a_depth_is_a_count_or_pairs(dataset: Path, capsys, text: str) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", str(dataset), f"--k={text}"])
    assert "--k" in capsys.readouterr().err


def test_broken_pictures_are_refused_or_left_out_with_a_count(
    dataset: Path, tiny_model: Path, capsys
) -> None:
    (dataset / "1.png").write_bytes(b"no picture")
    command = ["evaluate", str(dataset), "--model", str(tiny_model)]
    assert main(command) == 2
    assert "1.png" in capsys.readouterr().err
    assert main([*command, "--skip-broken"]) == 0
    printed = capsys.readouterr()
    assert "1 broken images are left out, the first: image 1" in printed.err
    assert "1 images of" in printed.out
