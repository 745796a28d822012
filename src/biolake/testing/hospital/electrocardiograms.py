"""Twelve-lead ECGs of one moving dipole, so that every lead tells of the same heart.

The dipole (mV, towards the left, the feet and the back) is a sum of Gaussian waves around each beat
(after McSharry et al., IEEE Trans Biomed Eng 2003;50:289, and Sameni et al., EURASIP J Adv Signal
Process 2007:43407); Dower's matrix projects it on the leads (Dower et al., J Electrocardiol
1980;13:241), and Einthoven's and Goldberger's laws give the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SECONDS = 10.0
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
# What x, y and z of the dipole give in I, II and V1 to V6.
DOWER = np.array(
    [
        [0.632, -0.235, 0.059],
        [0.235, 1.066, -0.132],
        [-0.515, 0.157, -0.917],
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ]
)
FLANK = 2.0
"""The tangent to a Gaussian's flank meets the baseline this many widths from its centre."""
VISIBLE = 0.02
"""mV: QRS lasts while some lead is this far from baseline (CSE, Willems et al., 1985)."""


@dataclass(frozen=True)
class Wave:
    """One Gaussian: centre and widths before and after it (ms from R), and its dipole in mV."""

    at: float
    before: float
    after: float
    dipole: tuple[float, float, float]

    def draw(self, ms: np.ndarray) -> np.ndarray:
        width = np.where(ms < self.at, self.before, self.after)
        return np.exp(-0.5 * ((ms - self.at) / width) ** 2)


@dataclass(frozen=True)
class Heart:
    """What one ECG shows: rate and intervals (ms), and the findings that shape its waves."""

    rate: float
    pr: float
    qt: float
    findings: tuple[str, ...] = ()
    voltage: float = 1.0

    def shows(self, *names: str) -> bool:
        return any(name in self.findings for name in names)

    @property
    def in_fibrillation(self) -> bool:
        return self.shows("AFIB")


@dataclass(frozen=True)
class Drawn:
    """An ECG and what is true of it: whole microvolts (12 × samples), R times, intervals in ms."""

    microvolts: np.ndarray
    beats: np.ndarray
    heart_rate: float
    pr: float | None
    qrs: float
    qt: float


def draw_ecg(rng: np.random.Generator, heart: Heart, rate: int) -> Drawn:
    """Draw ten seconds of a heart at `rate` samples a second, with noise and baseline wander."""
    beats = _beats(rng, heart)
    waves, start, end = _ventricles(heart)
    shown = [*waves, _repolarisation(heart, start)]
    if not heart.in_fibrillation:
        shown += _atria(heart, start)
    times = np.arange(int(SECONDS * rate)) / rate
    dipole = np.zeros((3, len(times)))
    for beat in beats:
        ms = (times - beat) * 1000.0
        for wave in shown:
            dipole += np.outer(wave.dipole, wave.draw(ms))
    if heart.in_fibrillation:
        dipole += _fibrillation(rng, times)
    limb_and_chest = DOWER @ dipole + _disturbance(rng, times)
    inside = beats[(beats > 0.05) & (beats < SECONDS - 0.05)]
    return Drawn(
        _twelve(np.round(limb_and_chest * 1000.0).astype(np.int32)),
        inside,
        60.0 / float(np.diff(inside).mean()),
        None if heart.in_fibrillation else heart.pr,
        end - start,
        heart.qt,
    )


def _beats(rng: np.random.Generator, heart: Heart) -> np.ndarray:
    """Place the R waves, from before the recording to after it."""
    mean, count = 60.0 / heart.rate, int(SECONDS * heart.rate / 60 * 1.6) + 8
    if heart.in_fibrillation:
        intervals = mean * np.exp(rng.normal(0, 0.24, count) - 0.24**2 / 2)
        intervals = np.maximum(intervals, 0.33)
    else:
        breath = np.sin(2 * np.pi * (0.25 * mean * np.arange(count) + rng.random()))
        intervals = mean * (1 + 0.02 * breath + rng.normal(0, 0.006, count))
    times = -rng.random() * mean + np.cumsum(intervals) - intervals[0]
    return np.asarray(times[times < SECONDS + 0.6])


