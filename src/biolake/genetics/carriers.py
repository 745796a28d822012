"""Who carries an allele: dosages read from the packs, variant by variant, subject by subject."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from biolake.core.catalogue import Catalogue
from biolake.core.media import Genotypes
from biolake.genetics.agreeing import Agreement
from biolake.lake.assets import PackReader, StoredContent
from biolake.lake.door import View

_SAMPLES = """
SELECT number, subject_id FROM asset_samples WHERE asset_id = ? AND subject_id IS NOT NULL
ORDER BY number
"""


@dataclass
class Dosages:
    """Copies of a variant's counted allele by subject.

    `missing` have no call anywhere; of `contradictory` subjects files say different things, so
    that nothing is said of them. `unlinked` samples belong to nobody known.
    """

    agreement: Agreement
    dosage: dict[int, int] = field(default_factory=dict)
    missing: set[int] = field(default_factory=set)
    contradictory: set[int] = field(default_factory=set)
    unlinked: int = 0
    home: dict[int, str] = field(default_factory=dict)  # subject → site of the first file

    def carriers(self, least: int = 1) -> list[int]:
        return sorted(subject for subject, copies in self.dosage.items() if copies >= least)

    def counts(self) -> dict[str, int]:
        """Return how many subjects have 0, 1 and 2 copies, and of how many nothing is said."""
        copies = Counter(self.dosage.values())
        return {
            "subjects": len(self.dosage) + len(self.missing) + len(self.contradictory),
            "none": copies[0],
            "one": copies[1],
            "two": copies[2],
            "missing": len(self.missing),
            "contradictory": len(self.contradictory),
            "unlinked_samples": self.unlinked,
        }

    def take(self, calls: np.ndarray, owners: Sequence[tuple[int, int]], site: str) -> None:
        """Add one file's calls; what another file said of a subject must be the same."""
        self.unlinked += len(calls) - len(owners)
        for number, subject in owners:
            copies = int(calls[number])
            self.home.setdefault(subject, site)
            if subject in self.contradictory:
                continue
            before = self.dosage.get(subject)
            if copies < 0:
                if before is None:
                    self.missing.add(subject)
            elif before is not None and before != copies:
                self.contradictory.add(subject)
                del self.dosage[subject]
            else:
                self.dosage[subject] = copies
                self.missing.discard(subject)


def read_dosages(
    view: View, catalogue: Catalogue, agreements: Sequence[Agreement]
) -> list[Dosages]:
    """Read the variants asked for, and of each file nothing else where its format allows.

    Each file is opened once for all its variants. (A .bed is read in place, 2 bits a genotype;
    a .pgen, a VCF or a gzipped .bed is copied out of its pack first.)
    """
    found = [Dosages(agreement) for agreement in agreements]
    wanted: dict[str, list[tuple[Dosages, int, bool]]] = defaultdict(list)
    for one in found:
        for source in one.agreement.sources:
            wanted[source.row.asset_id].append((one, source.row.number, source.turned))
    formats = {s.row.asset_id: (s.row.format, s.row.site_id) for a in agreements for s in a.sources}
    with PackReader(view.lake) as packs:
        for name in sorted(wanted):
            reader, site = formats[name]
            owners = [(int(n), int(s)) for n, s in view.rows(_SAMPLES, [name])]
            with _opened(view, catalogue, name, reader, packs) as genotypes:
                numbers = np.array([number for _, number, _ in wanted[name]], dtype=np.int64)
                calls = genotypes.dosages(numbers)
            for (one, _, turned), row in zip(wanted[name], calls, strict=True):
                one.take(np.where(row < 0, row, 2 - row) if turned else row, owners, site)
    return found


@contextmanager
def _opened(
    view: View, catalogue: Catalogue, asset: str, reader: str, packs: PackReader
) -> Iterator[Genotypes]:
    with StoredContent(view, asset, packs=packs) as content:
        genotypes: Genotypes = catalogue.get("asset-reader", reader).call(content)
        try:
            yield genotypes
        finally:
            genotypes.close()
