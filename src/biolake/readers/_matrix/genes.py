"""Genes as files name them: symbols that a spreadsheet made into dates, two ids for one gene."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from biolake.omics.gene_symbols import is_date_like

DATE_LIKE = "a spreadsheet has made this gene symbol a date"
CONFLICT = "this symbol and Entrez id name different genes elsewhere in the study"
NO_GENE = "no gene"


def date_like(symbols: Sequence[str]) -> np.ndarray:
    """Mark the symbols that are dates; bare numbers among symbols too."""
    return is_date_like(symbols).mask


class GeneBook:
    """Which Entrez id belongs to which symbol, as far as one study's files have said."""

    def __init__(self) -> None:
        self._entrez: dict[str, str] = {}
        self._symbol: dict[str, str] = {}
        self._dates: dict[str, bool] = {}
        self.build = ""  # of the first position read, where the study does not say

    def is_date(self, symbol: str) -> bool:
        """Say whether one symbol has become a date."""
        if symbol not in self._dates:
            self._dates[symbol] = bool(date_like([symbol])[0])
        return self._dates[symbol]

    def agrees(self, symbol: str, entrez: str) -> bool:
        """Say whether a pair fits what was said before; the first to speak is believed."""
        if not symbol or not entrez or not entrez.isdigit() or int(entrez) <= 0:
            return True
        if self._entrez.get(symbol, entrez) != entrez or self._symbol.get(entrez, symbol) != symbol:
            return False
        self._entrez[symbol], self._symbol[entrez] = entrez, symbol
        return True


def symbol_of(name: str) -> str:
    """Return the symbol of a name such as `ERCC5|probe`."""
    return name.partition("|")[0].strip()
