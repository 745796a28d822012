"""Names and units of waveform channels: which leads they are, and what kind of recording they make.

Sources: the twelve standard leads as AHA/ACC/HRS 2007 names them; electrodes of the 10-20 and
10-10 systems (ACNS guideline 2); lead names in use in PhysioNet's databases.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from biolake.core.units import to_ucum

TWELVE_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")

_CANONICAL = {name.lower(): name for name in TWELVE_LEADS}
_ECG = re.compile(
    r"(?:ecg|ekg).*|(?:lead)?(?:i{1,3}|av[rlf]|v|v[1-9]r?)|ml(?:i{1,3}|[1-6])|m?v[1-6]|mcl[1-6]?"
    r"|v[xyz]|mod\.?v[1-6]|c[cm][1-6]|es|as|ai"
)
_PREFIX = re.compile(r"^(?:(?:ecg|ekg)[ _-]+)?(?:lead[ _-]+)?")
_PPG = re.compile(r"pleth.*|ppg.*|pulse.?ox.*")
_ELECTRODE = r"(?:fp|af|fc|ft|cp|tp|po|[fctpoam])(?:z|\d{1,2})"
_EEG = re.compile(rf"eeg.*|{_ELECTRODE}(?:{_ELECTRODE}|ref|le|av|avg)?")
_DROPPED = str.maketrans("", "", " _-")
# Spellings of waveform files that are no laboratory units; an unnamed scale is UCUM's unity.
_UNITS = {
    "NU": "1", "nu": "1", "mv": "mV", "uv": "uV", "µV": "uV", "μV": "uV", "UV": "uV",
    "microvolt": "uV", "millivolt": "mV", "volts": "V", "degrees": "deg", "ohm": "Ohm",
    "degC": "Cel", "DegC": "Cel",
}  # fmt: skip


def channel_name(name: str) -> str:
    """Return a channel's name; the twelve standard leads as usual (AVR → aVR, ECG V2 → V2)."""
    return _CANONICAL.get(_PREFIX.sub("", name.lower()), name)


def channel_unit(unit: str) -> str:
    """Return the UCUM code of a waveform's unit; a spelling nobody listed stays as it is."""
    return _UNITS.get(unit) or to_ucum(unit)


def modality_of(names: Sequence[str]) -> str:
    """Return `ecg`, `ppg` or `eeg` when every channel is one, otherwise `physiology`."""
    kinds = {_kind(name) for name in names}
    return kinds.pop() if len(kinds) == 1 else "physiology"


def is_twelve_lead(names: Sequence[str]) -> bool:
    """Say whether all twelve standard leads are among these channels."""
    return set(TWELVE_LEADS) <= {channel_name(name) for name in names}


def _kind(name: str) -> str:
    plain = name.lower().translate(_DROPPED)
    for kind, pattern in (("ecg", _ECG), ("ppg", _PPG), ("eeg", _EEG)):
        if pattern.fullmatch(plain):
            return kind
    return "physiology"
