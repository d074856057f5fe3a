# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg models: every entry of the table from a server on the loopback, and all that can go wrong."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

torch = pytest.importorskip("torch")
pytest.importorskip("huggingface_hub")

from eomt_checkpoints import lightly_train_checkpoint, small_config, small_weights  # noqa: E402
from picture_bytes import jpeg  # noqa: E402
from public_files import NAMES, as_bytes, place, publish, small_files  # noqa: E402
from public_server import PublicServer, isolate, point_at, serving  # noqa: E402
from tiny_model import write_tiny_model  # noqa: E402

from psg_ros.__main__ import main  # noqa: E402
from psg_ros.fetching import get as get_module  # noqa: E402
from psg_ros.fetching import shelf as shelf_module  # noqa: E402
from psg_ros.fetching import web  # noqa: E402
from psg_ros.public_models import load_table  # noqa: E402
from psg_ros.robot.manifest import find_model, load_model_folder  # noqa: E402
from psg_ros.training import adopted  # noqa: E402

Get = Callable[..., int]
LIGHTLY, ON_HUB, TWO_FILES = "lightly_t", "eomt_dinov2_s", "eomt_dinov3_s"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return isolate(monkeypatch, tmp_path)


@pytest.fixture
def server(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PublicServer]:
    with serving() as running:
        point_at(monkeypatch, running.url)
        yield running


@pytest.fixture
def table(server: PublicServer, tmp_path: Path) -> Path:
    return publish(server, tmp_path)


@pytest.fixture
def get(table: Path, monkeypatch: pytest.MonkeyPatch) -> Get:
    """`psg models get`, its export replaced by one that takes no time: it has a test of its own."""

    def export(converted: object, out: Path, labels: str) -> None:
        write_tiny_model(out)

    monkeypatch.setattr(adopted, "export_segments", export)
    return lambda *words: main(["models", "get", *words, "--table", str(table), "--accept-licence"])


def entry(table: Path, name: str) -> dict:
    return yaml.safe_load(table.read_text(encoding="utf-8"))["models"][name]


def origin(shelf: Path, name: str) -> dict:
    return yaml.safe_load((shelf / name / "origin.yaml").read_text())


def is_clean(shelf: Path, name: str) -> bool:
    """Say whether neither a model nor anything under way is there."""
    return not (shelf / name).exists() and not list((shelf / ".fetching" / name).rglob("*.p*"))


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_is_fetched_verified_and_converted(name, get, shelf, table, capsys):
    assert get(name) == 0, capsys.readouterr().err
    printed = capsys.readouterr()
    assert f"psg predict IMAGE --model {name}" in printed.out
    assert "133 labels" in printed.err
    files = origin(shelf, name)["files"]
    told = ["table" if "lightly" in name else "hub"] + ["nobody"] * ("dinov3_" in name)
    assert [file["digest_told_by"] for file in files] == told
    assert all(file["sha256"] in printed.err for file in files)
    assert find_model(name) == (shelf / name).resolve()
    assert not (shelf / ".fetching" / name).exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the exporter's own
