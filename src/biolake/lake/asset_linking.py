"""The end of an asset load: late links, encounters by time, one event an asset, and the tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biolake.core.assets import MODALITIES
from biolake.core.reading import SourceFile
from biolake.core.schema import ASSET_FILES, ASSETS, MAPPED_CODES, MICROSECONDS
from biolake.lake.asset_intake import AssetIntake
from biolake.lake.asset_outdated import blank, standing
from biolake.lake.asset_report import OF_FORGOTTEN, asset_key
from biolake.lake.asset_rows import SPILL, without
from biolake.lake.columns import NO_TIME, Block
from biolake.lake.linkage import FORGOTTEN, NO_ENCOUNTER
from biolake.lake.merging import ASSET_CODE
from biolake.lake.transaction import Transaction

LATE = "assets of earlier loads"  # the ledger line of events of assets linked later
_PIECE = 1 << 16

# An encounter without an end is not known to contain anything.
_STAYS = """
SELECT a.asset_id, any_value(e.encounter_id) AS encounter_id
FROM timed a JOIN stays e
    ON a.subject_id = e.subject_id AND a.time >= e."start" AND a.time <= e."end"
GROUP BY a.asset_id HAVING count(*) = 1
"""
_OPEN = """
SELECT * FROM assets
WHERE site_id = ? AND subject_id IS NOT NULL AND encounter_id IS NULL AND time IS NOT NULL
"""


class AssetTables:
    """What a load adds to `assets` and `asset_files`, linked and with encounters."""

    def __init__(self, assets: AssetIntake) -> None:
        self._assets = assets
        self.rows = SPILL.empty_table()
        self._stale = pa.chunked_array([], pa.string())

    def settle(self, encounters: pa.Table | None) -> None:
        """Close the intake of assets, link what can be linked now, and hand their events over."""
        assets = self._assets
        assets.close()
        parts = [self._linked(self._current(assets.rows.table())), self._linked_later()]
        rows = pa.concat_tables([*parts, self._in_new_stays(encounters)])
        self.rows = self._with_encounters(rows, encounters)
        assets.samples.settle(assets.gone)
        self._events()

    def _current(self, rows: pa.Table) -> pa.Table:
        """Return rows without those of texts that a later row of this load replaced."""
        if not self._assets.outdated:
            return rows
        kept = np.ones(len(rows), dtype=bool)
        kept[sorted(self._assets.outdated)] = False
        self._stale = rows["asset_id"].filter(pa.array(~kept))
        self._assets.gone.update(self._assets.replaced.intersection(self._stale.to_pylist()))
        return rows.filter(pa.array(kept))

    def _files(self) -> pa.Table:
        """Return the files that the load adds; of outdated texts not even the bytes stay."""
        assets = self._assets
        files = assets.files.table()
        if not assets.outdated:
            return files
        kept = self.rows["asset_id"].combine_chunks()
        files, gone = standing(files, self._stale.combine_chunks(), kept)
        blank(assets.view.lake.store, gone, files, assets.packs.written, assets.scratch)
        return files

    def _linked(self, rows: pa.Table) -> pa.Table:
        """Link rows of this load whose subject came to be known after they were made."""
        assets = self._assets
        open_rows = pc.is_null(rows["subject_id"])
        if not pc.any(open_rows).as_py() or not (assets.late or assets.owners.waiting):
            return rows
        ids, keys = rows["subject_id"].to_pylist(), rows["subject_key"].to_pylist()
        for n, name in enumerate(rows["asset_id"].to_pylist()):
            if ids[n] is None:
                ids[n] = assets.late.pop(name, None)
                if ids[n] is None:
                    ids[n], keys[n] = self._known(keys[n])
                    assets.report.linked += ids[n] is not None
                    assets.report.unlinked -= ids[n] is not None
        return _with_subjects(rows, ids, keys)

    def _known(self, key: str | None) -> tuple[int | None, str | None]:
        """Return the subject that a waiting key came to mean, and the key where it means no one.

        Where it means several, or one that was forgotten, the key says so: such an asset waits no
        more, and the next `forget` of any of them takes it along.
        """
        assets = self._assets
        who = assets.owners.waiting.get(key or "", set())
        subject, waits = assets.owners.meaning(key or "")
        if not who or subject is not None:
            return subject, waits if who else key
        assets.report.ambiguous += FORGOTTEN not in who
        assets.report.notes[OF_FORGOTTEN] += FORGOTTEN in who
        return None, waits

    def _linked_later(self) -> pa.Table:
        """Return the rows of stored assets that this load's identifiers link."""
        assets, view = self._assets, self._assets.view
        if "assets" not in view.commit.tables or not (assets.owners.waiting or assets.late):
            return SPILL.empty_table()
        view.con.register(
            "keys", pa.table({"k": pa.array(sorted(assets.owners.waiting), pa.string())})
        )
        view.con.register("late", pa.table({"k": pa.array(sorted(assets.late), pa.string())}))
        found = view.table(
            "SELECT * FROM assets WHERE subject_id IS NULL AND site_id = ?"
            " AND (subject_key IN (SELECT k FROM keys) OR asset_id IN (SELECT k FROM late))",
            [assets.intake.site],
        )
        view.con.unregister("keys")
        view.con.unregister("late")
        found = self._taken_up(found)
        names = found["asset_id"].to_pylist()
        waited = found["subject_key"].to_pylist()
        pairs = [
            (assets.late[n], None) if n in assets.late else self._known(k)
            for n, k in zip(names, waited, strict=True)
        ]
        ids, waited = [who for who, _ in pairs], [key for _, key in pairs]
        told = zip(names, ids, strict=True)
        assets.report.linked_later += sum(n not in assets.late and i is not None for n, i in told)
        return _with_subjects(found, ids, waited)

    def _in_new_stays(self, encounters: pa.Table | None) -> pa.Table:
        """Return the rows of stored, linked assets that an encounter came to contain."""
        assets, view = self._assets, self._assets.view
        if "assets" not in view.commit.tables or encounters is None:
            return SPILL.empty_table()
        view.con.register("stays", encounters)
        found = view.table(
            f"WITH timed AS ({_OPEN}) SELECT * FROM timed SEMI JOIN ({_STAYS}) USING (asset_id)",  # noqa: S608 - ours
            [assets.intake.site],
        )
        view.con.unregister("stays")
        return self._taken_up(found)

    def _taken_up(self, found: pa.Table) -> pa.Table:
        """Return those stored rows that this load has not written anew, to be written anew."""
        replaced = self._assets.replaced
        found = found.select(ASSETS.names).cast(ASSETS)
        mine = [name not in replaced for name in found["asset_id"].to_pylist()]
        found = found.filter(pa.array(mine, pa.bool_()))
        replaced.update(found["asset_id"].to_pylist())
        origins = pa.array([-1] * len(found), pa.int32())
        return found.append_column(SPILL.field("origin"), origins).cast(SPILL)

    def _with_encounters(self, rows: pa.Table, encounters: pa.Table | None) -> pa.Table:
        """Link assets to the one encounter of their subject that contains their start."""
        view = self._assets.view
        wanted = pc.and_(pc.is_null(rows["encounter_id"]), pc.is_valid(rows["subject_id"]))
        timed = rows.filter(pc.and_(wanted, pc.is_valid(rows["time"])))
        if not len(timed):
            return rows
        if encounters is None:
            encounters = view.table(
                'SELECT encounter_id, subject_id, "start", "end" FROM encounters'
            )
        view.con.register("timed", timed.select(["asset_id", "subject_id", "time"]))
        view.con.register("stays", encounters)
        found = view.table(_STAYS)
        view.con.unregister("timed")
        view.con.unregister("stays")
        if not len(found):
            return rows
        place = pc.index_in(rows["asset_id"], value_set=found["asset_id"])
        stays = pc.coalesce(rows["encounter_id"], found["encounter_id"].take(place))
        number = rows.column_names.index("encounter_id")
        return rows.set_column(number, SPILL.field("encounter_id"), stays.cast(pa.int64()))

    def _events(self) -> None:
        """Give each linked asset with a time one event, and count those without a time."""
        intake, report = self._assets.intake, self._assets.report
        linked = self.rows.filter(pc.is_valid(self.rows["subject_id"]))
        for piece in linked.to_batches(max_chunksize=_PIECE):
            origins = self._origins(piece)
            timed = piece["time"].is_valid().to_numpy(zero_copy_only=False)
            for number in origins[~timed].tolist():
                self._assets.fates.dropped(number, "asset: no time")
            report.untimed += int(np.count_nonzero(~timed))
            keep = pa.array(timed)
            intake.take(self._block(piece.filter(keep), origins[timed]))
        used = sorted(set(self.rows["modality"].unique().to_pylist()))
        described = [f"an asset of this kind: {MODALITIES[name]}" for name in used]
        columns = [[ASSET_CODE + name for name in used], described, [None] * len(used)]
        intake.described.append(
            pa.table(dict(zip(MAPPED_CODES.names, columns, strict=True)), schema=MAPPED_CODES)
        )

    def _origins(self, rows: pa.RecordBatch) -> np.ndarray:
        """Return the ledger line of each row's event; later links have one a format."""
        intake = self._assets.intake
        origins: np.ndarray = rows["origin"].to_numpy(zero_copy_only=False).copy()
        formats = rows["format"].to_pylist()
        for n in np.flatnonzero(origins < 0).tolist():
            origins[n] = intake.line(SourceFile(Path(LATE), LATE), formats[n])
        return origins

    def _block(self, rows: pa.RecordBatch, origins: np.ndarray) -> Block:
        intake = self._assets.intake
        registry = intake.linkage.registry
        keys = zip(rows["source_key"].to_pylist(), rows["asset_id"].to_pylist(), strict=True)
        codes = [ASSET_CODE + name for name in rows["modality"].to_pylist()]
        return Block(
            subject=np.array(
                [registry.add(i) for i in rows["subject_id"].to_pylist()], dtype=np.int32
            ),
            time=_numbers(rows["time"], NO_TIME),
            end_time=_numbers(rows["end_time"], NO_TIME),
            code=intake.codes.encode(pa.array(codes, pa.string())),
            value=np.full(len(rows), np.nan, dtype=np.float32),
            unit=intake.units.encode(pa.nulls(len(rows), pa.string())),
            encounter=_numbers(rows["encounter_id"], NO_ENCOUNTER),
            key=np.array([asset_key(intake.site, *pair) for pair in keys], dtype=np.int64),
            origin=origins.astype(np.int32),
            text=rows["asset_id"],
        )

    def write(self, tx: Transaction) -> None:
        """Write the new rows, and take out those they stand for."""
        assets = self._assets
        without(tx, "assets", sorted(assets.replaced))
        # Files of a replaced asset are listed anew where it grew; otherwise they stay.
        without(tx, "asset_files", sorted(assets.gone))
        without(tx, "embeddings", sorted(assets.gone))
        assets.samples.write(tx, assets.gone)
        tx.append("assets", self.rows.select(ASSETS.names).cast(ASSETS))
        tx.append("asset_files", self._files().cast(ASSET_FILES))


def _with_subjects(
    rows: pa.Table, ids: Sequence[int | None], keys: Sequence[str | None]
) -> pa.Table:
    """Set the subjects of rows; who has one waits no more."""
    waits = [key if who is None else None for who, key in zip(ids, keys, strict=True)]
    for name, values in (("subject_id", ids), ("subject_key", waits)):
        column = SPILL.field(name)
        rows = rows.set_column(rows.column_names.index(name), column, pa.array(values, column.type))
    return rows


def _numbers(column: pa.Array, missing: int) -> np.ndarray:
    if column.type == MICROSECONDS:
        column = column.cast(pa.int64())
    return np.asarray(pc.fill_null(column, int(missing)).to_numpy(zero_copy_only=False))
