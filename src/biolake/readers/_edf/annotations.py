"""EDF+ annotations: time-stamped lists of texts, and with them when each data record starts.

Source: Kemp and Olivan 2003, EDF+ specification, 2.2 (https://www.edfplus.info/specs/edfplus.html).
"""

from __future__ import annotations

import re

import numpy as np

from biolake.core.errors import SourceUnreadable
from biolake.core.media import Annotation
from biolake.readers._edf.header import Header

_STAMP = re.compile(rb"([+-]\d{1,12}(?:\.\d{0,12})?)(?:\x15(\d{1,12}(?:\.\d{0,12})?))?")


def read_annotations(header: Header, records: np.ndarray) -> tuple[np.ndarray, list[Annotation]]:
    """Return when each data record starts and all annotations, in seconds after the header's time.

    `records` is data records × bytes of a record. Raises `SourceUnreadable` naming the data record
    (from 1) whose annotations are malformed or that has no time of its own.
    """
    channels = [channel for channel in header.channels if channel.is_annotation]
    spans = [(c.first * header.width, (c.first + c.samples) * header.width) for c in channels]
    starts = np.empty(len(records))
    found: list[Annotation] = []
    for i, record in enumerate(records):
        try:
            for which, (first, stop) in enumerate(spans):
                onset = _texts(record[first:stop].tobytes(), found, keeps_time=which == 0)
                starts[i] = onset if which == 0 else starts[i]
        except ValueError as error:
            raise SourceUnreadable(str(error), where=f"data record {i + 1}") from None
    return starts, found


def _texts(raw: bytes, found: list[Annotation], *, keeps_time: bool) -> float:
    """Add the annotations of one record's channel; return the time its first list stands for."""
    start = np.nan
    for number, listed in enumerate(filter(None, raw.split(b"\0"))):
        stamp, *texts = listed.split(b"\x14")
        timed = _STAMP.fullmatch(stamp)
        if timed is None or not texts or texts[-1]:
            raise ValueError("an annotation list is malformed")
        onset = float(timed[1])
        if keeps_time and number == 0:
            if texts[0]:
                raise ValueError("the data record has no time of its own")
            start = onset
        lasts = None if timed[2] is None else float(timed[2])
        found += [Annotation(onset, "", _decoded(text), lasts) for text in texts[:-1] if text]
    if keeps_time and np.isnan(start):
        raise ValueError("the data record has no time of its own")
    return float(start)


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")
