# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is damaged, and what reads it. Every target makes its own small valid files.

A target is a set of files in a folder and a reader of that folder. One of its files is damaged for
each input; the others stay whole.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from mutation import mutated


@dataclass(frozen=True)
class Target:
    """One kind of input.

    Attributes:
        name: what `--target` calls it.
        samples: valid inputs, each a mapping from file names to contents.
        read: reads the folder with those files; raises `child.REFUSALS` where it refuses.
        spared: files that are never damaged.
    """

    name: str
    samples: tuple[Mapping[str, bytes], ...]
    read: Callable[[Path], None]
    spared: frozenset[str] = frozenset()

    def reader(self, scratch: Path) -> Callable[[int], None]:
        """Return a function that damages and reads the input of a number."""

        def read(number: int) -> None:
            folder = scratch / self.name
            shutil.rmtree(folder, ignore_errors=True)
            for name, content in self.damaged(number).items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
            self.read(folder)

        return read

    def damaged(self, number: int) -> Mapping[str, bytes]:
        """Return the files of one input; number 0 and up to that of samples are whole ones."""
        if number < len(self.samples):
            return self.samples[number]
        rng = random.Random(number)
        files = dict(rng.choice(self.samples))
        name = rng.choice(sorted(files.keys() - self.spared))
        files[name] = mutated(number, files[name])
        return files


def make_targets(scratch: Path) -> dict[str, Target]:
    """Return every target whose packages are installed."""
    makers = (
        pictures,
        videos,
        bags,
        models,
        settings,
        data_sets,
        checkpoints,
        messages,
        serialized,
    )
    return {target.name: target for target in (make(scratch) for make in makers)}


def look(path: Path) -> None:
    """Read everything that `psg predict` would read of a source."""
    from psg_ros.media import open_media

    frames = open_media(path).frames(on_unreadable=lambda line: None)
    for number, frame in enumerate(frames):
        assert frame.image.ndim == 3 and frame.image.size
        assert number < 1000, "a small file gave more than 1000 pictures"


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def picture_rgb(height: int = 64, width: int = 96):
    import numpy as np

    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def pictures(scratch: Path) -> Target:
    """Still images in every format that is read."""
    import io

    import cv2
    import numpy as np
    from PIL import Image

    rgb, samples = picture_rgb(), []
    for suffix in ("bmp", "jpg", "jp2", "png", "ppm", "tif", "webp"):
        samples.append({f"a.{suffix}": cv2.imencode(f".{suffix}", rgb)[1].tobytes()})
    deep = cv2.imencode(".png", rgb.astype(np.uint16) * 257)[1].tobytes()
    grey = cv2.imencode(".jpg", rgb[..., 0])[1].tobytes()
    samples += [{"deep.png": deep}, {"grey.jpg": grey}]
    turned = Image.Exif()
    turned[0x0112] = 6
    variants = (
        ("progressive.jpg", {"progressive": True, "exif": turned}), ("palette.gif", {}),
        ("lzw.tif", {"compression": "tiff_lzw"}), ("lossless.webp", {"lossless": True}),
        ("picture.avif", {}),
    )  # fmt: skip
    for name, options in variants:
        file = io.BytesIO()
        kind = {"jpg": "jpeg", "tif": "tiff"}.get(name.rsplit(".")[-1], name.rsplit(".")[-1])
        Image.fromarray(rgb).save(file, kind, **options)
        samples.append({name: file.getvalue()})
    return Target("picture", tuple(samples), lambda folder: look(only_file(folder)))


