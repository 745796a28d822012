"""EDF, EDF+, BDF and BDF+: the formats of sleep, EEG and long-term recordings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from biolake.core.assets import Content, FoundAsset, Surroundings, UnreadableFile
from biolake.core.catalogue import asset_reader
from biolake.core.errors import SourceUnreadable
from biolake.core.media import Recording
from biolake.core.reading import SourceFile

_ENDINGS = (".edf", ".bdf")


def claims(name: str, start: bytes) -> bool:
    """Take .edf and .bdf files, and BioSemi files and recordings (.rec) of any such content."""
    ending = PurePosixPath(name).suffix.lower()
    return (
        ending in _ENDINGS
        or start[:8] == b"\xffBIOSEMI"
        or (ending == ".rec" and start[:8] == b"0       ")
    )


def find(
    files: Sequence[SourceFile], _surroundings: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Yield one asset a file; the patient code of EDF+ names its subject, and nothing else does."""
    for file in files:
        try:
            yield _asset(file)
        except SourceUnreadable as error:
            yield UnreadableFile(file, error.message, error.where)


@asset_reader("EDF, EDF+, BDF and BDF+", claims=claims, find=find)
def edf(content: Content) -> Recording:
    """Open an EDF or BDF file: its signals in physical units, and its annotations.

    Times count from the first data record, to its fraction of a second (EDF+). Gaps of a
    discontinuous file (EDF+D) are NaN where they are whole samples long and few enough, otherwise
    each run of data records is a signal of its own `start`. A file that is cut short is refused;
    one that was never closed (record count −1) is read as far as whole records go.

    Sources: Kemp et al. 1992; Kemp and Olivan 2003 (https://www.edfplus.info); BioSemi BDF.
    """
    from biolake.readers._edf.recording import open_edf

    return open_edf(content.read(content.names[0]))


def _asset(file: SourceFile) -> FoundAsset:
    from biolake.readers._edf.finding import found_asset

    return found_asset(file)
