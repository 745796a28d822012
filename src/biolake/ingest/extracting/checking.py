"""Can findings be believed? One that can be no fact spoils all that was found in its asset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biolake.core.assets import FoundCode
from biolake.core.bounds import FIRST_TIME, LAST_TIME
from biolake.core.keys import families_of
from biolake.ingest.extracting.answers import UNDECLARED, Answer
from biolake.ingest.extracting.owners import Owned

_LARGEST = float(np.finfo(np.float32).max)
_OTHER_SAMPLE = "the extractor named a sample that the asset does not have"
_FAULTS = (
    UNDECLARED,
    _OTHER_SAMPLE,
    "not a number",
    "beyond what a 32-bit number holds",
    "the unit is not the one that the extractor declares",
    "the extractor gave an impossible time",
    "its time lies outside the years 1 to 9999",
)
_NAMELESS = (UNDECLARED, _OTHER_SAMPLE)  # the code is not told: it may say anything
SPAN_OUTSIDE = "the extractor gave a span that lies outside the text"
SPAN_UNSURE = "the extractor gave a span whose confidence is none from 0 to 1"


class FindingChecks:
    """Checks findings against the codes that their extractor declares."""

    def __init__(self, codes: Sequence[FoundCode]) -> None:
        self._declared = {code.code: code.unit for code in codes}
        self._units: dict[str, str | None] = {}

    def faults(
        self, answer: Answer, owned: Owned, lengths: np.ndarray
    ) -> dict[int, tuple[str, str]]:
        """Return, by item, at which code and why an answer cannot be believed."""
        found = self._of_findings(answer.findings, owned)
        if "spans" in answer.tables:
            found = _of_spans(answer.tables["spans"], lengths) | found
        return found

    def _of_findings(self, findings: pa.Table, owned: Owned) -> dict[int, tuple[str, str]]:
        if not len(findings):
            return {}
        number = self._numbers(findings, owned)
        bad = np.flatnonzero(number)
        items, firsts = np.unique(owned.item[bad], return_index=True)
        found = {}
        for item, row in zip(items.tolist(), bad[firsts].tolist(), strict=True):
            reason = _FAULTS[number[row] - 1]
            code = "" if reason in _NAMELESS else findings["code"][row].as_py()
            found[item] = (code, reason)
        return found

    def _numbers(self, findings: pa.Table, owned: Owned) -> np.ndarray:
        """Return the number of each finding's fault, 0 where it has none."""
        encoded = findings["code"].combine_chunks().dictionary_encode()
        units = [self._unit(code) for code in encoded.dictionary.to_pylist()]
        place = encoded.indices.to_numpy()
        declared = np.array([unit is not None for unit in units])[place]
        wanted = pa.array([unit or "" for unit in units]).take(encoded.indices)
        given = pc.fill_null(findings["unit"], "").combine_chunks()
        other = pc.and_(pc.not_equal(wanted, ""), pc.not_equal(wanted, given))
        valued = findings["value"].is_valid().to_numpy()
        values = pc.fill_null(findings["value"], 0.0).to_numpy()
        with np.errstate(invalid="ignore"):
            large = np.abs(values) > _LARGEST
        sayable = (owned.begin >= FIRST_TIME) & (owned.last <= LAST_TIME)
        sayable &= (owned.last >= FIRST_TIME) & (owned.begin <= LAST_TIME)
        tests = (
            ~declared,
            ~owned.known_sample,
            ~np.isfinite(values),
            large,
            other.to_numpy(zero_copy_only=False) & valued,
            ~owned.possible,
            owned.timed & ~sayable,
        )
        return np.asarray(np.select(tests, list(range(1, len(tests) + 1)), 0))

    def _unit(self, code: str) -> str | None:
        """Return the unit with which a code, or a family it is of, is declared; None: it is not."""
        if code not in self._units:
            named = (name for name in (code, *families_of(code)) if name in self._declared)
            name = next(named, None)
            self._units[code] = None if name is None else self._declared[name]
        return self._units[code]


def _of_spans(spans: pa.Table, lengths: np.ndarray) -> dict[int, tuple[str, str]]:
    """Return the items of which a span lies outside the text, or has no believable confidence."""
    items, start, end = (spans[name].to_numpy() for name in ("item", "start", "end"))
    sure = spans["confidence"].to_numpy()
    outside = ~((start >= 0) & (start < end) & (end <= lengths[items]))
    unsure = ~((sure >= 0) & (sure <= 1))
    found = dict.fromkeys(np.unique(items[unsure]).tolist(), ("spans", SPAN_UNSURE))
    return found | dict.fromkeys(np.unique(items[outside]).tolist(), ("spans", SPAN_OUTSIDE))