@pytest.mark.parametrize("name", [LIGHTLY, TWO_FILES])
def test_the_model_works(name, table, shelf, tmp_path):
    words = ["models", "get", name, "--table", str(table), "--accept-licence"]
    assert main([*words, "--run", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run" / "segmenter.safetensors").is_file()
    manifest = load_model_folder(name).manifest
    scaling = "lightly_train" if name == LIGHTLY else "eomt"
    assert (manifest.name, manifest.form, manifest.scaling) == (name, "segmenter_only", scaling)
    picture, graph = tmp_path / "photo.jpg", tmp_path / "graph.json"
    picture.write_bytes(jpeg())
    everything = ["--score-threshold", "0", "--overlap-threshold", "0", "--threads", "1"]
    assert main(["predict", str(picture), "--model", name, "--json", str(graph), *everything]) == 0
    assert json.loads(graph.read_text())["model"] == name


@pytest.mark.parametrize("name", [LIGHTLY, ON_HUB, TWO_FILES])
def test_a_cut_is_resumed_by_the_next_get(name, get, server, shelf, table, capsys):
    server.cut_after = [5000, *[0] * web.ATTEMPTS]
    assert get(name) == 1
    error = capsys.readouterr().err
    assert "are kept, the same command goes on from there" in error
    assert find_nothing(name)
    server.cut_after, server.requests = [], []
    assert get(name) == 0
    assert server.downloads(place(entry(table, name)["weights"]))[-1] == "bytes=5000-"


def find_nothing(name: str) -> bool:
    with pytest.raises(FileNotFoundError, match=f"psg models get {name}"):
        find_model(name)
    return True


def test_a_wrong_digest_in_the_table_refuses_the_file(get, server, shelf, table, capsys):
    server.files[place(entry(table, LIGHTLY)["weights"])] += b"damage"
    assert get(LIGHTLY) == 2
    error = capsys.readouterr().err
    assert "is damaged, or another file" in error and "the table says" in error
    assert is_clean(shelf, LIGHTLY) and find_nothing(LIGHTLY)


def test_a_wrong_digest_of_the_hub_refuses_the_file(get, server, shelf, capsys):
    server.digest = "0" * 64
    assert get(ON_HUB) == 2
    assert f"the hub says {'0' * 64}" in capsys.readouterr().err
    assert is_clean(shelf, ON_HUB) and find_nothing(ON_HUB)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no checkpoint at all", "is damaged or was not written by torch.save"),
        (as_bytes({"a.weight": torch.zeros(1)}), "is not a checkpoint of a segmenter"),
        (small_files()["dinov3"], "hold.*differences|leave --backbone|Give --backbone"),
        (as_bytes(lightly_train_checkpoint(
            {n: t[:3] if n == "class_head.bias" else t for n, t in small_weights("DINOv3").items()},
            small_config("DINOv3"))), "of another shape: class_head.bias"),
    ],
    ids=["noise", "foreign", "differences", "cut off"],
)  # fmt: skip
def test_a_wrong_layout_is_refused(content, said, get, server, shelf, table, capsys):
    server.files[place(entry(table, ON_HUB)["weights"])] = content
    assert get(ON_HUB) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("psg models: error: ")
    assert re.search(said, error)
    assert is_clean(shelf, ON_HUB) and find_nothing(ON_HUB)


def test_another_network_than_the_table_says_is_refused(get, server, shelf, table, capsys):
    content = yaml.safe_load(table.read_text())
    content["models"][ON_HUB]["parameters_m"] = 24.0
    table.write_text(yaml.safe_dump(content))
    assert get(ON_HUB) == 2
    assert "million parameters, expected 24.0" in capsys.readouterr().err
    assert find_nothing(ON_HUB)


def test_a_pickle_that_would_run_code_is_refused(get, server, shelf, table, tmp_path, capsys):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    server.files[place(entry(table, ON_HUB)["weights"])] = as_bytes({"state_dict": {"a": Trap()}})
    assert get(ON_HUB) == 2
    assert "could run foreign code" in capsys.readouterr().err
    assert not (tmp_path / "executed").exists() and is_clean(shelf, ON_HUB)


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_fills_up_in_the_export_keeps_the_download(
    get, server, shelf, table, monkeypatch, capsys
):
    with monkeypatch.context() as patch:
        patch.setattr(adopted, "export_segments", full)
        assert get(LIGHTLY) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert find_nothing(LIGHTLY)
    server.requests.clear()
    assert get(LIGHTLY) == 0
    assert server.requests == [], "the download was kept"


