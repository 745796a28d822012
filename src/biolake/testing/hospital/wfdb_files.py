"""Write WFDB records: format 16, one signal file, a header as archives have it (header(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from biolake.testing.hospital.clock import texts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LARGEST = 32767


def write_record(
    header: Path,
    microvolts: np.ndarray,
    rate: int,
    leads: Sequence[str],
    *,
    start: int,
    comments: Sequence[str] = (),
) -> int:
    """Write channels × samples, 1,000 steps a mV; return the bytes of both files.

    `header` ends in `.hea`; its `.dat` goes beside it. `start` is in seconds since 1970.
    """
    samples = np.clip(microvolts, -LARGEST, LARGEST).astype("<i2")
    data = header.with_suffix(".dat")
    (stamp,) = texts(np.array([start]))
    day, time = stamp.split("T")
    year, month, date = day.split("-")
    lines = [f"{header.stem} {len(leads)} {rate} {samples.shape[1]} {time} {date}/{month}/{year}"]
    for lead, channel in zip(leads, samples, strict=True):
        checksum = int(channel.sum(dtype=np.int64)) & 0xFFFF
        checksum -= (checksum > LARGEST) << 16
        lines.append(f"{data.name} 16 1000.0(0)/mV 16 0 {channel[0]} {checksum} 0 {lead}")
    lines += [f"#{comment}" for comment in comments]
    header.parent.mkdir(parents=True, exist_ok=True)
    text = ("\n".join(lines) + "\n").encode()
    header.write_bytes(text)
    content = samples.T.tobytes()
    data.write_bytes(content)
    return len(text) + len(content)
