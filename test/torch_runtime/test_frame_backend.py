# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A frame as one captured graph, on a fake of the GPU's stream that replays operators alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fake_gpu_stream import FakeStream, NotPermitted

from psg_ros.network import frame_graph
from psg_ros.network.frame_graph import FrameGraph
from psg_ros.network.fused import FusedGraph
from psg_ros.robot.manifest import ArtifactSpec
from psg_ros.robot.runtime.refusals import DeviceUnavailable, NetworkFailed
from psg_ros.torch_runtime.frame_backend import FrameBackend, frame_tensors

IS_THING = [True, True, False, False, False]
SLOTS = 8


def inputs(seed: int, threshold: float = 0.3) -> dict[str, np.ndarray]:
    image = np.random.default_rng(seed).integers(0, 256, (1, 96, 144, 3)).astype(np.uint8)
    return {
        "image": image,
        "thresholds": np.array([threshold, 0.1], np.float32),
        "content_hw": np.array([24, 30], np.int32),
        "row_edges": np.linspace(-1, 1, 25, dtype=np.float32),
        "column_edges": np.linspace(-1, 1, 37, dtype=np.float32),
    }


def make_backend(model, stream=None, precision="fp32") -> FrameBackend:
    graph = FrameGraph(model, IS_THING, SLOTS)
    spec = ArtifactSpec("run", "0" * 64, *frame_tensors(graph))
    return FrameBackend(graph, spec, stream or FakeStream(), precision)


@torch.inference_mode()
def expected(model, given) -> dict[str, np.ndarray]:
    """Return what the exported graph says, run step by step."""
    graph = FusedGraph(model, IS_THING, SLOTS)
    values = graph(*(torch.from_numpy(array) for array in given.values()))
    names = frame_graph.FUSED_NAMES[1]
    return {name: value.numpy() for name, value in zip(names, values, strict=True)}


def assert_same(found, truth) -> None:
    """Compare outputs; pairs of which a slot is empty are read by nobody."""
    is_segment = truth["segment_of"] == np.arange(SLOTS)
    read = is_segment[np.stack(np.triu_indices(SLOTS, k=1))].all(axis=0)
    for name, array in truth.items():
        rows = read if name.endswith("ward_logits") else ...
        np.testing.assert_allclose(found[name][rows], array[rows], atol=1e-5, err_msg=name)
        assert found[name].dtype == array.dtype


@pytest.fixture(params=[{}, {"prune": True}, {"prune": True, "split": "none"}], ids=str)
def model(request, make_model):
    return make_model(**request.param)


def test_replays_say_of_every_picture_what_the_exported_graph_says(model):
    backend = make_backend(model)
    for seed in range(3):
        found, truth = backend.run(inputs(seed)), expected(model, inputs(seed))
        assert len(set(truth["segment_map"].flat)) > 2, "a picture without segments says nothing"
        assert_same(found, truth)


def test_a_frame_is_one_copy_up_one_replay_one_copy_down_and_one_wait(model):
    stream = FakeStream()
    backend = make_backend(model, stream)
    assert stream.calls == ["here", "there", "here", "there", "record"]
    stream.calls.clear()
    for seed in (1, 2):
        backend.run(inputs(seed), keep=("mask_logits",))
    assert stream.calls == 2 * ["copy", "replay", "copy", "wait"]


def test_thresholds_are_read_anew_by_every_replay(model):
    backend = make_backend(model)
    assert len(set(backend.run(inputs(0))["segment_map"].flat)) > 2
    assert set(backend.run(inputs(0, threshold=1.0))["segment_map"].flat) == {SLOTS}


def test_outputs_stay_at_their_addresses(model):
    backend = make_backend(model)
    first, second = (
        {name: array.ctypes.data for name, array in backend.run(inputs(seed)).items()}
        for seed in (0, 1)
    )
    assert first == second


def test_masks_stay_on_the_device_until_they_are_asked_for(model):
    backend, truth = make_backend(model), expected(model, inputs(4))
    kept = backend.run(inputs(4), keep=("mask_logits", "class_logits"))
    assert isinstance(kept["class_logits"], np.ndarray), "small, so it comes with the others"
    assert kept["mask_logits"].shape == truth["mask_logits"].shape
    assert backend._found.host["mask_logits"].view(np.uint8).flat[0] == 0xA5, "it did not come"
    np.testing.assert_allclose(kept["mask_logits"].numpy(), truth["mask_logits"], atol=1e-5)


def test_the_kernels_of_a_captured_graph_see_only_their_own_memory(model):
    """What the caller does with its arrays afterwards, or between frames, changes nothing."""
    backend, given = make_backend(model), inputs(5)
    found = backend.run(given)["forward_logits"].copy()
    given["image"][:] = 0
    np.testing.assert_array_equal(backend.run(inputs(5))["forward_logits"], found)


@pytest.fixture
def little_room(monkeypatch) -> None:
    monkeypatch.setattr(frame_graph, "LEAST_ROOM", 60)


