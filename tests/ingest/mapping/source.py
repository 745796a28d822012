"""A small source and its mapping, written and read in one call."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from biolake.core.reading import Chunk, ReadContext, Reading, Reject, Tally
from biolake.ingest.mapping import load_mapping, open_mapping

HEAD = """
mapping: small
subject: {column: sid, system: small, type: integer}
encounter: {column: visit, system: small, type: integer}
"""
TABLE = """
tables:
  t:
    file: t.csv
    key: [id]
    columns: {id: BIGINT, at: TIMESTAMP, num: DOUBLE}
    events:
      - {code: "'A//' || what", time: at, numeric_value: num, text_value: txt}
"""
HEADER = "id,sid,at,what,num,txt\n"


@dataclass
class Outcome:
    """All that a reading gave, added up."""

    reading: Reading
    chunks: list[Chunk]
    tallies: dict[str, Tally] = field(default_factory=dict)

    @property
    def tally(self) -> Tally:
        total = Tally()
        for tally in self.tallies.values():
            total.add(tally)
        return total

    @property
    def rejects(self) -> list[tuple[int, str, str]]:
        return sorted((r.row, r.column, r.reason) for r in self._rejects())

    def _rejects(self) -> list[Reject]:
        return [reject for tally in self.tallies.values() for reject in tally.rejects]

    def table(self, name: str = "events") -> list[dict[str, object]]:
        tables: list[pa.Table] = [getattr(chunk, name) for chunk in self.chunks]
        return [row for table in tables if table is not None for row in table.to_pylist()]


def read(
    folder: Path, files: dict[str, str | bytes], tables: str = TABLE, head: str = HEAD
) -> Outcome:
    """Write the files and the mapping, and read everything."""
    source = folder / "source"
    for name, content in files.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    mapping = folder / "small.yaml"
    mapping.write_text(head + tables)
    reading = open_mapping(
        load_mapping(str(mapping)), source, ReadContext("here", folder / "scratch")
    )
    outcome = Outcome(reading, list(reading.chunks(reading.files)))
    for chunk in outcome.chunks:
        outcome.tallies.setdefault(chunk.file.name, Tally()).add(chunk.tally)
    assert all(tally.unexplained == 0 for tally in outcome.tallies.values())
    return outcome