def videos(scratch: Path) -> Target:
    """A second of video in the usual containers."""
    import av

    samples = []
    kinds = (
        ("a.mp4", "mpeg4", "mp4"), ("a.mkv", "mpeg4", "matroska"), ("a.avi", "mjpeg", "avi"),
        ("a.webm", "libvpx", "webm"), ("a.ts", "mpeg2video", "mpegts"),
        ("a.h264", "libx264", "h264"),
    )  # fmt: skip
    for name, codec, container in kinds:
        path = scratch / name
        with av.open(str(path), "w", format=container) as output:
            stream = output.add_stream(codec, rate=10)
            stream.width, stream.height = 64, 48
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for index in range(6):
                frame = av.VideoFrame.from_ndarray(picture_rgb(48, 64) // (index + 1), "rgb24")
                output.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
            output.mux(stream.encode(None))
        samples.append({name: path.read_bytes()})
        path.unlink()
    return Target("video", tuple(samples), lambda folder: look(only_file(folder)))


def bags(scratch: Path) -> Target:
    """Recorded images, raw and compressed, in both storages."""
    import cv2
    from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_HUMBLE)
    image, compressed = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
    stamp = store.types["builtin_interfaces/msg/Time"](sec=1, nanosec=2)
    header = store.types["std_msgs/msg/Header"](stamp=stamp, frame_id="camera")
    rgb = picture_rgb()
    height, width = rgb.shape[:2]
    png = cv2.imencode(".png", rgb)[1].ravel()
    messages = {
        image: store.types[image](
            header=header, height=height, width=width, encoding="rgb8", is_bigendian=0,
            step=3 * width, data=rgb.ravel(),
        ),
        compressed: store.types[compressed](header=header, format="png", data=png),
    }  # fmt: skip
    samples = []
    for storage in (StoragePlugin.SQLITE3, StoragePlugin.MCAP):
        for kind, message in messages.items():
            path = scratch / "bag"
            writer = Writer(path, version=9, storage_plugin=storage)
            if kind == compressed and storage == StoragePlugin.SQLITE3:
                writer.set_compression(CompressionMode.MESSAGE, CompressionFormat.ZSTD)
            with writer:
                connection = writer.add_connection("/image", kind, typestore=store)
                for index in range(3):
                    data = store.serialize_cdr(message, kind)
                    writer.write(connection, index * 100_000_000, data)
            samples.append({file.name: file.read_bytes() for file in sorted(path.iterdir())})
            shutil.rmtree(path)
    alone = [{n: c for n, c in sample.items() if n != "metadata.yaml"} for sample in samples]
    return Target("bag", (*samples, *alone), look)


def models(scratch: Path) -> Target:
    """A model folder whose networks are damaged, with digests that fit, or not."""
    import hashlib

    from tiny_model import write_tiny_model

    from psg_ros.config import PipelineConfig
    from psg_ros.frame import Frame
    from psg_ros.robot.pipeline import Pipeline

    folder = write_tiny_model(scratch / "tiny")
    whole = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in whole.items()}

    def read(folder: Path) -> None:
        manifest = folder / "manifest.yaml"
        text = manifest.read_bytes()
        for path in folder.glob("*.onnx"):  # otherwise nothing but the digest is ever looked at
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            text = text.replace(digests[path.name].encode(), digest.encode())
        manifest.write_bytes(text)
        config = PipelineConfig(model=str(folder), backend="onnxruntime", threads=1)
        with Pipeline.open(config) as pipeline:
            pipeline(Frame(picture_rgb()))

    return Target("model", (whole,), read)


def settings(scratch: Path) -> Target:
    """YAML files that people write: model, training, labels, calibration, parameters."""
    from psg_ros.labels import load_vocabulary
    from psg_ros.resources import share_path
    from psg_ros.robot.calibration import CALIBRATION_FILE, load_calibration
    from psg_ros.robot.manifest import model_sha256, read_manifest
    from psg_ros.setting_files import load_config
    from psg_ros.training.config import TrainConfig

    config, demo = share_path() / "config", share_path() / "models" / "demo"
    fitted_for = model_sha256(read_manifest(demo / "manifest.yaml"))
    labels = (config / "labels" / "simulation.yaml").read_bytes()
    samples = [{"labels.yaml": labels}]
    samples += [{"train.yaml": p.read_bytes()} for p in sorted((config / "train").glob("*.yaml"))]
    samples += [{CALIBRATION_FILE: (demo / CALIBRATION_FILE).read_bytes()}]
    samples += [{"manifest.yaml": (demo / "manifest.yaml").read_bytes()}]

    def read(folder: Path) -> None:
        path = only_file(folder)
        if path.name == "labels.yaml":
            load_vocabulary(path)
        elif path.name == "train.yaml":
            load_config(TrainConfig, path)
        elif path.name == CALIBRATION_FILE:
            load_calibration(folder, fitted_for)
        else:
            read_manifest(path)

    return Target("settings", tuple(samples), read)


def data_sets(scratch: Path) -> Target:
    """A data set in PSG's layout: annotations, photos, masks."""
    import io
    from contextlib import redirect_stdout

    from tiny_psg import write_tiny_psg

    from psg_ros.__main__ import main

    folder = write_tiny_psg(scratch / "psg")
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }

    def read(folder: Path) -> None:
        with redirect_stdout(io.StringIO()):
            status = main(["dataset", "check", str(folder)])
        assert status in (0, 1, 2), f"status {status}"

    return Target("data_set", (files,), read)


