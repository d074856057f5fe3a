# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""DeiT III's three-augment, for the pictures of stage 2: no cropping, so that no segment is lost.

Source: Touvron et al., "DeiT III: Revenge of the ViT", ECCV 2022, which DSFlash names: a horizontal
flip, one of grayscale, solarisation and blur, colour jitter. Strengths are those of its code. Flips
are for the caller, who has the masks; the rest changes colours alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from psg_ros.labels import phrase

JITTER = 0.3
SOLARISE_FROM = 128
BLUR_PX = (0.1, 2.0)  # standard deviation
FLIP_CHANCE = 0.5
SIDES = frozenset({"left", "right"})


def told_by_side(names: Sequence[str]) -> list[str]:
    """Return the predicates that are no longer true in a mirrored picture, such as "left of"."""
    return [name for name in names if SIDES & set(phrase(name).split())]


def flips(rng: np.random.Generator) -> bool:
    """Return whether a picture and its masks are to be mirrored; the first draw of a picture."""
    return bool(rng.random() < FLIP_CHANCE)


def three_augment(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a picture uint8 [h, w, 3], RGB, with other colours; `image` itself is not changed."""
    change = (grayscale, solarise, blur)[rng.integers(3)]
    return jitter(change(image, rng), rng)


def grayscale(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the luma (BT.601) in all three channels."""
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def solarise(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the picture with its bright values inverted."""
    return np.where(image < SOLARISE_FROM, image, 255 - image)


def blur(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the picture after a Gaussian blur of random width."""
    return cv2.GaussianBlur(image, (0, 0), rng.uniform(*BLUR_PX))


def jitter(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change brightness, contrast and saturation by up to `JITTER`, in random order."""
    for index in rng.permutation(3):
        change = (brighten, contrast, saturate)[index]
        image = change(image, rng.uniform(1 - JITTER, 1 + JITTER))
    return image


def brighten(image: np.ndarray, factor: float) -> np.ndarray:
    """Blend with black; a factor of 1 changes nothing."""
    return cv2.addWeighted(image, factor, image, 0, 0)


def contrast(image: np.ndarray, factor: float) -> np.ndarray:
    """Blend with the mean luma."""
    mean = cv2.mean(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[0]
    return cv2.addWeighted(image, factor, image, 0, (1 - factor) * round(mean))


def saturate(image: np.ndarray, factor: float) -> np.ndarray:
    """Blend with the luma of each pixel."""
    gray = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(image, factor, gray, 1 - factor, 0)
