"""NIfTI volumes: NIfTI-1 and NIfTI-2 single files, plain or gzipped."""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from biolake.core.assets import Content, Facts, FoundAsset, Surroundings, UnreadableFile
from biolake.core.catalogue import asset_reader
from biolake.core.errors import BiolakeError, DataRefused, SourceUnreadable
from biolake.core.media import Volume
from biolake.core.reading import SourceFile

# nifti1.h: data type code → what numpy calls it.
_TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8",
    256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
_OTHERS = {1: "one-bit", 32: "complex", 128: "RGB", 1536: "128-bit", 1792: "complex",
           2048: "complex", 2304: "RGBA"}  # fmt: skip
_MILLIMETRES = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # xyzt_units: unknown, m, mm, µm
_LABELS = 1002  # intent code of a label image
_NAMES_CT = re.compile(r"(?<![a-z])ct(?![a-z])")
_AIR = -200.0  # HU; a CT of a body has air around or in it, a mask or a windowed copy has not
_BLOCK = 1 << 22
_MOST_BYTES = 1 << 34
_DEFLATE_MOST = 1_032  # one byte of deflate gives no more
_OBLIQUE = 1e-3
_MOST_SCALE = 1e30


@dataclass(frozen=True)
class Header:
    """What a NIfTI header says; `affine` is 3 × 4, voxel (i, j, k) → RAS millimetres."""

    shape: tuple[int, ...]  # i, j, k, …: the first runs fastest
    dtype: np.dtype[np.generic]
    offset: int
    slope: float
    intercept: float
    affine: np.ndarray
    intent: int
    words: str  # description and auxiliary file: may name a person, never shown
    notes: tuple[str, ...]

    @property
    def count(self) -> int:
        return int(np.prod(np.array(self.shape, dtype=object)))

    @property
    def scaled(self) -> bool:
        return (self.slope, self.intercept) != (1.0, 0.0)


def read_header(stream: BinaryIO) -> Header:
    """Read the header of either version and byte order; source: nifti1.h, nifti2.h (NIH)."""
    head = stream.read(348)
    for order in "<>":
        if len(head) == 348 and struct.unpack_from(f"{order}i", head)[0] == 348:
            return _header(head, order, _FIELDS_1)
        if len(head) == 348 and struct.unpack_from(f"{order}i", head)[0] == 540:
            return _header(head + stream.read(192), order, _FIELDS_2)
    raise SourceUnreadable("this is not a NIfTI header")


# Field → format and offset.
_FIELDS_1 = {
    "magic": ("4s", 344), "dim": ("8h", 40), "datatype": ("h", 70), "pixdim": ("8f", 76),
    "vox_offset": ("f", 108), "slope": ("f", 112), "intercept": ("f", 116), "units": ("B", 123),
    "descrip": ("80s", 148), "aux": ("24s", 228), "qform": ("h", 252), "sform": ("h", 254),
    "quatern": ("3f", 256), "qoffset": ("3f", 268), "srow": ("12f", 280), "intent": ("h", 68),
}  # fmt: skip
_FIELDS_2 = {
    "magic": ("4s", 4), "dim": ("8q", 16), "datatype": ("h", 12), "pixdim": ("8d", 104),
    "vox_offset": ("q", 168), "slope": ("d", 176), "intercept": ("d", 184), "units": ("i", 500),
    "descrip": ("80s", 240), "aux": ("24s", 320), "qform": ("i", 344), "sform": ("i", 348),
    "quatern": ("3d", 352), "qoffset": ("3d", 376), "srow": ("12d", 400), "intent": ("i", 504),
}  # fmt: skip


