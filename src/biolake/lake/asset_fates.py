"""The ledger lines of asset files: a file is one row; one that holds many counts each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from biolake.core.assets import FoundAsset
from biolake.core.reading import Chunk, Reject, Tally
from biolake.lake.intake import Intake

TAKEN = Tally(rows=1, part_rows=1)  # of every file taken: shared, so never changed
UNNAMED = "sample"  # the column of a sample's name in the quarantine


class Fates:
    """What became of each file, each part of a file, each sample of one."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._counted: set[int] = set()  # lines of which the parts are rows

    def begin(self, found: FoundAsset, chunk: Chunk) -> dict[str, int]:
        """Return the ledger lines of an asset by file, those only that begin with its chunk.

        The rows of a table that holds assets (notes) are counted by whoever read the table: such a
        chunk accounts for no file, and a part counts only where it is refused.
        """
        if found.files[0].inside:
            number = self._intake.line(chunk.file, chunk.table)
            if chunk.accounted:
                self._counted.add(number)
                tally = self._own(number)
                tally.rows += 1
                tally.part_rows += 1
            return {"": number}
        names = {file.name for file in found.files}
        mine = (file for file in chunk.accounted if file.name in names)
        return {f.name: self._intake.line(f, chunk.table, tally=TAKEN) for f in mine}

    def reject(self, found: FoundAsset, lines: Iterable[int], reason: str) -> None:
        """Quarantine files, or the row of a file that is a part of it."""
        for number in lines:
            if found.files[0].inside:
                self._uncount(number).rejects.append(Reject(found.row, "", reason))
            else:
                self._set(number, Tally(rows=1, rejects=[Reject(1, "", reason)]))

    def skip(self, found: FoundAsset, lines: Iterable[int], reason: str) -> None:
        """Pass over files, or the row of a file that is a part of it."""
        for number in lines:
            if found.files[0].inside:
                self._uncount(number).skipped[reason] += 1
            else:
                self._set(number, Tally(rows=1, skipped=Counter({reason: 1})))

    def samples(self, number: int, count: int, unknown: Sequence[tuple[int, str]]) -> None:
        """Count the samples of a file as its rows; those of nobody are told with their place."""
        rejects = [Reject(place + 1, UNNAMED, reason) for place, reason in unknown]
        self._set(number, Tally(rows=count, part_rows=count - len(rejects), rejects=rejects))

    def dropped(self, number: int, what: str) -> None:
        """Count an event that was not made."""
        self._own(number).dropped[what] += 1

    def _uncount(self, number: int) -> Tally:
        tally = self._own(number)
        if number in self._counted:
            tally.part_rows -= 1
        else:
            tally.rows += 1
        return tally

    def _own(self, number: int) -> Tally:
        part = self._intake.parts[number]
        if part.tally is TAKEN:
            part.tally = Tally()
            part.tally.add(TAKEN)
        return part.tally

    def _set(self, number: int, tally: Tally) -> None:
        self._intake.parts[number].tally = tally
