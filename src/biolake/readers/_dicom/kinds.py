"""What a DICOM object is, by its SOP class and modality (PS3.4 B.5, PS3.3 C.7.3.1.1.1)."""

from __future__ import annotations

from biolake.readers._dicom import tags
from biolake.readers._dicom.header import Header

_STORAGE = "1.2.840.10008.5.1.4.1.1."
DIRECTORY = "1.2.840.10008.1.3.10"

# DICOM's two letters → ours. What is not here is "image".
_MODALITIES = {
    "CT": "ct",
    "MR": "mr",
    "PT": "pet",
    "NM": "nuclear",
    "CR": "xray",
    "DX": "xray",
    "RG": "xray",
    "IO": "xray",
    "PX": "xray",
    "MG": "mammogram",
    "XA": "fluoroscopy",
    "RF": "fluoroscopy",
    "US": "ultrasound",
    "IVUS": "ultrasound",
    "BDUS": "ultrasound",
    "SM": "slide",
    "GM": "photograph",
    "XC": "photograph",
    "ES": "photograph",
    "OP": "photograph",
    "DMS": "photograph",
    "SEG": "segmentation",
    "RTIMAGE": "radiotherapy",
    "RTDOSE": "radiotherapy",
    "RTSTRUCT": "radiotherapy",
    "RTPLAN": "radiotherapy",
    "RTRECORD": "radiotherapy",
    "SR": "report",
    "DOC": "report",
    "PR": "report",
    "KO": "report",
    "ECG": "ecg",
    "EEG": "eeg",
    "HD": "physiology",
    "EPS": "physiology",
    "RESP": "physiology",
}
# SOP class under Storage → modality; the longest beginning counts.
_CLASSES = {
    "1": "xray",
    "1.2": "mammogram",
    "1.2.1": "mammogram",
    "2": "ct",
    "2.1": "ct",
    "2.2": "ct",
    "3.1": "ultrasound",
    "6.1": "ultrasound",
    "6.2": "ultrasound",
    "4": "mr",
    "4.1": "mr",
    "4.2": "mr",
    "4.3": "mr",
    "4.4": "mr",
    "12.1": "fluoroscopy",
    "12.2": "fluoroscopy",
    "13.1.1": "xray",
    "13.1.3": "mammogram",
    "20": "nuclear",
    "77.1": "photograph",
    "77.1.6": "slide",
    "128": "pet",
    "128.1": "pet",
    "130": "pet",
    "66.4": "segmentation",
    "66.7": "segmentation",
    "66.5": "segmentation",
    "481": "radiotherapy",
    "88": "report",
    "11": "report",
    "104": "report",
    "9.1": "ecg",
    "9.2": "physiology",
    "9.3": "physiology",
    "9.4": "physiology",
    "9.5": "physiology",
    "9.6": "physiology",
    "9.7": "eeg",
    "9.7.2": "physiology",
    "9.7.3": "physiology",
    "9.8": "physiology",
}
# Kept as they are: what no picture, volume or recording can be made of.
_KEPT = {
    "481.2": "dose",
    "481.3": "structures",
    "481.5": "plan",
    "481.8": "plan",
    "481.4": "treatment record",
    "481.6": "treatment record",
    "481.7": "treatment record",
    "481.9": "treatment record",
    "88": "report",
    "11": "presentation state",
    "104": "document",
    "66": "raw",
    "66.1": "registration",
    "66.2": "fiducials",
    "66.3": "registration",
    "66.5": "surfaces",
    "66.6": "tracts",
    "67": "value map",
    "4.2": "spectroscopy",
    "9.4": "audio",
    "77.1.6": "tiled",
    "30": "parametric map",
}
_CROSS_SECTIONAL = frozenset({"2", "4", "128"})
_ENHANCED = frozenset({"2.1", "2.2", "4.1", "4.4", "128.1", "130"})
WAVEFORM, SEGMENTATION = "waveform", "segmentation"
# Waveform SOP classes whose electrodes are an ECG's standard ones.
ECG_CLASSES = {"9.1.1": "12-lead", "9.1.2": "general ECG", "9.1.3": "ambulatory"}


def storage(header: Header) -> str:
    """Return the SOP class's number under Storage: "2" is CT Image Storage."""
    uid = header.text(tags.SOP_CLASS)
    return uid[len(_STORAGE) :] if uid.startswith(_STORAGE) else ""


def _longest(table: dict[str, str], number: str) -> str:
    parts = number.split(".") if number else []
    for count in range(len(parts), 0, -1):
        found = table.get(".".join(parts[:count]))
        if found:
            return found
    return ""


def modality(header: Header) -> str:
    """Return the modality of `core.assets.MODALITIES`; where the tag is missing, by SOP class."""
    named = header.text(tags.MODALITY).upper()
    number = storage(header)
    by_class = _longest(_CLASSES, number)
    if by_class in ("segmentation", "report", "slide") or number.startswith("9."):
        return by_class
    if number.startswith("1.") and named not in _MODALITIES:
        return by_class or "xray"
    return _MODALITIES.get(named) or by_class or "image"


def kept(header: Header) -> str:
    """Return what an object is that is kept but never opened, or nothing."""
    number = storage(header)
    if number == "66" or number.startswith("66."):
        return _KEPT.get(number, "")
    found = _longest(_KEPT, number)
    if found:
        return found
    letters = {"RTSTRUCT": "structures", "RTPLAN": "plan", "RTDOSE": "dose", "SR": "report"}
    return letters.get(header.text(tags.MODALITY), "") if not number else ""


def is_waveform(header: Header) -> bool:
    """Say whether this is a waveform object (audio aside)."""
    number = storage(header)
    return number.startswith("9.") and not number.startswith("9.4")


def is_enhanced(header: Header) -> bool:
    """Say whether geometry stands in functional groups, one a frame."""
    return storage(header) in _ENHANCED


def is_localizer(header: Header) -> bool:
    """Say whether this is a scout view, drawn to plan the others."""
    parts = header.texts(tags.IMAGE_TYPE)
    return any(part in ("LOCALIZER", "SCOUT") for part in parts[2:])


def is_secondary(header: Header) -> bool:
    """Say whether this is a screen capture or scan, not what the device measured."""
    return storage(header) == "7" or storage(header).startswith("7.")


def is_grey(header: Header) -> bool:
    """Say whether pixels are measured values: not colour, and not numbers of a palette."""
    named = header.text(tags.PHOTOMETRIC)
    return (header.short(tags.SAMPLES) or 1) == 1 and (not named or named.startswith("MONOCHROME"))


def is_slice(header: Header) -> bool:
    """Say whether this one frame is a slice of a volume: it has a place and an orientation."""
    number = storage(header)
    single = header.text(tags.FRAMES) in ("", "1")
    if not single or is_localizer(header) or not is_grey(header):
        return False
    if number not in _CROSS_SECTIONAL and (number or modality(header) not in ("ct", "mr", "pet")):
        return False
    return len(header.numbers(tags.POSITION)) == 3 and len(header.numbers(tags.ORIENTATION)) == 6


def kind(header: Header) -> str:
    """Return what opening gives: volume, image, frames, waveform, segmentation, or what is kept."""
    if is_waveform(header):
        return WAVEFORM
    if storage(header) in ("66.4", "66.7"):
        return SEGMENTATION
    held = kept(header)
    if held:
        return held
    if is_enhanced(header) or is_slice(header):
        return "volume"
    frames = header.integer(tags.FRAMES) or 1
    return "frames" if frames > 1 else "image"
