# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A whole frame on a strict fake GPU, which runs the kernels by g++: results and order of calls.

No GPU has run this.
"""

from __future__ import annotations

import dataclasses
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from backends import needs

pytest.importorskip("onnxruntime", reason="computes what the fake GPU answers")
pytest.importorskip("onnx", reason="writes a network of the fused form")
pytest.importorskip("simplejpeg", reason="the decoder of images needs it")
import fake_cuda
import onnx
from fake_nvidia import install
from tiny_model import plain, write_tiny_model

from psg_ros.config import PipelineConfig
from psg_ros.file_digest import file_sha256
from psg_ros.frame import Frame, RawPicture
from psg_ros.pictures.image_decoding import ENCODINGS, decode_image, raw_picture
from psg_ros.robot.manifest import (
    MANIFEST_FILE,
    ArtifactSpec,
    TensorSpec,
    load_model_folder,
)
from psg_ros.robot.pipeline import Pipeline
from psg_ros.robot.runtime import compiled_cache
from psg_ros.robot.runtime.refusals import NetworkFailed
from psg_ros.robot.runtime.tensorrt import steps
from psg_ros.scene_graph import Segmentation

pytestmark = needs("onnxruntime")
PIXEL_BYTES = {"rgb": 3, "bgr": 3, "rgba": 4, "bgra": 4, "8UC3": 3, "8UC4": 4}


@pytest.fixture
def gpu() -> fake_cuda.Gpu:
    return fake_cuda.Gpu()


@pytest.fixture(params=["cuda", "pycuda"])
def trt(request, monkeypatch, gpu, tmp_path):
    monkeypatch.setenv("PSG_CACHE", str(tmp_path / "cache"))
    compiled_cache._warn.cache_clear()
    return install(monkeypatch, gpu, request.param)


def boxes_picture(seed: int, image_hw=(96, 128)) -> np.ndarray:
    """Return boxes of pure colours on black, uint8 [height, width, 3]."""
    rng, (height, width) = np.random.default_rng(seed), image_hw
    image = np.zeros((*image_hw, 3), np.uint8)
    for _ in range(5):
        top, left = rng.integers(0, height // 2), rng.integers(0, width // 2)
        color = 255 * np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]])[rng.integers(0, 4)]
        image[top : top + height // 2, left : left + width // 3] = color
    return image


def message(encoding: str, seed: int = 0, height: int = 96, width: int = 128):
    """Return an Image message of coarse random blocks in any encoding, rows with spare bytes."""
    name = encoding.rstrip("0123456789")
    two = encoding.endswith("16")
    channels = PIXEL_BYTES.get(encoding, PIXEL_BYTES.get(name, 1))
    if encoding.startswith(("yuv", "uyvy", "yuyv")):
        channels = 2
    rows = height * 3 // 2 if encoding.startswith("nv") else height
    step = width * channels * (2 if two else 1) + 4
    rng = np.random.default_rng(seed)
    coarse = rng.choice(np.array([0, 255], np.uint8), (rows // 16 + 1, step // 32 + 1))
    data = coarse.repeat(16, axis=0).repeat(32, axis=1)[:rows, :step].ravel()
    return SimpleNamespace(
        encoding=encoding, width=width, height=height, step=step, data=data, is_bigendian=0
    )


def config_of(folder, backend: str, **options) -> PipelineConfig:
    options = dict(relation_threshold=0.0, precision="fp32") | options
    return PipelineConfig(model=str(folder), backend=backend, **options)


@pytest.fixture
def both(trt, tiny_model):
    """A pipeline on the fake GPU and one on the processor."""
    with (
        Pipeline.open(config_of(tiny_model, "tensorrt")) as on_gpu,
        Pipeline.open(config_of(tiny_model, "onnxruntime")) as truth,
    ):
        yield on_gpu, truth


def assert_same_graph(found, expected):
    np.testing.assert_array_equal(found.segmentation.label_map, expected.segmentation.label_map)
    np.testing.assert_array_equal(found.segmentation.labels, expected.segmentation.labels)
    np.testing.assert_allclose(found.segmentation.scores, expected.segmentation.scores, rtol=1e-5)
    np.testing.assert_array_equal(found.relation_scores.pairs, expected.relation_scores.pairs)
    np.testing.assert_allclose(
        found.relation_scores.logits, expected.relation_scores.logits, rtol=1e-4
    )


# --- what it says --------------------------------------------------------------------------------


@pytest.mark.parametrize("resolution", ["mask", "input", "image"])
@pytest.mark.parametrize("image_hw", [(64, 96), (32, 48), (40, 30), (200, 300)], ids=str)
def test_a_frame_says_what_the_processor_says(trt, tiny_model, resolution, image_hw):
    with (
        Pipeline.open(config_of(tiny_model, "tensorrt", merge_resolution=resolution)) as on_gpu,
        Pipeline.open(config_of(tiny_model, "onnxruntime", merge_resolution=resolution)) as truth,
    ):
        for seed in range(3):
            frame = Frame(boxes_picture(seed, image_hw))
            expected = truth(frame)
            assert len(expected.nodes) >= 2 and len(expected.relations) >= 2
            assert_same_graph(on_gpu(frame), expected)


@pytest.mark.parametrize("encoding", [e for e in ENCODINGS if not e.endswith("16")])
def test_the_device_decodes_every_encoding_of_8_bit(both, gpu, encoding):
    on_gpu, truth = both
    for seed in range(2):
        image = message(encoding, seed)
        raw = raw_picture(image)
        assert raw is not None and np.shares_memory(raw.data, image.data)
        frame = Frame(decode_image(image), raw=raw)
        gpu.calls.clear()
        found, expected = on_gpu(frame), truth(frame)
        assert "launch prepare" in gpu.calls
        # Scaled bytes may round the other way, so that a border moves by a part of a pixel.
        differs = found.segmentation.label_map != expected.segmentation.label_map
        assert differs.mean() < 0.01
        assert [n.class_name for n in found.nodes] == [n.class_name for n in expected.nodes]


@pytest.mark.parametrize("encoding", ["rgb16", "mono16", "bayer_rggb16"])
def test_what_the_device_cannot_decode_comes_as_rgb(both, gpu, encoding):
    image = message(encoding)
    assert raw_picture(image) is None
    on_gpu, truth = both
    frame = Frame(decode_image(image))
    assert_same_graph(on_gpu(frame), truth(frame))
    assert "launch prepare" in gpu.calls


@pytest.mark.parametrize("scaling", ["eomt", "transformers", "lightly_train"])
def test_models_of_other_recipes_are_scaled_on_the_device_too(trt, tmp_path, gpu, scaling):
    folder = write_tiny_model(tmp_path / "model", input_hw=(96, 96))
    manifest = dataclasses.replace(load_model_folder(str(folder)).manifest, scaling=scaling)
    (folder / MANIFEST_FILE).write_text(yaml.safe_dump(plain(manifest), sort_keys=False))
    with (
        Pipeline.open(config_of(folder, "tensorrt")) as on_gpu,
        Pipeline.open(config_of(folder, "onnxruntime")) as truth,
    ):
        for image_hw in ((96, 128), (50, 128), (96, 128)):
            frame = Frame(boxes_picture(1, image_hw))
            assert_same_graph(on_gpu(frame), truth(frame))
    assert gpu.calls.count("launch prepare_antialiased") == 3


def test_a_window_of_the_image_is_sent_alone(trt, tiny_model):
    options = dict(region=(0.25, 0.0, 0.5, 1.0))
    with (
        Pipeline.open(config_of(tiny_model, "tensorrt", **options)) as on_gpu,
        Pipeline.open(config_of(tiny_model, "onnxruntime", **options)) as truth,
    ):
        assert not on_gpu.takes_raw
        image = boxes_picture(2)
        frame = Frame(image, raw=RawPicture.of_rgb(image))
        assert_same_graph(on_gpu(frame), truth(frame))


def test_given_segments_are_related_on_the_device(both):
    on_gpu, truth = both
    frame = Frame(boxes_picture(4))
    segmentation = truth(frame).segmentation
    found = on_gpu.predict_relations(frame, segmentation)
    expected = truth.predict_relations(frame, segmentation)
    assert len(expected.relation_scores.pairs) and found.relations == expected.relations


def test_more_pairs_than_the_network_takes_at_once_and_pictures_without_any(both):
    on_gpu, truth = both
    rng = np.random.default_rng(5)
    num = 22  # 231 pairs; the network takes 200
    label_map = np.repeat(np.arange(num, dtype=np.int32), 6)[None, :128].repeat(96, axis=0)
    label_map = np.ascontiguousarray(np.pad(label_map, ((0, 0), (0, 128 - label_map.shape[1]))))
    given = Segmentation(label_map, np.zeros(num, np.int64), rng.random(num, np.float32))
    frame = Frame(boxes_picture(5))
    found, expected = (p.predict_relations(frame, given) for p in both)
    assert len(expected.relation_scores.pairs) == 2 * 231
    assert_same_graph(found, expected)
    black = Frame(np.zeros((96, 128, 3), np.uint8))
    assert on_gpu(black).nodes == truth(black).nodes == ()


# --- how it does it ------------------------------------------------------------------------------


def steps_of_frame(pipeline, gpu, frame) -> list[str]:
    gpu.calls.clear()
    pipeline(frame)
    return list(gpu.calls)


def test_two_files_wait_twice_and_copy_no_tensor_through_the_host(both, gpu):
    """Once for the segments, of which the host chooses pairs, and once for these."""
    on_gpu, _ = both
    frame = Frame(boxes_picture(3))
    for _ in range(3):
        on_gpu(frame)
    calls = steps_of_frame(on_gpu, gpu, Frame(boxes_picture(3)))
    contest = ["launch score_queries", "launch keep_queries", "launch compete"]
    network = ["execute", *contest, "download"] if "pycuda" in sys.modules else ["launch graph"]
    assert calls == [
        "upload", "record", "wait for event", "launch prepare", *network, "synchronize",
        "upload", "launch overlap", "launch gather_pairs", "execute", "download", "download",
        "synchronize",
    ]  # fmt: skip


def test_nothing_is_allocated_after_the_first_frame(both, gpu):
    on_gpu, _ = both
    on_gpu(Frame(boxes_picture(3)))
    for seed in range(6):
        calls = steps_of_frame(on_gpu, gpu, Frame(boxes_picture(seed, (96 - seed, 128))))
        # Slots of the ring get their memory when they are first used.
        if seed >= 3:
            assert not [c for c in calls if c.startswith(("allocate", "make", "load", "free"))]
    before = gpu.num_allocations()
    on_gpu(Frame(boxes_picture(1, (300, 400))))
    assert gpu.num_allocations() == before + 2, "a larger picture: room for it, here and there"


def test_the_next_picture_goes_up_while_this_one_is_worked_on(both, gpu, monkeypatch):
    on_gpu, truth = both
    pictures = [boxes_picture(seed) for seed in range(6)]
    frames = [Frame(p, raw=RawPicture.of_rgb(p)) for p in pictures]
    for frame in frames[:2]:
        on_gpu(frame)
    wait, following = gpu.synchronize, iter(frames[3:])

    def synchronize(stream):
        """Another thread receives the next image while the host waits for this one."""
        if (frame := next(following, None)) is not None:
            sender = threading.Thread(target=on_gpu.send, args=(frame.raw,))
            sender.start()
            sender.join()
        wait(stream)

    monkeypatch.setattr(gpu, "synchronize", synchronize)
    on_gpu.send(frames[2].raw)
    for number, frame in enumerate(frames[2:], 2):
        calls = steps_of_frame(on_gpu, gpu, frame)
        assert_same_graph(on_gpu(frame), truth(frame)) if number == 5 else None
        first = calls.index("synchronize")
        before = calls[: calls.index("launch prepare")]
        assert before == ["wait for event"], "its bytes were on their way already"
        if number < 4:
            assert calls[first - 2 : first] == ["upload", "record"], (
                "the next one's, before the wait"
            )


def test_of_pictures_that_come_too_fast_the_newest_are_there(both, gpu):
    on_gpu, truth = both
    frames = [Frame(p, raw=RawPicture.of_rgb(p)) for p in map(boxes_picture, range(20))]
    on_gpu(frames[0])
    for frame in frames[1:]:
        on_gpu.send(frame.raw)
    for number in (19, 1, 18, 2):  # some were forgotten, and are sent again
        assert_same_graph(on_gpu(frames[number]), truth(frames[number]))


def test_each_of_several_cameras_has_a_picture_that_waits(both, gpu):
    """Pictures that were dropped before their turn take no room of those that will have one."""
    on_gpu, truth = both
    waiting = {}
    for number in range(20):
        picture = boxes_picture(number)
        frame = Frame(picture, raw=RawPicture.of_rgb(picture))
        on_gpu.send(frame.raw)
        waiting[number % 4] = frame
        if number == 11:
            before = gpu.num_allocations()
        del frame
    assert gpu.num_allocations() == before
    for frame in waiting.values():
        calls = steps_of_frame(on_gpu, gpu, frame)
        assert calls[: calls.index("launch prepare")] == ["wait for event"], "not sent again"
    assert_same_graph(on_gpu(frame), truth(frame))


def test_after_the_end_nothing_is_sent(trt, tiny_model, gpu):
    pipeline = Pipeline.open(config_of(tiny_model, "tensorrt"))
    picture = boxes_picture(0)
    pipeline(Frame(picture))
    pipeline.close()
    gpu.calls.clear()
    pipeline.send(RawPicture.of_rgb(picture))
    assert not gpu.calls


@pytest.mark.parametrize("call", ["upload", "launch prepare", "launch compete", "launch overlap"])
def test_a_failure_costs_one_frame(both, gpu, call):
    on_gpu, truth = both
    frame = Frame(boxes_picture(3))
    gpu.fail_at = call
    with pytest.raises(NetworkFailed, match="failed on its input"):
        on_gpu(frame)
    gpu.fail_at = ""
    other = Frame(boxes_picture(1))
    assert_same_graph(on_gpu(other), truth(other))


def test_a_picture_without_room_takes_no_more_of_it_with_every_try(both, gpu):
    on_gpu, truth = both
    on_gpu(Frame(boxes_picture(1)))
    before, large = gpu.num_allocations(), boxes_picture(3, (300, 400))
    gpu.fail_at = "allocate pinned"
    for _ in range(8):
        raw = RawPicture.of_rgb(large)
        on_gpu.send(raw)
        with pytest.raises(NetworkFailed):
            on_gpu(Frame(large, raw=raw))
    assert gpu.num_allocations() <= before + 3, "once for each slot of the ring"
    gpu.fail_at = ""
    assert_same_graph(on_gpu(Frame(large)), truth(Frame(large)))


def test_without_a_compiler_the_processor_does_the_steps_and_it_is_said(
    trt, tiny_model, gpu, monkeypatch, caplog
):
    def broken(*anything):
        raise RuntimeError("nothing here compiles it: do so")

    monkeypatch.setattr(steps, "compile_kernels", broken)
    with (
        Pipeline.open(config_of(tiny_model, "tensorrt")) as on_gpu,
        Pipeline.open(config_of(tiny_model, "onnxruntime")) as truth,
    ):
        assert not on_gpu.takes_raw
        frame = Frame(boxes_picture(3))
        assert_same_graph(on_gpu(frame), truth(frame))
    assert "on the processor: nothing here compiles it: do so" in caplog.text
    assert not [call for call in gpu.calls if call.startswith("launch prep")]


# --- one file ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fused_model(tmp_path_factory):
    """The tiny segmenter with every query a segment, and logits that show what it was told."""
    folder = write_tiny_model(tmp_path_factory.mktemp("fused"))
    tiny = load_model_folder(str(folder)).manifest
    masks, columns = (6, 16, 24), 5
    segmenter = onnx.load(folder / "segmenter.onnx").graph
    told = ["thresholds", "reached", "row_edges", "column_edges"]
    make = onnx.helper.make_node
    nodes = [
        *segmenter.node,
        make("Squeeze", ["mask_logits", "first"], ["slot_masks"]),
        make("Squeeze", ["class_logits", "first"], ["any_classes"]),
        make("Add", ["any_classes", "some_label"], ["slot_classes"]),
        make("ArgMax", ["slot_masks"], ["winners"], axis=0, keepdims=0),
        make("Cast", ["winners"], ["segment_map"], to=onnx.TensorProto.UINT8),
        make("Identity", ["slots"], ["segment_of"]),
        make("Cast", ["content_hw"], ["reached"], to=onnx.TensorProto.FLOAT),
        make("Concat", told, ["told"], axis=0),
        make("ReduceSum", ["told", "first"], ["sum"], keepdims=1),
        make("Mul", ["sum", "forward"], ["forward_logits"]),
        make("Mul", ["sum", "backward"], ["backward_logits"]),
    ]
    for one in nodes:  # the names of the fused form
        for names in (one.input, one.output):
            renamed = [RENAMED.get(name, name) for name in names]
            del names[:]
            names.extend(renamed)
    rng = np.random.default_rng(0)
    constants = {
        "some_label": -999 * np.eye(1, 7, 6, dtype=np.float32)[0],
        "first": np.array([0]), "slots": np.arange(6, dtype=np.int32),
        "forward": rng.normal(0, 1, (15, columns)).astype(np.float32),
        "backward": rng.normal(0, 1, (15, columns)).astype(np.float32),
    }  # fmt: skip
    weights = [onnx.numpy_helper.from_array(a, n) for n, a in constants.items()]
    inputs = {
        "image": ("uint8", (1, 64, 96, 3)), "thresholds": ("float32", (2,)),
        "content_hw": ("int32", (2,)), "row_edges": ("float32", (17,)),
        "column_edges": ("float32", (25,)),
    }  # fmt: skip
    outputs = {
        "class_logits": ("float32", (6, 7)), "segment_of": ("int32", (6,)),
        "segment_map": ("uint8", masks[1:]), "mask_logits": ("float32", masks),
        "forward_logits": ("float32", (15, columns)), "backward_logits": ("float32", (15, columns)),
    }  # fmt: skip
    sides = [[TensorSpec(name, *kind) for name, kind in side.items()] for side in (inputs, outputs)]
    values = [
        [
            onnx.helper.make_tensor_value_info(
                t.name, onnx.helper.np_dtype_to_tensor_dtype(np.dtype(t.dtype)), t.shape
            )
            for t in side
        ]
        for side in sides
    ]
    graph = onnx.helper.make_graph(nodes, "fused", *values, [*segmenter.initializer, *weights])
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), folder / "f.onnx")
    spec = ArtifactSpec("f.onnx", file_sha256(folder / "f.onnx"), *map(tuple, sides))
    manifest = dataclasses.replace(tiny, form="fused", artifacts={"fused": spec})
    (folder / MANIFEST_FILE).write_text(yaml.safe_dump(plain(manifest), sort_keys=False))
    return folder


RENAMED = {
    "mask_logits": "batch_masks", "class_logits": "batch_classes", "slot_masks": "mask_logits",
    "slot_classes": "class_logits",
}  # fmt: skip


@pytest.mark.parametrize("resolution", ["mask", "input"])
def test_one_file_is_one_upload_one_download_and_one_wait(trt, fused_model, gpu, resolution):
    options = dict(merge_resolution=resolution, score_threshold=0.0, overlap_threshold=0.0)
    with (
        Pipeline.open(config_of(fused_model, "tensorrt", **options)) as on_gpu,
        Pipeline.open(config_of(fused_model, "onnxruntime", **options)) as truth,
    ):
        for seed in range(4):
            frame = Frame(boxes_picture(seed, (90, 140)))
            calls = steps_of_frame(on_gpu, gpu, frame)
            found, expected = on_gpu(frame), truth(frame)
            assert len(expected.nodes) >= 2
            assert_same_graph(found, expected)
        last = "download" if "pycuda" in sys.modules else "launch graph"
        assert calls[:4] == ["upload", "record", "wait for event", "launch prepare"]
        assert calls[-2:] == [last, "synchronize"]
        for once in ("upload", "synchronize", "launch prepare"):
            assert calls.count(once) == 1
        assert calls.count("download") <= 1
