# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Peers: the same inputs or none, turns, and a table that says what failed."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from backends import needs

from psg_ros.benchmark.peers import energy, report
from psg_ros.benchmark.peers.child import input_sha256, inputs
from psg_ros.benchmark.peers.run import check_same_inputs, measure_peers
from psg_ros.benchmark.peers.settings import (
    PEERS,
    PeerResult,
    PeerRow,
    PeerSettings,
    Start,
    choose_peers,
    missing,
)
from psg_ros.benchmark.timing import Timing


@pytest.mark.slow
def test_every_row_runs_on_the_same_segments(tiny_settings, tmp_path: Path) -> None:
    """transformers' two pipelines, ours and DSFormer, each in its process, one frame each."""
    pytest.importorskip("torch", reason="needs the extra train")
    pytest.importorskip("transformers", reason="needs the extra dev")
    pytest.importorskip("onnxruntime")
    from psg_ros.cli.peer_models import export_for

    peers = choose_peers(["eomt", "mask2former", "onnxruntime-fp32", "dsformer", "graph"])
    ladder = dataclasses.replace(tiny_settings, backend="onnxruntime")
    rows = measure_peers(peers, export_for(peers, ladder, tmp_path))
    assert [row.failure for row in rows] == [""] * len(peers)
    results = [row.result for row in rows if row.result is not None]
    assert {result.segments for result in results} == {tiny_settings.masks}
    assert len({result.start.input_sha256 for result in results}) == 1
    for row, result in zip(rows, results, strict=True):
        assert result.frame.cpu_median_ms > 0 and result.peak_mib > 20
        inside = row.peer.makes == "panoptic"
        assert math.isnan(result.network_ms) != inside
        assert not inside or result.network_ms <= result.frame.cpu_median_ms + 20


def test_other_inputs_do_not_compare(tiny_settings) -> None:
    image, scene = inputs(PeerSettings(tiny_settings))
    digest = input_sha256(image, scene)
    assert input_sha256(image.copy(), scene) == digest
    changed = image.copy()
    changed[0, 0, 0] ^= 1
    fewer = dataclasses.replace(scene, mask_logits=scene.mask_logits * np.float32(0.5))
    others = [input_sha256(changed, scene), input_sha256(image, fewer)]
    others.append(input_sha256(image[:, ::-1], scene))
    assert len({digest, *others}) == 4
    check_same_inputs({"a": Start(digest, 1.0, ""), "b": Start(digest, 2.0, "")})
    with pytest.raises(
        ValueError, match=f"different inputs .* a {digest[:12]}, b {others[0][:12]}"
    ):
        check_same_inputs({"a": Start(digest, 1.0, ""), "b": Start(others[0], 2.0, "")})


@needs("onnxruntime")
def test_a_peer_that_cannot_run_makes_a_row_that_says_why(tiny_settings) -> None:
    (peer,) = choose_peers(["onnxruntime-fp32"])
    (row,) = measure_peers([peer], PeerSettings(tiny_settings, {"segmenter": "/nowhere"}))
    assert row.result is None and "no model '/nowhere'" in row.failure


def test_what_is_not_installed_is_left_out_by_name() -> None:
    peer = dataclasses.replace(PEERS[0], needs=("no_such_module", "json"))
    assert missing(peer) == "needs no_such_module, not installed here"


def test_an_unknown_peer_is_refused() -> None:
    with pytest.raises(ValueError, match="no peer yolo; known: eomt, mask2former"):
        choose_peers(["yolo"])


def rows() -> list[PeerRow]:
    def result(cpu_ms: float, network_ms: float) -> PeerResult:
        timing = Timing((cpu_ms, cpu_ms + 2), (cpu_ms, cpu_ms))
        return PeerResult(Start("00", 1.5, "cpu"), timing, network_ms, 5, 300.0)

    theirs, ours, missing_one, graph = choose_peers(
        ["eomt", "openvino-bf16", "openvino-int8", "dsformer"]
    )
    return [
        PeerRow(theirs, result(600.0, 200.0)),
        PeerRow(ours, result(100.0, 80.0)),
        PeerRow(missing_one, failure="needs onnxruntime, not installed here"),
        PeerRow(graph, result(900.0, math.nan)),
    ]


def test_the_table_compares_only_rows_that_make_the_same(tiny_settings, tmp_path: Path) -> None:
    text = report.markdown(rows(), PeerSettings(tiny_settings), "psg benchmark --peers")
    lines = {line.split(" | ")[0].strip("| "): line for line in text.splitlines()}
    assert "| 6.00x |" in lines["psg_ros, openvino bf16"]
    assert "| 2.50x |" in lines["psg_ros, openvino bf16"], "the network alone"
    graph = lines["DSFormer, torch fp32"]
    assert graph.count("x |") == 1 and "1.00x" in graph
    assert "needs onnxruntime, not installed here" in lines["psg_ros, openvino int8"]
    content = report.record(rows(), PeerSettings(tiny_settings), "psg", {"cores": 2})
    assert [row["failure"] for row in content["rows"]][2].startswith("needs onnxruntime")


def test_the_picture_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    report.draw(rows(), tmp_path / "peers.png")
    assert (tmp_path / "peers.png").read_bytes().startswith(b"\x89PNG")


def test_energy_is_that_of_all_packages_and_survives_a_full_counter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(energy, "ZONES", tmp_path)
    assert energy.EnergyMeter().end() is None, "no counter, no figure"
    for name, value in (("intel-rapl:0", 5_000_000), ("intel-rapl:1", 9_900_000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text(f"{value}\n")
        (tmp_path / name / "max_energy_range_uj").write_text("10000000\n")
    meter = energy.EnergyMeter()
    meter.begin()
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("6000000\n")
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("400000\n")
    assert meter.end() == pytest.approx(1.0 + 0.5)
