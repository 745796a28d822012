"""WFDB: the records and annotations of PhysioNet and of many ECG and monitoring archives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from biolake.core.assets import Content, FoundAsset, Surroundings, UnreadableFile
from biolake.core.catalogue import asset_reader
from biolake.core.media import Recording
from biolake.core.reading import SourceFile


def claims(name: str, _start: bytes) -> bool:
    """Take headers; signal and annotation files belong to the record whose header is beside."""
    return name.endswith(".hea")


def find(
    files: Sequence[SourceFile], surroundings: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Yield one asset a record: its header, its segments' headers, signals and annotations."""
    from biolake.readers._wfdb.finding import find_records

    return find_records(files, surroundings)


@asset_reader("WFDB records (PhysioNet)", claims=claims, find=find)
def wfdb(content: Content) -> Recording:
    """Open a WFDB record: all its signals in physical units, and its annotations.

    Formats 8, 16, 24, 32, 61, 80, 160, 212, 310, 311 and FLAC (508, 516, 524; needs soundfile),
    several samples a frame, skew, several signal files, and records in segments. Missing samples
    and gaps are NaN; where a record is mostly gaps, each stretch between them is a signal of its
    own `start`. Checksums that do not fit are told in the comments. A record whose files are
    missing, cut short or leave its folder is refused.

    Source: WFDB Applications Guide, header(5), signal(5), annot(5) (https://physionet.org/physiotools/wag/).
    """
    from biolake.readers._wfdb.recording import open_record

    return open_record(content)
