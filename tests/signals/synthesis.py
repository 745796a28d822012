"""ECGs made of Gaussian waves whose limits are known: what the numerics are judged by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Beat:
    """Wave centres and widths (standard deviations) in ms from the R peak."""

    p_at: float = -150.0
    p_width: float = 20.0
    q_at: float = -22.0
    s_at: float = 24.0
    qrs_width: float = 9.0
    t_at: float = 270.0
    t_width: float = 38.0
    p_height: float = 0.15
    t_height: float = 0.35

    @property
    def qrs_start(self) -> float:
        return self.q_at - 2.2 * self.qrs_width

    @property
    def qrs_end(self) -> float:
        return self.s_at + 2.2 * self.qrs_width

    @property
    def p_start(self) -> float:  # where the tangent of a Gaussian's flank meets the baseline
        return self.p_at - 2.0 * self.p_width

    @property
    def t_end(self) -> float:
        return self.t_at + 2.0 * self.t_width


GAINS = np.array([[1.0, 0.9, 1.0], [1.1, 1.3, 1.2], [0.4, 0.7, 0.6], [0.8, 0.5, 0.7]])


def ecg(
    times: np.ndarray,
    seconds: float,
    rate: float,
    beat: Beat | None = None,
    noise: float = 0.0,
    seed: int = 1,
) -> np.ndarray:
    """Return 4 leads (mV) with beats at these times; gains of P, QRS and T differ by lead."""
    wave = beat or Beat()
    t = np.arange(int(seconds * rate)) / rate
    p, qrs, tee = (np.zeros_like(t) for _ in range(3))
    for at in times:
        ms = (t - at) * 1000.0
        p += wave.p_height * _bell(ms, wave.p_at, wave.p_width)
        tee += wave.t_height * _bell(ms, wave.t_at, wave.t_width)
        qrs += 1.1 * _bell(ms, 0.0, wave.qrs_width)
        qrs -= 0.25 * _bell(ms, wave.q_at, wave.qrs_width)
        qrs -= 0.35 * _bell(ms, wave.s_at, wave.qrs_width)
    leads = GAINS @ np.vstack((p, qrs, tee))
    rng = np.random.default_rng(seed)
    return (leads + noise * rng.standard_normal(leads.shape)).astype(np.float32)


def _bell(ms: np.ndarray, at: float, width: float) -> np.ndarray:
    return np.exp(-0.5 * ((ms - at) / width) ** 2)