def test_a_disk_that_fills_up_in_the_download_is_told(get, shelf, monkeypatch, capsys):
    class FullDisk(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    opened = Path.open
    monkeypatch.setattr(
        Path, "open", lambda self, mode="r", *a, **k:
        FullDisk() if (self.suffix, mode) == (".part", "ab") else opened(self, mode, *a, **k),
    )  # fmt: skip
    assert get(ON_HUB) == 1
    assert "No space left on device in" in capsys.readouterr().err
    assert find_nothing(ON_HUB)


@pytest.mark.parametrize("name", [LIGHTLY, ON_HUB, TWO_FILES])
def test_without_a_network_one_line_says_how_to_go_on(name, table, shelf, monkeypatch, capsys):
    point_at(monkeypatch, "http://127.0.0.1:9")
    content = yaml.safe_load(table.read_text())
    content["places"] = dict.fromkeys(content["places"], "http://127.0.0.1:9")
    table.write_text(yaml.safe_dump(content))
    assert main(["models", "get", name, "--table", str(table), "--accept-licence"]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert "127.0.0.1:9" in error and f"then: psg models get {name} --file " in error
    assert error.count("http://127.0.0.1:9/") == len(
        [key for key in ("weights", "backbone") if key in entry(table, name)]
    )


def by_hand(table: Path, server: PublicServer, name: str, folder: Path) -> list[str]:
    options = []
    for key, option in (("weights", "--file"), ("backbone", "--backbone")):
        if key in entry(table, name):
            path = folder / Path(place(entry(table, name)[key])).name
            path.write_bytes(server.files[place(entry(table, name)[key])])
            options += [option, str(path)]
    return options


@pytest.mark.parametrize("name", [LIGHTLY, ON_HUB, TWO_FILES])
def test_files_fetched_by_hand_need_no_server(name, get, server, table, shelf, tmp_path):
    options = by_hand(table, server, name, tmp_path)
    server.requests.clear()
    assert get(name, *options) == 0
    assert server.requests == []
    assert find_model(name)
    assert all(Path(option).is_file() for option in options[1::2]), "they are the user's"


def test_a_file_fetched_by_hand_is_verified_too(get, server, table, shelf, tmp_path, capsys):
    option, path = by_hand(table, server, LIGHTLY, tmp_path)
    Path(path).write_bytes(Path(path).read_bytes() + b"damage")
    assert get(LIGHTLY, option, path) == 2
    assert "the table says" in capsys.readouterr().err
    assert Path(path).is_file() and find_nothing(LIGHTLY)


def test_a_missing_file_is_named(get, shelf, capsys):
    assert get(LIGHTLY, "--file", "not/there.pt") == 2
    assert "No such file or directory: not/there.pt" in capsys.readouterr().err


def test_a_backbone_for_a_whole_model_is_refused(get, capsys):
    assert get(LIGHTLY, "--backbone", "x.pth") == 2
    assert "lightly_t is whole without --backbone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "GatedRepo", "behind a gate: agree to its terms on .*tue-mps.*hf auth login"),
        (401, "RepoNotFound", "gone, or private"),
        (404, "EntryNotFound", "has no pytorch_model.bin"),
        (500, "", "no answer from 127.0.0.1"),
    ],
)
def test_what_the_hub_does_not_give_says_what_helps(status, code, said, get, server, table, capsys):
    file = entry(table, ON_HUB)["weights"]
    path = f"/{file['repository']}/resolve/main/pytorch_model.bin"
    server.statuses[path] = (status, {"X-Error-Code": code})
    assert get(ON_HUB) != 0
    error = capsys.readouterr().err.splitlines()[-1]
    assert re.search(said, error) and "by other means, then: psg models get" in error
    assert find_nothing(ON_HUB)