def test_a_picture_with_more_cells_is_computed_again_with_more_room(make_model, little_room):
    model, stream = make_model(prune=True), FakeStream()
    backend = make_backend(model, stream)
    rooms = backend._graph.rooms
    assert rooms == [60, 120, 240, 28 * (3 * 4 + 2)], "the last one holds every cell of every pair"
    stream.calls.clear()
    assert_same(backend.run(inputs(0)), expected(model, inputs(0)))
    once = ["copy", "replay", "copy", "wait"]
    assert stream.calls == [*once, "record", *once]
    stream.calls.clear()
    backend.run(inputs(0))
    assert stream.calls == once, "the next frame begins with that room"
    busy = backend._room
    backend.run(inputs(0, threshold=1.0))
    assert backend._room < busy, "after an empty picture there is less to compute"
    assert_same(backend.run(inputs(0, threshold=1.0)), expected(model, inputs(0, 1.0)))
    stream.calls.clear()
    backend.run(inputs(0))
    backend.run(inputs(0))
    assert "record" not in stream.calls, "graphs of both rooms are there by now"


class StepByStep(FakeStream):
    """A stream on which capturing is not permitted: work runs anew every time."""

    def record(self, work):
        work()
        return lambda: self._enqueued.append(work)


def test_rooms_keep_apart_where_nothing_is_captured(make_model, little_room):
    """A room that was recorded later does not change how many rows an earlier one has."""
    model = make_model(prune=True)
    backend = make_backend(model, StepByStep())
    busy, quiet = inputs(0), inputs(0, threshold=1.0)
    backend.run(busy)
    rooms, large = backend._graph.rooms, backend._room
    for room in (rooms[0], *rooms[:-1]):  # as after pictures with less and less in them
        backend._room = room
        backend.run(quiet)
    backend._room = large
    assert_same(backend.run(busy), expected(model, busy))


def test_one_room_does_for_what_the_stream_shows(make_model):
    assert [frame_graph.room_for([100, 200, 400], n) for n in (0, 80, 81, 161, 400)] == [
        100, 100, 200, 400, 400,
    ]  # fmt: skip


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_changes_numbers_and_not_the_rules(make_model, precision):
    model = make_model(prune=True)
    truth = expected(model, inputs(0))
    found = make_backend(model, precision=precision).run(inputs(0))
    same = found["segment_map"] == truth["segment_map"]
    assert same.mean() > 0.9
    assert found["class_logits"].dtype == np.float32
    assert 0 < np.abs(found["class_logits"] - truth["class_logits"]).max() < 0.5


@pytest.mark.parametrize("call", ["there", "record"])
def test_a_network_too_large_for_the_device_is_refused_with_the_way_out(make_model, call):
    stream = FakeStream()
    stream.fails[call] = torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 9 GiB")
    with pytest.raises(
        DeviceUnavailable, match="run does not run on cpu .*9 GiB.; set precision to fp16 or fused"
    ):
        make_backend(make_model(), stream)


@pytest.mark.parametrize("call", ["copy", "replay", "wait"])
def test_a_frame_that_fails_names_the_network_and_the_next_one_is_right(make_model, call):
    stream, model = FakeStream(), make_model()
    backend = make_backend(model, stream)
    stream.fails[call] = RuntimeError("CUDA error: an illegal memory access")
    with pytest.raises(NetworkFailed, match="run failed on its input: CUDA error: an illegal"):
        backend.run(inputs(0))
    stream.fails.clear()
    assert_same(backend.run(inputs(1)), expected(model, inputs(1)))


def test_no_memory_for_more_room_is_an_error_of_that_frame(make_model, little_room):
    stream = FakeStream()
    backend = make_backend(make_model(prune=True), stream)
    stream.fails["record"] = torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(NetworkFailed, match="out of memory"):
        backend.run(inputs(0))
    quiet = backend.run(inputs(0, threshold=1.0))
    assert quiet["forward_logits"].shape == (28, 5), "what needs no more room goes on"
    stream.fails.clear()
    assert backend.run(inputs(0))["forward_logits"].shape == (28, 5)


def test_other_shapes_than_those_captured_are_refused(make_model):
    backend, given = make_backend(make_model()), inputs(0)
    given["image"] = given["image"][:, :48]
    with pytest.raises(ValueError, match=r"run takes image uint8 \[1, 96, 144, 3\], not image"):
        backend.run(given)


def test_a_closed_backend_runs_no_more(make_model):
    backend = make_backend(make_model())
    backend.close()
    backend.close()
    with pytest.raises(RuntimeError, match="run was closed"):
        backend.run(inputs(0))


def test_the_fake_refuses_what_a_capture_refuses():
    stream = FakeStream()
    for bad in (
        lambda: torch.ones(1).item(),
        lambda: torch.ones(3).nonzero(),
        lambda: torch.tensor([1.0]),
        lambda: torch.arange(3)[torch.tensor([True, False, True])],
    ):
        with pytest.raises(NotPermitted, match="within captured work"):
            stream.record(bad)
    with pytest.raises(NotPermitted, match="after the first recording"):
        stream.here(4)
