"""Assets: what a reader finds, how its bytes are reached, and what an extractor says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import pyarrow as pa

from biolake.core.media import Opened
from biolake.core.reading import SourceFile

# Kind of data → what it is. DICOM's own two letters are mapped onto these.
MODALITIES: Mapping[str, str] = {
    "ecg": "electrocardiogram",
    "eeg": "electroencephalogram",
    "ppg": "photoplethysmogram",
    "physiology": "other or mixed physiological waveforms",
    "wearable": "wearable device time series",
    "ct": "computed tomography",
    "mr": "magnetic resonance",
    "pet": "positron emission tomography",
    "nuclear": "nuclear medicine",
    "xray": "projection radiograph",
    "mammogram": "mammogram",
    "fluoroscopy": "fluoroscopy and angiography",
    "ultrasound": "ultrasound",
    "slide": "whole-slide microscopy",
    "photograph": "photograph or other picture",
    "segmentation": "segmentation of an image",
    "radiotherapy": "radiotherapy plan, structures or dose",
    "report": "structured report",
    "image": "image of another kind",
    "note": "clinical note or other text",
    "genotype": "genotypes of one or many subjects",
    "cells": "single-cell measurements",
    "spatial": "spatially resolved molecular measurements",
}


@dataclass(frozen=True)
class Facts:
    """What the index says of an asset; nothing here may tell whose it is."""

    kind: str = ""  # "12-lead", "volume", "frames", "tiled"
    seconds: float | None = None
    rate: float | None = None  # Hz, of the fastest channel
    channels: int | None = None
    shape: tuple[int, ...] = ()  # voxels, pixels or samples
    units: str = ""
    device: str = ""  # manufacturer and model
    # Technical only, JSON values: leads, spacing, body part, transfer syntax, mpp, bit depth.
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FoundSample:
    """One sample of an asset that holds many, in the asset's own order.

    `name` is what the file calls it: an identifier of a subject, of `system` where the file says
    which. Such a name may say whose the sample is, so only its keyed hash is kept.
    """

    name: str
    system: str = ""
    time: int | None = None  # microseconds since 1970 on the site's clock: when it was taken


@dataclass(frozen=True)
class FoundAsset:
    """One asset as a reader finds it in a source.

    The first of `files` opens it. `source_key` is the source's own identity of it (a series UID):
    more files of the same key join it; without, it is its content. `subject` is the identifier the
    file carries; `system` names its issuer where the file says. `start` and `end` are microseconds
    since 1970 as the file writes them; `utc_offset` is how many minutes east of UTC that clock is,
    where the file tells (0: they are UTC).
    """

    modality: str
    files: tuple[SourceFile, ...]
    facts: Facts = field(default_factory=Facts)
    source_key: str = ""
    subject: str | None = None
    system: str = ""
    encounter: str | None = None
    start: int | None = None
    end: int | None = None
    utc_offset: int | None = None
    notes: tuple[str, ...] = ()
    # Its subject and encounter come from the source's own rows (a list of files), and are resolved
    # as those are.
    listed: bool = False
    # The source's own identity of each of `files` (a SOP Instance UID): of two with the same one,
    # the later replaces the earlier.
    file_keys: tuple[str, ...] = ()
    # An asset of many samples (a cohort's genotypes) has no subject of its own: each sample has.
    samples: tuple[FoundSample, ...] = ()
    row: int = 1  # of a part of a file: the row of that file it stands in, header included


@dataclass(frozen=True)
class UnreadableFile:
    """A file that should be an asset, or part of one, and cannot be; the reason tells no value."""

    file: SourceFile
    reason: str
    item: str = ""  # tag, header line or column at fault
    row: int = 1  # of a part of a file: the row of that file it stands in, header included


@dataclass(frozen=True)
class Surroundings:
    """What a finder may look at besides the files it claimed: every file of the source, by name."""

    files: Mapping[str, SourceFile]

    def beside(self, file: SourceFile, name: str) -> SourceFile | None:
        """Return the file of this name in the folder of another."""
        return self.files.get((PurePosixPath(file.name).parent / name).as_posix())


class Content(Protocol):
    """The bytes of one asset, wherever they lie; `names` are its files, the first opens it."""

    names: tuple[str, ...]

    def read(self, name: str) -> bytes:
        """Return one file whole; `FileNotFoundError` when the asset has none of that name."""

    def part(self, name: str, start: int, length: int) -> bytes:
        """Return some bytes of a file without reading the rest; fewer where it ends before."""

    def path(self, name: str) -> Path:
        """Return a local file with these bytes, for libraries that open nothing else."""


@dataclass(frozen=True)
class FileContent:
    """An asset's bytes in files of a folder: what readers are tested on."""

    files: Mapping[str, Path]

    @staticmethod
    def of(*paths: Path) -> FileContent:
        return FileContent({path.name: path for path in paths})

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.files)

    def read(self, name: str) -> bytes:
        return self.path(name).read_bytes()

    def part(self, name: str, start: int, length: int) -> bytes:
        with self.path(name).open("rb") as stream:
            stream.seek(start)
            return stream.read(length)

    def path(self, name: str) -> Path:
        try:
            return self.files[name]
        except KeyError:
            raise FileNotFoundError(name) from None


