"""Why a DICOM series is not made a volume: each reason has its own name."""

from __future__ import annotations

from biolake.core.errors import DataRefused


class SliceGap(DataRefused):
    """Slices are missing: what lies between two of them was never seen."""

    code = "slice_gap"


class MixedSeries(DataRefused):
    """The files are not slices of one volume."""

    code = "mixed_series"


class DuplicateSlices(DataRefused):
    """Several different images claim one place."""

    code = "duplicate_slices"


class TiltContradicted(DataRefused):
    """The tilt named in the header and the places of the slices disagree."""

    code = "tilt_contradicted"


class GroupsMissing(DataRefused):
    """A multi-frame object lacks a functional group that its geometry needs."""

    code = "groups_missing"


class OverlappingSegments(DataRefused):
    """One voxel belongs to several segments, so one label cannot be right."""

    code = "overlapping_segments"


class KeptNotOpened(DataRefused):
    """The object is kept in the lake as it is; there is nothing to open it as."""

    code = "kept_not_opened"
