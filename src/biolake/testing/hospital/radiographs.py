"""Frontal chest radiographs of a phantom: lungs, ribs, spine, and a heart of known width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biolake.testing.hospital.dicom_files import CR_STORAGE, Element, pixel_elements

SIDE = 256
SPACING = 400.0 / SIDE  # mm
BITS = 12


@dataclass(frozen=True)
class Chest:
    """What a radiograph shows: the heart's width over the chest's, and an opacity, if any."""

    cardiothoracic: float
    opacity: float = 0.0  # share of the lung fields
    right: bool = True  # side of the opacity


@dataclass(frozen=True)
class Film:
    """A radiograph as drawn (12-bit, bright is dense), and the share of the lungs that is dense."""

    pixels: np.ndarray
    opacity: float


def draw_film(rng: np.random.Generator, chest: Chest) -> Film:
    """Draw one film; the patient's right is on the left, as films are hung."""
    half = SIDE / 2
    across, down = np.meshgrid((np.arange(SIDE) + 0.5 - half), (np.arange(SIDE) + 0.5 - half))
    across, down = across * SPACING + rng.normal(0, 3), down * SPACING + rng.normal(0, 3)
    body = _edge(1 - (across / 178) ** 2 - ((down - 20) / 260) ** 4, 0.05)
    lungs = np.maximum(_lung(across, down, -68), _lung(across, down, 68))
    lungs *= _edge((118 - down) / 100 + 0.25 * (np.abs(across) / 100) ** 2, 0.03)
    heart = _heart(across, down, chest.cardiothoracic)
    air = np.clip(lungs - heart, 0, 1)
    patch = _opacity(rng, across, down, air, chest)
    dense = 0.62 * body - 0.42 * air + 0.26 * patch * air
    dense += 0.10 * heart + 0.13 * _spine(across, down) + 0.07 * _ribs(across, down) * lungs
    dense += 0.03 * _vessels(rng, across, down) * air + rng.normal(0, 0.008, dense.shape)
    pixels = np.clip(np.round((0.08 + dense) * 4000), 0, 2**BITS - 1).astype(np.uint16)
    whole = float((air > 0.5).sum())
    return Film(pixels, float(((patch > 0.5) & (air > 0.5)).sum()) / whole)


def _edge(inside: np.ndarray, softness: float) -> np.ndarray:
    """Return 1 inside, 0 outside, and a soft step between."""
    return np.asarray(1 / (1 + np.exp(-np.clip(inside / softness, -50, 50))))


def _lung(across: np.ndarray, down: np.ndarray, middle: float) -> np.ndarray:
    return _edge(1 - ((across - middle) / 52) ** 2 - ((down - 5) / 135) ** 2, 0.06)


def _heart(across: np.ndarray, down: np.ndarray, ratio: float) -> np.ndarray:
    """Return the heart's shadow, a third right of the middle; the chest is 240 mm wide."""
    width = 240 * ratio
    middle = width / 2 - width / 3
    return _edge(1 - ((across - middle) / (width / 2)) ** 2 - ((down - 62) / 62) ** 2, 0.06)


def _spine(across: np.ndarray, down: np.ndarray) -> np.ndarray:
    vertebrae = 0.75 + 0.25 * np.cos(2 * np.pi * down / 27)
    return _edge(1 - (across / 17) ** 2, 0.2) * vertebrae


def _ribs(across: np.ndarray, down: np.ndarray) -> np.ndarray:
    arc = down + 55 * (np.abs(across) / 120 - 0.55) ** 2
    return np.asarray(np.clip(np.cos(2 * np.pi * arc / 31) - 0.45, 0, 1) / 0.55)


def _vessels(rng: np.random.Generator, across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Return markings that thin out from the hila."""
    far = np.hypot(np.abs(across) - 25, down + 5)
    angle = np.arctan2(down + 5, np.abs(across) - 25)
    return np.asarray(np.clip(np.sin(11 * angle + rng.uniform(0, 6)), 0, 1) * np.exp(-far / 55))


def _opacity(
    rng: np.random.Generator, across: np.ndarray, down: np.ndarray, air: np.ndarray, chest: Chest
) -> np.ndarray:
    """Return a round shadow in one lower lung that covers the share asked for."""
    if not chest.opacity:
        return np.zeros_like(across)
    side = -1 if chest.right else 1
    far = np.hypot(across - side * (80 + rng.normal(0, 4)), 0.8 * (down - 40 + rng.normal(0, 8)))
    # The radius within which this share of the lung fields lies.
    seen = np.sort(far[air > 0.5])
    radius = seen[min(int(chest.opacity * len(seen)), len(seen) - 1)]
    return _edge(1 - far / radius, 0.12)


def film_elements(film: Film, side: str) -> tuple[str, list[Element]]:
    """Return the SOP class and the elements of a computed radiograph (PS3.3 A.2)."""
    return CR_STORAGE, [
        (0x00080008, "CS", ("ORIGINAL", "PRIMARY")),
        (0x00080060, "CS", "CR"),
        (0x00080070, "LO", "Biolake"),
        (0x00081090, "LO", f"Phantom CR {side}"),
        (0x00180015, "CS", "CHEST"),
        (0x00181164, "DS", (SPACING, SPACING)),
        (0x00185101, "CS", "PA"),
        (0x00200011, "IS", 1),
        (0x00200013, "IS", 1),
        (0x00200020, "CS", ("L", "F")),
        (0x00281050, "DS", 2000),
        (0x00281051, "DS", 3600),
        *pixel_elements(film.pixels, BITS),
    ]