def test_the_token_goes_to_the_hub_and_to_no_store(get, server, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with serving() as store:
        store.files = server.files
        elsewhere = store.url

        def redirect_elsewhere(name: str) -> None:
            repository = "tue-mps/coco_panoptic_eomt_small_640_2x"
            digest = {"X-Linked-Etag": '"' + "0" * 40 + '"', "X-Linked-Size": "1",
                      "X-Repo-Commit": "0" * 40}  # fmt: skip
            location = {"Location": f"{elsewhere}/{repository}/pytorch_model.bin"}
            server.statuses[f"/{repository}/resolve/main/{name}"] = (302, location | digest)

        redirect_elsewhere("pytorch_model.bin")
        assert get(ON_HUB) == 0
        assert {found[3] for found in server.requests} == {"Bearer hf_secret"}
        assert {found[3] for found in store.requests} == {""}


def test_the_second_address_counts_where_the_first_has_nothing(get, server, table):
    paths = [f"/{path}" for path in entry(table, LIGHTLY)["weights"]["paths"]]
    server.statuses[paths[0]] = (403, {})  # as a store answers that does not list its files
    assert get(LIGHTLY) == 0
    assert [found[1] for found in server.requests] == paths


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("YES\n", 0), ("\n", 1), ("", 1)])
def test_a_licence_that_binds_is_asked_about(answer, status, get, table, monkeypatch, capsys):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert main(["models", "get", LIGHTLY, "--table", str(table)]) == status
    error = capsys.readouterr().err
    assert "Do you accept the DINOv3 licence? [y/N]" in error
    assert ("nothing was fetched" in error) == bool(status)


def test_where_nobody_can_be_asked_the_option_is_named(table, shelf, monkeypatch, server, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert main(["models", "get", LIGHTLY, "--table", str(table)]) == 2
    assert "needs your consent to the DINOv3 licence: add --accept-licence" in (
        capsys.readouterr().err
    )
    assert server.requests == [] and not shelf.exists()


def test_a_licence_that_only_permits_is_shown(get, table, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert main(["models", "get", ON_HUB, "--table", str(table)]) == 0
    assert "licence: MIT, https://" in capsys.readouterr().err


def test_two_gets_at_once_do_not_meet(get, shelf, capsys):
    with shelf_module.working_on(LIGHTLY):
        assert get(LIGHTLY) == 1
        assert "another psg models works on lightly_t; wait for it" in capsys.readouterr().err
        assert get(ON_HUB) == 0, "another model has another lock"
        assert main(["models", "remove", LIGHTLY]) == 1
    assert get(LIGHTLY) == 0


def test_gets_at_once_leave_one_whole_model(get, table, shelf):
    order = get_module.Order(ON_HUB, load_table(table), {})
    ended: list[object] = []

    def work() -> None:
        try:
            ended.append(get_module.get(order, lambda line: None))
        except RuntimeError as error:
            ended.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [end for end in ended if isinstance(end, Path)]
    assert done and set(ended) <= {
        shelf / ON_HUB,
        f"another psg models works on {ON_HUB}; wait for it",
    }
    assert load_model_folder(ON_HUB)


def test_what_a_killed_get_left_of_an_export_is_not_found(get, shelf):
    write_tiny_model(shelf / ".fetching" / LIGHTLY / "export" / LIGHTLY)
    assert find_nothing(LIGHTLY)
    assert get(LIGHTLY) == 0
    assert find_model(LIGHTLY)


def test_what_is_here_is_not_fetched_again(get, server, capsys):
    assert get(LIGHTLY) == 0
    server.requests.clear()
    assert get(LIGHTLY) == 0
    assert "lightly_t is here already" in capsys.readouterr().out
    assert server.requests == []


def test_a_name_that_nobody_knows_is_answered_with_those_there_are(get, capsys):
    assert get("lightly_xl") == 2
    assert "no public model lightly_xl; there are: lightly_t, " in capsys.readouterr().err


def test_a_known_name_that_is_not_here_says_how_to_get_it(shelf, tmp_path, capsys):
    picture = tmp_path / "photo.jpg"
    picture.write_bytes(jpeg())
    assert main(["predict", str(picture), "--model", LIGHTLY]) == 2
    assert "fetch it with: psg models get lightly_t" in capsys.readouterr().err


def test_removing_leaves_nothing(get, shelf, capsys):
    assert get(LIGHTLY) == 0
    assert main(["models", "remove", LIGHTLY]) == 0
    assert f"removed {shelf / LIGHTLY}" in capsys.readouterr().out
    assert is_clean(shelf, LIGHTLY) and find_nothing(LIGHTLY)


def test_removing_takes_what_is_under_way(get, server, shelf, capsys):
    server.cut_after = [5000, *[0] * web.ATTEMPTS]
    assert get(LIGHTLY) == 1
    assert main(["models", "remove", LIGHTLY]) == 0
    assert "removed what was under way of lightly_t" in capsys.readouterr().out
    assert is_clean(shelf, LIGHTLY)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("demo", "it is part of the package"),
        ("lightly_t", "no fetched model 'lightly_t'; fetched are: none"),
        ("mine", "was not put there by psg models get; remove it by hand"),
        ("../shelf", "is no name of a model"),
        (".fetching", "is no name of a model"),
        ("", "is no name of a model"),
    ],
)
def test_nothing_else_is_removed(name, said, shelf, tiny_model, capsys):
    shutil.copytree(tiny_model, shelf / "mine")
    assert main(["models", "remove", name]) == 2
    assert said in capsys.readouterr().err
    assert (shelf / "mine").is_dir()


