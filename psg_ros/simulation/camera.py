# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A camera that never ends: it orbits in one settled scene after another, with the truth."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from psg_ros.simulation.frame import SimulatedFrame
from psg_ros.simulation.physics import SettledScene, settle
from psg_ros.simulation.rendering import CameraPose, Renderer
from psg_ros.simulation.templates import plan_scene
from psg_ros.simulation.truth import describe
from psg_ros.simulation.views import apply_light, apply_palettes, sample_palettes

# Angular speeds of the three slow swings of the camera, radians per second.
_SWING = {"azimuth": 0.55, "elevation": 0.35, "distance": 0.27}
_BUMP_SPEED = 0.4


class SimulatedCamera:
    """Frames of a live demonstration, one for each period of the camera's own time.

    The same seed gives the same frames however fast they are read. It holds a GL context: make,
    read and close it in one thread.

    Attributes:
        pose: where the camera was at the last frame.
    """

    pose: CameraPose

    def __init__(
        self,
        seed: int,
        size_wh: tuple[int, int] = (640, 480),
        *,
        rate_hz: float = 15.0,
        scene_s: float = 8.0,
        disturbances: bool = False,
    ) -> None:
        """Open the renderer.

        Args:
            seed: Any non-negative integer.
            size_wh: Width and height in pixels.
            rate_hz: Frames for each second of the camera's time.
            scene_s: Seconds until the next scene.
            disturbances: Push a random thing about every two seconds.

        Raises:
            ValueError: A rate or a duration is not positive.
            ImportError: MuJoCo is missing.
            RuntimeError: Its GL library is missing.
        """
        if rate_hz <= 0 or scene_s <= 0:
            raise ValueError(f"rate_hz and scene_s must be positive, got {rate_hz} and {scene_s}")
        self._seed = seed
        self._period_s = 1.0 / rate_hz
        self._frames_per_scene = max(1, round(scene_s * rate_hz))
        self._disturbances = disturbances
        self._count = 0
        self._closed = False
        self._renderer = Renderer(size_wh)

    def read(self) -> tuple[np.ndarray, SimulatedFrame]:
        """The next picture, uint8 [H, W, 3] RGB, and its truth (the picture is in it too).

        Raises:
            RuntimeError: The camera was closed.
        """
        if self._closed:
            raise RuntimeError("the simulated camera is closed; make a new one to read on")
        index, within = divmod(self._count, self._frames_per_scene)
        if within == 0:
            self._start_scene(index)
        else:
            if self._disturbances and self._rng.random() < self._period_s / 2:
                _push(self._scene, self._rng)
            self._scene.advance(self._period_s)
        self._count += 1
        self.pose = self._pose(within * self._period_s)
        view = self._renderer.render(self._scene.data, self.pose)
        rgb = np.clip(view.rgb * self._gain, 0, 255).astype(np.uint8)
        return rgb, describe(self._scene, view, rgb)

    def __iter__(self) -> Iterator[tuple[np.ndarray, SimulatedFrame]]:
        """Frames without end."""
        while True:
            yield self.read()

    def close(self) -> None:
        """Free the renderer; may be called again."""
        self._renderer.close()
        self._closed = True

    def _start_scene(self, index: int) -> None:
        self._rng = np.random.default_rng([self._seed, index])
        plan = plan_scene(self._rng)
        self._scene = settle(plan, self._rng)
        apply_palettes(self._scene.compiled, sample_palettes(plan, self._rng))
        apply_light(self._scene, self._rng)
        self._renderer.load(self._scene.compiled)
        self._phase = {name: self._rng.uniform(0, 2 * np.pi) for name in _SWING}
        # One exposure for the whole scene: a gain that changed from frame to frame would flicker.
        mean = float(self._renderer.render(self._scene.data, self._pose(0.0)).rgb.mean())
        self._gain = np.float32(np.clip(120 / max(mean, 1.0), 0.7, 2.0))

    def _pose(self, seconds: float) -> CameraPose:
        """Where the camera is: slow swings within the range of the scene."""
        cameras = self._scene.plan.cameras

        def swing(name: str, limits: tuple[float, float]) -> float:
            wave = np.sin(self._phase[name] + _SWING[name] * seconds)
            return float(np.mean(limits) + wave * (limits[1] - limits[0]) / 2)

        return CameraPose(
            target=tuple(float(value) for value in cameras.target),
            distance=swing("distance", cameras.distance),
            azimuth=90.0 + swing("azimuth", cameras.azimuth),
            elevation=-swing("elevation", cameras.elevation),
            fovy=44.0,
        )


def _push(scene: SettledScene, rng: np.random.Generator) -> None:
    """Give a random loose thing a small speed along the ground."""
    loose = [joint for joint in scene.compiled.item_joint if joint >= 0]
    if loose:
        start = scene.compiled.model.jnt_dofadr[rng.choice(loose)]
        angle = rng.uniform(0, 2 * np.pi)
        scene.data.qvel[start : start + 2] += _BUMP_SPEED * np.array([np.cos(angle), np.sin(angle)])