# Does this reader take the file, by its name within the source and its first 4,096 bytes?
Claim = Callable[[str, bytes], bool]
Finder = Callable[[Sequence[SourceFile], Surroundings], Iterator[FoundAsset | UnreadableFile]]
AssetOpener = Callable[[Content], Opened]


@dataclass(frozen=True)
class Finding:
    """One fact an extractor found in an asset: it becomes an event.

    `at` is in seconds after the asset's start, `lasts` in seconds. Its event is at the asset's
    start and `at`, and whoever asks from then on sees it. So a value that sums up a span (an
    hour's heart rate, a day's steps) stands at the span's end, when it is known: `at` is the end,
    there is no `lasts`, and `text` says over how long ("over 3600 s"). Only what was already true
    when it began and goes on (an episode of fibrillation) stands at its start and has `lasts`;
    nothing of its value may come from later. Findings with the same code in one asset are told
    apart by their order.
    """

    code: str
    value: float | None = None
    unit: str = ""  # UCUM
    text: str | None = None
    at: float = 0.0
    lasts: float | None = None


@dataclass(frozen=True)
class FoundCode:
    """A code an extractor may give: what it means, and the standard terms it is a kind of.

    `EXPRESSION//*` declares every code that begins so.
    """

    code: str
    description: str
    unit: str = ""
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measured:
    """What an extractor found, as columns: for many findings, many samples, or rows of a table.

    `findings` has the columns of `schema.FINDINGS`; `tables` are rows for derived tables of the
    lake (`schema.DERIVED`), each with `item` in place of `asset_id`, `annotator` and `version`.
    `item` is the place of the asset in the run given (0 for an extractor of one asset at a time);
    `sample` the number of the sample in an asset of many. `skipped` says why an item gave nothing,
    `faults` why it could not be measured.
    """

    findings: pa.Table | None = None
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    skipped: Mapping[int, str] = field(default_factory=dict)
    faults: Mapping[int, str] = field(default_factory=dict)


Extract = Callable[[Opened], "Sequence[Finding] | Measured"]
# Of extractors that look at a run of assets at once (notes).
ExtractMany = Callable[[Sequence[Opened]], Measured]


@dataclass(frozen=True)
class SignalInput:
    """How an encoder wants recordings: the engine resamples, orders and cuts them so.

    Batches are n × leads × (rate · seconds), float32. A lead a recording lacks is zero.
    """

    rate: float
    leads: tuple[str, ...]
    seconds: float
    normalisation: str = "none"  # none, lead-zscore, lead-robust (median, IQR), recording-zscore
    band: tuple[float, float] | None = None  # Hz, zero-phase band-pass before all else
    unit: str = "mV"


@dataclass(frozen=True)
class ImageInput:
    """How an encoder wants pictures: n × size × size float32, resized, aspect kept by padding."""

    size: int
    normalisation: str = "unit"  # unit (0 to 1 by percentiles), zscore
    window: tuple[float, float] | None = None  # CT only: centre and width in HU


@dataclass(frozen=True)
class TileInput:
    """How an encoder wants slides: n × size × size × 3 uint8 tissue tiles at this resolution."""

    size: int
    mpp: float  # micrometres per pixel; size · mpp is the patch size in micrometres
    most: int = 256  # tiles taken from one slide, spread over its tissue


@dataclass(frozen=True)
class TextInput:
    """How an encoder wants notes: an array of n strings, the chunks of a note in their order.

    A chunk has at most 1,000 characters; `text.chunks` says where it ends.
    """


EncoderInput = SignalInput | ImageInput | TileInput | TextInput
