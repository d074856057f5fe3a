# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the doctor runs in processes of their own."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import numpy as np

from psg_ros.robot.manifest import ArtifactSpec, TensorSpec
from psg_ros.robot.runtime.backend import backend_report, open_backend
from psg_ros.robot.runtime.refusals import DeviceUnavailable

IDENTITY_ONNX = bytes.fromhex(
    "08083a370a100a017812017922084964656e746974791201675a0f0a0178120a0a08080112040a020801"
    "620f0a0179120a0a08080112040a02080142040a00100d"
)
"""The smallest network: y = x, one float."""


def run_identity(name: str) -> str:
    """Run a one-node network on every device of a backend; return its version and what ran.

    A device that its package was built for and that does not work is told, with the cure.

    Raises:
        ImportError: the backend's package is missing.
        RuntimeError: it gives another number than it was given.
    """
    status = next(entry for entry in backend_report() if entry.name == name)
    if status.problem:
        raise ImportError(status.problem)
    found = [status.version]
    for device, facts in status.devices.items():
        try:
            found.append(f"{_identity_on(name, device)} ({facts}) ran a network")
        except DeviceUnavailable as error:
            found.append(str(error))
    return "; ".join(found)


def _identity_on(name: str, device: str) -> str:
    """Run the network on a device; return which one it really was."""
    one = (1,)
    spec = ArtifactSpec(
        "identity.onnx",
        hashlib.sha256(IDENTITY_ONNX).hexdigest(),
        (TensorSpec("x", "float32", one),),
        (TensorSpec("y", "float32", one),),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / spec.file
        path.write_bytes(IDENTITY_ONNX)
        backend = open_backend(name, path, spec, device=device, precision="fp32")
        answer = float(backend.run({"x": np.full(1, 0.5, np.float32)})["y"][0])
        backend.close()
    if answer != 0.5:
        raise RuntimeError(f"the identity of 0.5 came out as {answer}")
    return backend.device


def use_opencv() -> str:
    """Encode and decode a picture; return the version.

    Raises:
        ImportError: OpenCV is missing.
        RuntimeError: the picture came back different.
    """
    import cv2

    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    back = cv2.imdecode(cv2.imencode(".png", image)[1], cv2.IMREAD_COLOR)
    if back is None or not np.array_equal(back, image):
        raise RuntimeError("a PNG came back different")
    return str(cv2.__version__)


def use_videos() -> str:
    """Write and read a video; return the version of PyAV and the codec.

    Raises:
        ImportError: PyAV is missing.
        RuntimeError: it has no encoder, or pictures are lost.
    """
    import av

    from psg_ros.media import VideoWriter, open_media

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "v.mp4"
        with VideoWriter(path, 10.0) as writer:
            for time_s in (0.0, 0.1):
                writer.write(np.zeros((64, 64, 3), np.uint8), time_s)
        num_frames = len(list(open_media(path).frames()))
    if num_frames != 2:
        raise RuntimeError(f"2 pictures were written, {num_frames} came back")
    return f"PyAV {av.__version__}, writes and reads MP4 (H.264)"


def read_pictures() -> str:
    """Decode a JPEG and a PNG as all readers do; return the versions of what does it.

    Raises:
        ImportError: Pillow or simplejpeg is missing.
        RuntimeError: a picture came back different.
    """
    import cv2
    import PIL
    import simplejpeg

    from psg_ros.pictures.encoded_picture import decode_samples

    grey = np.full((16, 16), 90, np.uint8)
    for suffix in (".jpg", ".png"):
        if not np.array_equal(decode_samples(cv2.imencode(suffix, grey)[1]), grey):
            raise RuntimeError(f"a picture came back different from {suffix}")
    return f"Pillow {PIL.__version__}, simplejpeg {simplejpeg.__version__}"