def _header(head: bytes, order: str, fields: dict[str, tuple[str, int]]) -> Header:
    if len(head) < (540 if fields is _FIELDS_2 else 348):
        raise SourceUnreadable("the header is cut short")
    read = {k: struct.unpack_from(order + form, head, at) for k, (form, at) in fields.items()}
    if read["magic"][0] not in (b"n+1\0", b"n+2\0"):
        raise SourceUnreadable("this is a NIfTI header without its voxels (a .hdr/.img pair)")
    shape = _shape(read["dim"])
    code = read["datatype"][0]
    if code not in _TYPES:
        kind = _OTHERS.get(code, f"type {code}")
        raise SourceUnreadable(f"{kind} voxels are not read", next="Convert them to numbers.")
    affine, notes = _affine(read)
    slope, intercept = float(read["slope"][0]), float(read["intercept"][0])
    if slope == 0 or not np.isfinite([slope, intercept]).all():
        slope, intercept = 1.0, 0.0  # the standard: then the voxels are as stored
    if max(abs(slope), abs(intercept)) > _MOST_SCALE:
        raise SourceUnreadable("the header's scale is impossible (scl_slope, scl_inter)")
    return Header(
        shape,
        np.dtype(order + _TYPES[code]),
        _offset(read["vox_offset"][0], len(head)),
        slope,
        intercept,
        affine,
        read["intent"][0],
        (read["descrip"][0] + b" " + read["aux"][0]).decode("latin-1"),
        notes,
    )


def _offset(offset: float, least: int) -> int:
    if not np.isfinite(offset) or not least <= offset < 1 << 40:
        raise SourceUnreadable("the header puts the voxels at an impossible place (vox_offset)")
    return int(offset)


def _shape(dim: Sequence[int]) -> tuple[int, ...]:
    if not 1 <= dim[0] <= 7 or any(n < 1 for n in dim[1 : dim[0] + 1]):
        raise SourceUnreadable("the header's dimensions are impossible (dim)")
    shape = [*dim[1 : dim[0] + 1], 1, 1][: max(3, dim[0])]
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    return tuple(shape)


