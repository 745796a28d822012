"""A model's examples out of a lake: what its method reads of each asset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from biolake.core.assets import EncoderInput, Finding, ImageInput, SignalInput
from biolake.core.catalogue import Catalogue, Extension
from biolake.core.errors import DataRefused, WrongUse
from biolake.core.media import Opened
from biolake.lake.door import View
from biolake.learning.asset_opening import Failure, Progress, each_opened, reasons
from biolake.learning.asset_selection import Selection
from biolake.learning.encoding import embed, stored_embeddings
from biolake.learning.methods import Examples, Fitted, Method, method_named
from biolake.learning.methods.items import FittedItems, Items, spread
from biolake.learning.preparing import prepare
from biolake.learning.specification import ModelSpec


@dataclass(frozen=True)
class Reading:
    """How a model's method reads an asset; the same for training and for use."""

    method: Method
    modality: str
    inputs: EncoderInput | None = None
    encoder: Extension | None = None
    extractor: Extension | None = None
    findings: tuple[str, ...] = ()  # codes of the extractor, one a column

    def one(self, opened: Opened) -> np.ndarray:
        """Return what the method reads of one opened asset."""
        if self.inputs is not None:
            return spread(prepare(opened, self.inputs).batch)
        if self.encoder is not None:
            return self.of_vectors(embed(self.encoder, opened))
        if self.extractor is None:
            raise WrongUse("A model reads inputs, an encoder or an extractor.")
        return _columns(self.extractor.call(opened), self.findings)

    def of_vectors(self, vectors: np.ndarray) -> np.ndarray:
        """Return a bag as it is, or the mean over the items for a method of vectors."""
        return vectors if self.method.takes == "bags" else vectors.mean(axis=0)

    def whole(self, fitted: Fitted) -> Fitted:
        """Return a stored method as it answers for assets."""
        return FittedItems(fitted) if isinstance(self.method, Items) else fitted

    def gathered(self, found: list[np.ndarray]) -> Examples:
        return found if self.method.takes == "bags" else np.stack(found)

    def to_json(self) -> dict[str, Any]:
        """Return what is needed to read assets in the same way again."""
        return {
            "modality": self.modality,
            "inputs": _inputs_json(self.inputs),
            "encoder": [self.encoder.name, self.encoder.version] if self.encoder else None,
            "extractor": [self.extractor.name, self.extractor.version] if self.extractor else None,
            "findings": list(self.findings),
        }


def reading_of(spec: ModelSpec, catalogue: Catalogue) -> Reading:
    """Return how a specification's method reads assets."""
    method = method_named(spec.method)
    if spec.inputs is not None:
        return Reading(Items(method), spec.assets.modality, spec.inputs)
    kind, name = ("encoder", spec.encoder) if spec.encoder else ("extractor", spec.extractor)
    extension = catalogue.get(kind, name)  # type: ignore[arg-type]
    if extension.needs != spec.assets.modality:
        raise WrongUse(
            f"the {kind} {name} reads {extension.needs}, and the model's assets are"
            f" {spec.assets.modality}"
        )
    if kind == "encoder":
        return Reading(method, spec.assets.modality, encoder=extension)
    codes = tuple(code.code for code in extension.codes)
    return Reading(method, spec.assets.modality, extractor=extension, findings=codes)


def reading_from(said: Mapping[str, Any], method: str, catalogue: Catalogue) -> Reading:
    """Return how a stored model reads assets; refuses an encoder of another version."""
    inner = method_named(method)
    inputs = _inputs_from(said["inputs"])
    if inputs is not None:
        return Reading(Items(inner), said["modality"], inputs)
    encoder = _same("encoder", said["encoder"], catalogue)
    extractor = _same("extractor", said["extractor"], catalogue)
    findings = tuple(said["findings"])
    return Reading(inner, said["modality"], None, encoder, extractor, findings)


def gather(
    view: View,
    catalogue: Catalogue,
    reading: Reading,
    chosen: Selection,
    progress: Progress = lambda _done, _of: None,
) -> tuple[Examples, Selection]:
    """Read every chosen asset; those that cannot be read are left out, and counted by reason."""
    found: list[np.ndarray | None] = [None] * len(chosen.rows)
    stored: dict[str, np.ndarray] = {}
    if reading.encoder is not None:
        ids = [row.asset_id for row in chosen.rows]
        stored = stored_embeddings(view, reading.encoder, ids)
    to_open = [n for n, row in enumerate(chosen.rows) if row.asset_id not in stored]
    failed: list[Failure] = []
    rows = [chosen.rows[n] for n in to_open]
    for number, made in each_opened(view, catalogue, rows, reading.one, progress):
        if isinstance(made, Failure):
            failed.append(made)
        else:
            found[to_open[number]] = made
    for n, row in enumerate(chosen.rows):
        if row.asset_id in stored:
            found[n] = reading.of_vectors(stored[row.asset_id])
    kept = chosen.keep(np.array([one is not None for one in found], dtype=bool))
    for reason, count in reasons(failed).items():
        kept.left_out[reason] = kept.left_out.get(reason, 0) + count
    usable = [one for one in found if one is not None]
    if not usable:
        raise DataRefused(
            "no asset can be used for this model",
            next=f"Left out: {_listed(kept.left_out)}." if kept.left_out else "",
        )
    return reading.gathered(usable), kept


def _listed(left_out: Mapping[str, int]) -> str:
    return "; ".join(f"{count} because {reason}" for reason, count in left_out.items())


def _columns(findings: Any, codes: tuple[str, ...]) -> np.ndarray:
    """Return the mean value of each code; NaN where the extractor did not give it."""
    values: dict[str, list[float]] = {code: [] for code in codes}
    finding: Finding
    for finding in findings:
        if finding.code in values:
            values[finding.code].append(1.0 if finding.value is None else float(finding.value))
    row = [float(np.mean(v)) if v else np.nan for v in values.values()]
    if not np.isfinite(row).any():
        raise DataRefused("the extractor found nothing in it")
    return np.array(row)


def _same(kind: Any, said: list[str] | None, catalogue: Catalogue) -> Extension | None:
    if said is None:
        return None
    extension = catalogue.get(kind, said[0])
    if extension.version != said[1]:
        raise DataRefused(
            f"the model was trained on version {said[1]} of the {kind} {said[0]}, and version"
            f" {extension.version} is installed",
            next="Train it again: biolake model train SPEC",
        )
    return extension


_KINDS: dict[str, Callable[..., EncoderInput]] = {"signal": SignalInput, "image": ImageInput}


def _inputs_json(inputs: EncoderInput | None) -> dict[str, Any] | None:
    if inputs is None:
        return None
    kind = "signal" if isinstance(inputs, SignalInput) else "image"
    return {"kind": kind, **vars(inputs)}


def _inputs_from(said: Mapping[str, Any] | None) -> EncoderInput | None:
    if said is None:
        return None
    kept = {k: tuple(v) if isinstance(v, list) else v for k, v in said.items() if k != "kind"}
    return _KINDS[said["kind"]](**kept)