def checkpoints(scratch: Path) -> Target:
    """Public checkpoints: safetensors with config.json, a file of torch, a pickle of detectron2."""
    import io
    import json

    import torch
    from eomt_checkpoints import TRANSFORMERS_4, small_weights
    from mask2former_checkpoints import MASK2FORMER, small_segmenter, write_zoo_pickle
    from safetensors.torch import save

    from psg_ros.network.checkpoints.convert import convert

    torch.set_num_threads(1)
    weights = small_weights("DINOv3")
    theirs = {name: t.contiguous() for name, t in TRANSFORMERS_4.translate(weights).items()}
    whole = save({name: t[..., :4].contiguous() for name, t in theirs.items()})
    config = json.dumps({"image_size": 96, "num_blocks": 2, "layer_norm_eps": 1e-5}).encode()
    index = json.dumps(
        {"weight_map": dict.fromkeys(list(theirs)[:5], "model-1.safetensors")}
    ).encode()
    file = io.BytesIO()
    torch.save({"state_dict": {n: t[..., :4] for n, t in list(weights.items())[:40]}}, file)
    segmenter = small_segmenter(MASK2FORMER).state_dict()
    few = {name: t[:1] for name, t in segmenter.items()}
    pickled = write_zoo_pickle(few, scratch / "pickled.pkl")
    samples = (
        {"config.json": config, "model.safetensors": whole},
        {"config.json": config, "pytorch_model.bin": file.getvalue()},
        {"model.safetensors.index.json": index, "model-1.safetensors": whole},
        {"model.pkl": pickled.read_bytes()},
    )

    def read(folder: Path) -> None:
        pickle = folder / "model.pkl"
        convert(str(pickle if pickle.is_file() else folder))

    return Target("checkpoint", samples, read)


def messages(scratch: Path) -> Target:
    """Image messages with lying fields; the damaged file is the payload."""
    import cv2
    import numpy as np

    from psg_ros.pictures.compressed_image import decode_compressed_image
    from psg_ros.pictures.image_decoding import ENCODINGS, decode_image

    rgb = picture_rgb()
    formats = (
        "jpeg", "png", "rgb8; jpeg compressed bgr8", "bayer_rggb8; png compressed bayer_rggb8",
        "mono16; png compressed mono16", "16UC1; compressedDepth png", "", "x" * 300,
    )  # fmt: skip
    payloads = (
        {"raw": rgb.tobytes()},
        {"jpeg": cv2.imencode(".jpg", rgb)[1].tobytes()},
        {"png": cv2.imencode(".png", rgb)[1].tobytes()},
    )

    def read(folder: Path) -> None:
        path = only_file(folder)
        content = path.read_bytes()
        rng = random.Random(len(content) * 31 + sum(content[:64]))
        data = rng.choice((content, np.frombuffer(content, np.uint8), bytearray(content)))
        if path.name == "raw":
            size = lambda usual: rng.choice((usual, usual, 0, 1, 7, 2**31, 2**32 - 1))  # noqa: E731
            message = SimpleNamespace(
                encoding=rng.choice((*ENCODINGS, "rgb8", "x" * 1000, "32FC1", "")),
                height=size(rgb.shape[0]), width=size(rgb.shape[1]), step=size(3 * rgb.shape[1]),
                is_bigendian=rng.choice((0, 1, 255)), data=data,
            )  # fmt: skip
            decode_image(message)
        else:
            decode_compressed_image(SimpleNamespace(format=rng.choice(formats), data=data))

    return Target("message", payloads, read)


def serialized(scratch: Path) -> Target:
    """Image messages as they travel, damaged as a whole."""
    import struct

    from psg_ros.pictures.image_decoding import decode_image
    from psg_ros.pictures.serialized_image import read_image

    rgb = picture_rgb()
    height, width = rgb.shape[:2]
    samples = []
    for start, order in ((b"\0\1\0\0", "<"), (b"\0\0\0\0", ">"), (b"\0\7\0\0", "<")):
        pack = struct.Struct(f"{order}iII4sIII5sB2xII").pack
        fields = (1, 2, 4, b"cam\0", height, width, 5, b"rgb8\0", 0, 3 * width, rgb.nbytes)
        samples.append({f"{start.hex()}.cdr": start + pack(*fields) + rgb.tobytes()})

    def read(folder: Path) -> None:
        image = read_image(only_file(folder).read_bytes(), lambda *fields: fields)
        decode_image(image)

    return Target("serialized", tuple(samples), read)
