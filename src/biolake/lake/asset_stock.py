"""What the lake holds already, asked some thousand assets at a time."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from biolake.core.schema import ASSETS
from biolake.lake.asset_growth import Member
from biolake.lake.asset_rows import Row, times_as_numbers
from biolake.lake.door import View
from biolake.lake.packs import Place


class Stock:
    """The stored assets of one commit, and where bytes lie: `places` by SHA-256."""

    def __init__(self, view: View, site: str) -> None:
        self._view, self._site = view, site
        self.places: dict[str, Place] = {}

    def rows(self, column: str, values: set[str], passed: set[str]) -> dict[str, Row]:
        """Return the rows of the assets with these values, by value, but those passed over."""
        if not values or "assets" not in self._view.commit.tables:
            return {}
        sql = f"SELECT * FROM assets SEMI JOIN wanted USING ({column})"  # noqa: S608 - ours
        rows = self._asked(column, values, sql)
        found = times_as_numbers(rows.select(ASSETS.names).cast(ASSETS)).to_pylist()
        return {row[column]: row for row in found if row["asset_id"] not in passed}

    def find_places(self, hashes: set[str]) -> None:
        """Look up where bytes are stored."""
        unknown = hashes - self.places.keys()
        if not unknown or "asset_files" not in self._view.commit.tables:
            return
        found = self._asked(
            "sha256",
            unknown,
            'SELECT DISTINCT ON (sha256) sha256, pack, "offset", length FROM asset_files'
            " SEMI JOIN wanted USING (sha256)",
        )
        for row in found.to_pylist():
            self.places[row["sha256"]] = Place(row["pack"], row["offset"], row["length"])

    def forget(self, hashes: Iterable[str]) -> None:
        """Let go of where bytes lie."""
        for sha in hashes:
            self.places.pop(sha, None)

    def files(self, asset: str) -> list[Member]:
        """Return the files of an asset, and note where they lie."""
        rows = self._view.rows(
            'SELECT name, sha256, file_key, pack, "offset", length FROM asset_files'
            " WHERE asset_id = ? ORDER BY number",
            [asset],
        )
        self.places |= {sha: Place(*place) for _, sha, _, *place in rows}
        return [Member(name, sha, key) for name, sha, key, *_ in rows]

    def told(self, hashes: set[str]) -> set[str]:
        """Return which contents this site has given before, as part of an asset."""
        if not hashes:
            return set()
        rows = self._asked(
            "content_hash",
            hashes,
            "SELECT DISTINCT content_hash FROM loads SEMI JOIN wanted USING (content_hash)"
            " WHERE site_id = ? AND part_rows > 0",
        )
        return set(rows["content_hash"].to_pylist())

    def waits(self) -> bool:
        """Say whether any asset of the site waits for its subject."""
        if "assets" not in self._view.commit.tables:
            return False
        found = self._view.rows(
            "SELECT 1 FROM assets WHERE subject_key IS NOT NULL AND site_id = ? LIMIT 1",
            [self._site],
        )
        return bool(found)

    def _asked(self, column: str, values: set[str], sql: str) -> pa.Table:
        con = self._view.con
        con.register("wanted", pa.table({column: sorted(values)}))
        try:
            return self._view.table(sql, [self._site] if "?" in sql else [])
        finally:
            con.unregister("wanted")
