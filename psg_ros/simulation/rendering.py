# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Off-screen pictures of a compiled scene: colours, the geom behind each pixel, and depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from psg_ros.frame import Camera, Pose
from psg_ros.simulation.compile import CompiledScene
from psg_ros.simulation.engine import load_mujoco, open_gl_context
from psg_ros.simulation.geometry import Vector

_MAX_GEOMS = 1000


@dataclass(frozen=True)
class CameraPose:
    """A camera that orbits a point; angles in degrees as the engine counts them.

    Attributes:
        target: Point in the middle of the picture, metres.
        distance: Metres from the target.
        azimuth: Direction of view in the ground plane: 90 looks along +y.
        elevation: Negative looks down.
        fovy: Vertical field of view.
    """

    target: Vector
    distance: float
    azimuth: float
    elevation: float
    fovy: float

    @property
    def forward(self) -> np.ndarray:
        """Where the camera looks, float64 [3], of length 1."""
        azimuth, elevation = np.deg2rad([self.azimuth, self.elevation])
        return np.array(
            [
                np.cos(elevation) * np.cos(azimuth),
                np.cos(elevation) * np.sin(azimuth),
                np.sin(elevation),
            ]
        )

    @property
    def position(self) -> np.ndarray:
        """Where the camera is, float64 [3], metres."""
        return np.asarray(self.target) - self.distance * self.forward

    @property
    def in_world(self) -> Pose:
        """Maps points of the optical frame into the world, whose z points up."""
        ahead = self.forward
        right = np.cross(ahead, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(ahead, right), ahead], axis=1)
        return Pose("world", rotation, self.position)

    def intrinsics(self, size_wh: tuple[int, int]) -> Camera:
        """Return the pinhole camera of pictures of (width, height) pixels."""
        width, height = size_wh
        focal = height / 2 / np.tan(np.deg2rad(self.fovy) / 2)
        return Camera((height, width), (focal, focal), ((width - 1) / 2, (height - 1) / 2))


@dataclass(frozen=True)
class RawView:
    """One rendered view.

    Attributes:
        rgb: uint8 [H, W, 3].
        geom: int32 [H, W], geom index, -1 where nothing is.
        depth: float32 [H, W], metres along the optical axis.
    """

    rgb: np.ndarray
    geom: np.ndarray
    depth: np.ndarray


class Renderer:
    """Holds a GL context; belongs to the thread that made it.

    The context is kept from scene to scene, because opening one costs more than a picture.
    """

    def __init__(self, size_wh: tuple[int, int]) -> None:
        """Open a context for pictures of (width, height) pixels.

        Raises:
            ImportError: MuJoCo is missing.
            RuntimeError: Its GL library is missing.
        """
        self._mujoco = load_mujoco()
        self.size_wh = size_wh
        self._gl = open_gl_context(*size_wh)
        self._model: Any = None
        self._context: Any = None

    def load(self, scene: CompiledScene) -> None:
        """Upload the meshes and textures of a scene; it replaces the one before."""
        mujoco = self._mujoco
        self._free_context()
        self._gl.make_current()
        scene.model.vis.global_.offwidth, scene.model.vis.global_.offheight = self.size_wh
        self._model = scene.model
        self._context = mujoco.MjrContext(scene.model, mujoco.mjtFontScale.mjFONTSCALE_50)
        self._context.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZERONEAR
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        self._visual = mujoco.MjvScene(scene.model, maxgeom=_MAX_GEOMS)
        self._option = mujoco.MjvOption()
        self._viewport = mujoco.MjrRect(0, 0, *self.size_wh)

    def render(self, data: Any, camera: CameraPose) -> RawView:
        """Draw the loaded scene in the state ``data`` (``mujoco.MjData``)."""
        self._gl.make_current()  # another renderer may have been used in between
        self._update(data, camera)
        rgb, _ = self._draw(segmentation=False)
        identity, raw_depth = self._draw(segmentation=True)
        return RawView(rgb, self._geoms(identity), self._metres(raw_depth))

    def close(self) -> None:
        """Free the context; without this the GL binding complains at interpreter exit."""
        self._free_context()
        if self._gl is not None:
            self._gl.free()
            self._gl = None

    def _free_context(self) -> None:
        if self._context is not None:
            self._gl.make_current()
            self._context.free()
            self._context = None

    def _update(self, data: Any, camera: CameraPose) -> None:
        mujoco, model = self._mujoco, self._model
        model.vis.global_.fovy = camera.fovy
        pose = mujoco.MjvCamera()
        pose.type = mujoco.mjtCamera.mjCAMERA_FREE
        pose.lookat[:] = camera.target
        pose.distance, pose.azimuth = camera.distance, camera.azimuth
        pose.elevation = camera.elevation
        mujoco.mjv_updateScene(
            model, data, self._option, None, pose, mujoco.mjtCatBit.mjCAT_ALL, self._visual
        )

    def _draw(self, *, segmentation: bool) -> tuple[np.ndarray, np.ndarray]:
        mujoco, (width, height) = self._mujoco, self.size_wh
        self._visual.flags[mujoco.mjtRndFlag.mjRND_SEGMENT] = segmentation
        self._visual.flags[mujoco.mjtRndFlag.mjRND_IDCOLOR] = segmentation
        mujoco.mjr_render(self._viewport, self._visual, self._context)
        rgb = np.empty((height, width, 3), np.uint8)
        depth = np.empty((height, width), np.float32)
        mujoco.mjr_readPixels(rgb, depth, self._viewport, self._context)
        return rgb[::-1], depth[::-1]  # GL counts rows from below

    def _geoms(self, identity: np.ndarray) -> np.ndarray:
        """Decode the identity colours: 1 + index into the drawn geoms, in 24 bits."""
        drawn = identity.astype(np.int32) @ np.array([1, 256, 65536], np.int32)
        table = np.full(_MAX_GEOMS + 1, -1, np.int32)
        for geom in self._visual.geoms[: self._visual.ngeom]:
            if geom.objtype == self._mujoco.mjtObj.mjOBJ_GEOM and geom.segid >= 0:
                table[geom.segid + 1] = geom.objid
        return table[drawn]

    def _metres(self, raw: np.ndarray) -> np.ndarray:
        model = self._model
        near = model.vis.map.znear * model.stat.extent
        far = model.vis.map.zfar * model.stat.extent
        return (near / (1.0 - raw * (1.0 - near / far))).astype(np.float32)