def _ventricles(heart: Heart) -> tuple[list[Wave], float, float]:
    """Return the waves of QRS (and ST), and where QRS starts and ends (ms from R)."""
    v = heart.voltage
    if heart.shows("CLBBB"):
        waves = [
            Wave(-30, 13, 13, (0.5 * v, 0.25 * v, 0.5 * v)),
            Wave(0, 20, 20, (0.9 * v, 0.35 * v, 0.9 * v)),
            Wave(38, 16, 16, (0.8 * v, 0.2 * v, 0.5 * v)),
        ]
    else:
        waves = [
            Wave(-24, 9, 9, (-0.14, -0.08, -0.2)),
            Wave(0, 10, 10, (1.05 * v, 0.75 * v, 0.5 * v)),
            Wave(24, 9, 9, (-0.2 * v, -0.22 * v, 0.4 * v)),
        ]
    if heart.shows("CRBBB"):
        waves.append(Wave(56, 17, 17, (-0.45, 0.02, -0.55)))
    if heart.shows("IMI"):
        waves.append(Wave(-24, 10, 10, (0.0, -0.5, 0.0)))
    if heart.shows("AMI"):
        waves += [Wave(-20, 9, 9, (-0.1, 0.0, 0.45)), Wave(4, 12, 12, (-0.25, 0.0, 0.25))]
    start, end = _limits(waves)
    # Injury lifts ST towards its wall: the feet, or the front of the chest.
    if heart.shows("STE_"):
        towards = (-0.08, 0.24, 0.02) if heart.shows("IMI") else (0.03, 0.0, -0.26)
        waves.append(Wave(end + 60, 45, 60, towards))
    return waves, start, end


def _limits(waves: list[Wave]) -> tuple[float, float]:
    """Return where waves begin and end to be seen in any lead (ms from R)."""
    ms = np.arange(-150.0, 150.0)
    dipole = sum(np.outer(wave.dipole, wave.draw(ms)) for wave in waves)
    seen = np.flatnonzero(np.abs(DOWER @ dipole).max(axis=0) > VISIBLE)
    return float(ms[seen[0]]), float(ms[seen[-1]])


def _repolarisation(heart: Heart, start: float) -> Wave:
    """Return the T wave that ends QT after QRS began."""
    after = 34.0 * min(1.0, (heart.qt / 390.0))
    dipole = np.array([0.3, 0.2, -0.24])
    if heart.shows("CLBBB"):
        dipole = np.array([-0.3, -0.1, -0.4])  # against QRS
    elif heart.shows("LVH"):
        dipole = np.array([-0.24, -0.05, -0.12])  # strain
    elif heart.shows("IMI", "AMI"):
        dipole *= 0.75
    x, y, z = dipole.tolist()
    return Wave(start + heart.qt - FLANK * after, 1.5 * after, after, (x, y, z))


def _atria(heart: Heart, start: float) -> list[Wave]:
    """Return the P wave that begins PR before QRS: right atrium, then left."""
    onset = start - heart.pr
    return [
        Wave(onset + FLANK * 17, 17, 17, (0.06, 0.1, -0.07)),
        Wave(onset + FLANK * 17 + 26, 18, 18, (0.1, 0.08, 0.04)),
    ]


def _fibrillation(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Return the fine waves of fibrillating atria: 4 to 8 a second, never quite the same."""
    found = np.zeros((3, len(times)))
    for size in (0.05, 0.035):
        drift = 1.2 * np.sin(2 * np.pi * (0.3 * rng.random() * times + rng.random()))
        phase = 2 * np.pi * (rng.uniform(4.5, 7.5) * times + rng.random()) + drift
        found += size * np.outer([0.3, 0.7, -0.8], np.sin(phase) + 0.3 * np.sin(2 * phase))
    return found


def _disturbance(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Return what is not the heart in I, II and V1 to V6: breath, mains hum and muscle (mV)."""
    shape = (len(DOWER), len(times))
    wander = np.zeros(shape)
    for rate in (rng.uniform(0.15, 0.3), rng.uniform(0.03, 0.12)):
        phase = 2 * np.pi * (rate * times + rng.random((len(DOWER), 1)))
        wander += rng.uniform(0.01, 0.06, (len(DOWER), 1)) * np.sin(phase)
    hum = 0.003 * np.sin(2 * np.pi * (50.0 * times + rng.random()))
    muscle = rng.normal(0, rng.uniform(0.006, 0.014), shape)
    return np.asarray(wander + hum + muscle)


def _twelve(eight: np.ndarray) -> np.ndarray:
    """Make the twelve leads of I, II and V1 to V6, so that I + III is II to the microvolt."""
    one, two, chest = eight[0], eight[1], eight[2:]
    limbs = [one, two, two - one, -((one + two) // 2), one - two // 2, two - one // 2]
    return np.vstack([*limbs, chest])
