"""What the index says of a matrix of cells: its extent, its values, and the quality of samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from biolake.core.assets import Facts, FoundAsset, FoundSample, UnreadableFile
from biolake.core.errors import BiolakeError, SetupMissing
from biolake.core.reading import SourceFile
from biolake.omics.cells.quality import (
    SampleQuality,
    before_calling,
    cell_quality,
    mitochondrial_features,
    sample_quality,
)
from biolake.readers._cells.assembling import Read

_MOST_TYPES = 200
_MOST_SAMPLES = 2000  # of which the index keeps the figures


def found_or_refused(
    files: Sequence[SourceFile], read: Callable[[], Read], kind: str = ""
) -> Iterator[FoundAsset | UnreadableFile]:
    """Yield the asset that files are; or the first of them as unreadable, and why."""
    try:
        yield found_asset(files, read(), kind)
    except SetupMissing:
        raise
    except BiolakeError as error:
        yield UnreadableFile(files[0], error.message, error.where)


def found_asset(files: Sequence[SourceFile], read: Read, kind: str = "") -> FoundAsset:
    """Return the asset a file is, with the figures of each of its samples, in their order."""
    cells = read.cells
    counts: Any = cells.counts
    quality = cell_quality(cells) if cells.raw else None
    spatial = cells.coordinates is not None
    shape = (int(counts.shape[0]), int(counts.shape[1]))
    attributes = dict(read.attributes)
    if quality is not None:
        attributes["nonzero_share"] = round(quality.nonzero / (shape[0] * shape[1]), 6)
        attributes["mitochondrial_genes"] = int(mitochondrial_features(cells).sum())
        if before_calling(cells, quality):
            attributes["empty_droplets"] = True
    attributes["cell_types"] = _types(cells.cell_type)
    attributes["samples"] = len(cells.samples)
    attributes["per_sample"] = _figures(sample_quality(cells, quality))
    facts = Facts(
        kind or ("spots or cells in place" if spatial else "cells × features"),
        shape=shape,
        units="{counts}" if cells.raw else "",
        attributes={name: value for name, value in attributes.items() if value not in ("", [], {})},
    )
    times = list(read.times)
    told = [time for time in times if time is not None]
    samples = tuple(
        FoundSample(name, time=time) for name, time in zip(cells.samples, times, strict=False)
    )
    return FoundAsset(
        "spatial" if spatial else "cells",
        tuple(files),
        facts,
        start=min(told) if len(told) == len(times) else None,
        notes=cells.notes,
        samples=samples,
    )


def _types(types: np.ndarray | None) -> dict[str, int]:
    """Count the cells of each type, the most frequent first."""
    if types is None:
        return {}
    counted = Counter(str(each) for each in types if each)
    return dict(counted.most_common(_MOST_TYPES))


def _figures(samples: Sequence[SampleQuality]) -> dict[str, list[Any]]:
    """Return the figures of all samples as lists, one value a sample in the asset's own order."""
    shown = samples[:_MOST_SAMPLES]
    figures: dict[str, list[Any]] = {
        "cells": [each.cells for each in shown],
        "counts_per_cell": [each.molecules for each in shown],
        "genes_per_cell": [each.genes for each in shown],
        "mitochondrial_share": [_rounded(each.mitochondrial) for each in shown],
        "few_genes_share": [_rounded(each.few_genes) for each in shown],
        "high_mitochondrial_share": [_rounded(each.high_mitochondrial) for each in shown],
    }
    return {name: values for name, values in figures.items() if any(v is not None for v in values)}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