def test_the_list_tells_all_that_decides(get, table, capsys):
    assert get(LIGHTLY) == 0
    capsys.readouterr()
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line for line in lines[1 : len(NAMES) + 1]}
    assert tuple(rows) == NAMES
    for word in ("here", "80 + 53", "6.0 M", "38.0 [1]", "24 MB", "640 px", "DINOv3", "consent"):
        assert word in rows[LIGHTLY]
    assert "MIT, DINOv3" in rows[TWO_FILES] and "train, hub" in rows[TWO_FILES]
    assert "here" not in rows[ON_HUB] and "consent" not in rows[ON_HUB]
    assert any(line.startswith("[1] docs.lightly.ai") for line in lines)
    assert max(map(len, lines)) <= 120


def test_the_list_is_json_too(shelf, capsys):
    assert main(["models", "list", "--json"]) == 0
    models = {model["name"]: model for model in json.loads(capsys.readouterr().out)}
    assert tuple(models) == NAMES
    assert models[ON_HUB]["addresses"] == [
        "https://huggingface.co/tue-mps/coco_panoptic_eomt_small_640_2x/resolve/main/"
        "pytorch_model.bin"
    ]
    assert models[LIGHTLY]["weights"]["sha256"].startswith("770c0a1f")


def test_without_torch_the_list_works_and_get_names_the_extras(shelf, monkeypatch, capsys):
    there = get_module.find_spec
    monkeypatch.setattr(
        get_module, "find_spec",
        lambda name: None if name in ("torch", "huggingface_hub") else there(name),
    )  # fmt: skip
    assert main(["models", "list"]) == 0
    assert "get needs on this machine: pip install '.[train,hub]'" in capsys.readouterr().out
    assert main(["models", "get", LIGHTLY]) == 1
    assert "needs: pip install '.[train]'" in capsys.readouterr().err
    assert main(["models", "get", ON_HUB]) == 1
    assert "needs: pip install '.[train,hub]'" in capsys.readouterr().err
    assert main(["models", "get", ON_HUB, "--file", "x.bin"]) == 1
    assert "needs: pip install '.[train]'" in capsys.readouterr().err


def test_a_run_folder_that_is_taken_is_refused_before_the_download(get, server, tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    (run / "segmenter.safetensors").write_bytes(b"")
    assert get(LIGHTLY, "--run", str(run)) == 2
    assert "holds a segmenter; choose another folder" in capsys.readouterr().err
    assert server.requests == []