def _affine(read: dict[str, tuple[float, ...]]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return voxel → RAS millimetres: the sform, else the qform, else spacing alone."""
    notes = []
    pixdim = [abs(value) for value in read["pixdim"]]
    if read["sform"][0] > 0:
        affine = np.array(read["srow"], float).reshape(3, 4)
    elif read["qform"][0] > 0:
        turn = _rotation(*read["quatern"])
        turn[:, 2] *= -1.0 if read["pixdim"][0] < 0 else 1.0
        affine = np.column_stack([turn * pixdim[1:4], read["qoffset"]])
    else:
        affine = np.column_stack([np.diag(pixdim[1:4]), np.zeros(3)])
        notes.append("the file does not say how it lies in the patient: taken as RAS")
    unit = int(read["units"][0]) & 7
    if unit not in _MILLIMETRES:
        raise SourceUnreadable("the unit of length is unknown (xyzt_units)")
    affine = affine * _MILLIMETRES[unit]
    lengths = np.linalg.norm(affine[:, :3], axis=0)
    if not np.isfinite(affine).all() or not ((lengths > 1e-6) & (lengths < 1e4)).all():
        raise SourceUnreadable("the header's spacing or orientation is impossible")
    axes = affine[:, :3] / lengths
    if abs(np.linalg.det(axes)) < 0.1:
        raise SourceUnreadable("the header's directions do not span space")
    if np.abs(axes.T @ axes - np.eye(3)).max() > _OBLIQUE:
        notes.append("the axes are not at right angles")
    return affine, tuple(notes)


def _rotation(b: float, c: float, d: float) -> np.ndarray:
    """Return the rotation of a unit quaternion given by its last three parts (nifti1.h)."""
    a = 1.0 - (b * b + c * c + d * d)
    if a < -1e-5 or not np.isfinite(a):
        raise SourceUnreadable("the header's rotation is impossible (quatern)")
    a = float(np.sqrt(max(a, 0.0)))
    return np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, Header]]:
    """Open the file before its voxels, which it can hold by its size."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream: BinaryIO = gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[assignment]
            header = read_header(stream)
            size = path.stat().st_size
            most = min(size * (_DEFLATE_MOST if packed else 1), _MOST_BYTES)
            if header.offset + header.count * header.dtype.itemsize > most:
                raise SourceUnreadable("the file is too short for the voxels its header announces")
            stream.seek(header.offset)
            yield stream, header
    except (OSError, EOFError, zlib.error) as error:
        raise SourceUnreadable(
            f"the file is damaged or cut short ({type(error).__name__})"
        ) from None


def _blocks(stream: BinaryIO, header: Header) -> Iterator[np.ndarray]:
    """Give the stored voxels, a few megabytes at a time."""
    left = header.count
    each = _BLOCK // header.dtype.itemsize
    while left:
        wanted = min(each, left) * header.dtype.itemsize
        data = bytearray()
        while len(data) < wanted:
            more = stream.read(wanted - len(data))
            if not more:
                raise SourceUnreadable("the file ends before its last voxel")
            data += more
        block = np.frombuffer(data, header.dtype)
        left -= len(block)
        yield block


def claims(name: str, head: bytes) -> bool:
    """Take files named `.nii` or `.nii.gz`."""
    return name.lower().endswith((".nii", ".nii.gz"))


def find(
    files: Sequence[SourceFile], surroundings: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Read each file to its last voxel, in bounded memory.

    A volume is a CT only when its name or header says "ct" and it holds air in Hounsfield units;
    voxels of 0 and 1 alone, or ones the header calls labels, are a segmentation; everything else
    is an image of unknown kind. Header texts may name a person and are not kept.
    """
    for file in files:
        try:
            with _opened(file.path) as (stream, header):
                yield _found(file, header, _Range.of(_blocks(stream, header), header))
        except BiolakeError as error:
            yield UnreadableFile(file, error.message)


@dataclass
class _Range:
    """What values occur."""

    low: float = np.inf
    high: float = -np.inf
    binary: bool = True

    @staticmethod
    def of(blocks: Iterator[np.ndarray], header: Header) -> _Range:
        seen = _Range()
        for block in blocks:
            whole = block.dtype.kind in "iu"
            finite = block if whole else block[np.isfinite(block)]
            if not finite.size:
                continue
            low, high = float(finite.min()), float(finite.max())
            ends = sorted((low * header.slope + header.intercept,
                           high * header.slope + header.intercept))  # fmt: skip
            seen.low, seen.high = min(seen.low, ends[0]), max(seen.high, ends[1])
            seen.binary &= whole and low >= 0 and high <= 1 and not header.scaled
        return seen


def _found(file: SourceFile, header: Header, seen: _Range) -> FoundAsset:
    notes = list(header.notes)
    modality = "image"
    said = PurePosixPath(file.name).name.lower() + " " + header.words.lower()
    if header.intent == _LABELS or (seen.binary and seen.high == 1):
        modality = "segmentation"
    elif _NAMES_CT.search(said):
        if seen.low < _AIR:
            modality = "ct"
        else:
            notes.append("named CT, but without air in Hounsfield units: not taken as a CT")
    volume = len(header.shape) == 3
    if not volume:
        notes.append("more than three dimensions: kept, but not opened")
    placement = _placed(header)
    facts = Facts(
        "volume" if volume else "volumes",
        shape=placement.shape if volume else tuple(reversed(header.shape)),
        units="HU" if modality == "ct" else "",
        attributes={
            "spacing": [round(value, 6) for value in placement.spacing],
            "stored_as": header.dtype.name,
            "scaled": header.scaled,
        },
    )
    return FoundAsset(modality, (file,), facts, notes=tuple(notes))


@dataclass(frozen=True)
class _Placement:
    """How the voxels are turned to lie like an axial DICOM series, and where they are then.

    For slice, row and column: the stored axis, and whether it is mirrored.
    """

    turns: tuple[tuple[int, bool], ...]
    shape: tuple[int, ...]
    spacing: tuple[float, float, float]
    axes: np.ndarray
    origin: tuple[float, float, float]


def _placed(header: Header) -> _Placement:
    """Let slices run to the head, rows to the back and columns to the left, as nearly as may be.

    Axes are exchanged and mirrored, nothing is interpolated. NIfTI's patient space is RAS, ours
    LPS: the first two coordinates change sign.
    """
    lps = np.diag([-1.0, -1.0, 1.0]) @ header.affine
    lengths = np.linalg.norm(lps[:, :3], axis=0)
    unit = lps[:, :3] / lengths
    order = max(permutations(range(3)), key=lambda p: sum(abs(unit[2 - d, p[d]]) for d in range(3)))
    turns = tuple((axis, bool(unit[2 - d, axis] < 0)) for d, axis in enumerate(order))
    origin = lps[:, 3].copy()
    for axis, mirrored in turns:
        if mirrored:
            origin += lps[:, axis] * (header.shape[axis] - 1)
    axes = np.array([-unit[:, axis] if mirrored else unit[:, axis] for axis, mirrored in turns])
    slices, rows, columns = (float(lengths[axis]) for axis in order)
    x, y, z = (float(value) for value in origin)
    shape = tuple(header.shape[axis] for axis in order)
    return _Placement(turns, shape, (slices, rows, columns), axes, (x, y, z))


def _voxels(stream: BinaryIO, header: Header) -> np.ndarray:
    """Return the voxels as stored (i fastest), in the numbers they stand for."""
    kind = header.dtype.newbyteorder("=")
    if header.scaled:
        exact = kind.itemsize > 4 or (kind.kind in "iu" and kind.itemsize > 2)
        kind = np.dtype(np.float64 if exact else np.float32)
    voxels = np.empty(header.count, kind)
    at = 0
    for block in _blocks(stream, header):
        with np.errstate(over="ignore", invalid="ignore"):  # stored infinities stay infinite
            values = block * header.slope + header.intercept if header.scaled else block
            voxels[at : at + len(block)] = values
        at += len(block)
    return voxels.reshape(tuple(reversed(header.shape)))


@asset_reader("NIfTI volumes", claims=claims, find=find)
def nifti(content: Content) -> Volume:
    """Open a NIfTI-1 or NIfTI-2 volume of three dimensions, plain or gzipped.

    Voxels keep their stored type, or are float (32 bits; 64 where 32 would lose digits) when the
    header scales them. The array is turned, without interpolation, to lie like an axial DICOM
    series: slices to the head, rows to the back, columns to the left; `origin` and `axes` are in
    LPS. The sform is used before the qform. Raises `SourceUnreadable`; `DataRefused` for a series
    of volumes.
    """
    name = content.names[0]
    try:
        with _opened(content.path(name)) as (stream, header):
            if len(header.shape) != 3:
                raise DataRefused(
                    "it has more than three dimensions", next="Split it into single volumes."
                )
            stored = _voxels(stream, header)
    except BiolakeError as error:
        error.where = error.where or name
        raise
    placement = _placed(header)
    # Stored axis a (i = 0, fastest) is axis 2 - a of the array.
    turned = stored.transpose([2 - axis for axis, _ in placement.turns])
    turned = turned[tuple(slice(None, None, -1 if m else 1) for _, m in placement.turns)]
    return Volume(
        np.ascontiguousarray(turned),
        placement.spacing,
        _units(name, header, stored),
        placement.origin,
        placement.axes,
        header.notes,
    )


def _units(name: str, header: Header, voxels: np.ndarray) -> str:
    said = PurePosixPath(name).name.lower() + " " + header.words.lower()
    stated = header.intent != _LABELS and _NAMES_CT.search(said)
    return "HU" if stated and np.fmin.reduce(voxels, axis=None) < _AIR else ""
