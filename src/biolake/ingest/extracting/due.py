"""Which assets an extractor still has to look at, and where their bytes lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from biolake.core.catalogue import Catalogue, Extension
from biolake.lake.assets import AssetFile
from biolake.lake.door import View
from biolake.lake.packs import Place
from biolake.signals.channels import modality_of

LAYOUT = "extraction"  # of the loads that hold findings
MIXED = ("physiology", "wearable")  # modalities whose recordings may hold leads of others
_BATCH = 1000

# An asset is due for an extractor unless the last ledger line of the two says the same `how`: the
# extractor's version, the reader, the site's zone, and all that the asset's row gives to its
# findings.
_TIMED = """
CREATE OR REPLACE TEMP VIEW timed_samples AS
SELECT s.asset_id, s.number, s.subject_id, coalesce(h.time, s.time) AS time
FROM asset_samples s LEFT JOIN samples h USING (site_id, sample_key)
"""
_FITTING = f"""
CREATE OR REPLACE TEMP TABLE fitting AS
SELECT a.asset_id, a.subject_id IS NOT NULL OR coalesce(l.linked, false) AS linked,
    x.name AS extractor, r.name IS NOT NULL AS readable, a.format,
    sha256(concat_ws(chr(10), '{LAYOUT}', x.name, x.version, a.format, coalesce(r.version, ''),
        coalesce(a.subject_id::VARCHAR, ''), coalesce(a.encounter_id::VARCHAR, ''),
        coalesce(epoch_us(a.time)::VARCHAR, ''), a.source_key, s.zone, l.told,
        CASE WHEN a.modality = 'note' THEN concat_ws(chr(10), 'kind', coalesce(a.kind, ''),
            coalesce(a.attributes ->> '$.language', '')) END)) AS how
FROM assets a
LEFT JOIN (
    SELECT asset_id, bool_or(subject_id IS NOT NULL) AS linked, sha256(string_agg(
        concat_ws(':', number, coalesce(subject_id::VARCHAR, ''), epoch_us(time)), ' '
        ORDER BY number)) AS told
    FROM timed_samples GROUP BY asset_id
) l USING (asset_id)
JOIN extractors x ON a.modality = x.needs OR a.modality IN {MIXED}
LEFT JOIN mixed m ON m.needs = x.needs AND m.leads = a.attributes ->> '$.leads'
LEFT JOIN asset_readers r ON r.name = a.format
LEFT JOIN sites s ON s.site_id = a.site_id
WHERE a.site_id = $site AND (a.modality = x.needs OR m.needs IS NOT NULL)
    AND ($modality IS NULL OR a.modality = $modality)
    AND ($subject IS NULL OR a.subject_id = $subject OR a.asset_id IN (
        SELECT asset_id FROM asset_samples WHERE subject_id = $subject))
"""  # noqa: S608 - constants of ours
_DUE = f"""
CREATE OR REPLACE TEMP TABLE due AS
WITH seen AS (
    SELECT content_hash, arg_max(layout_hash, load_id) AS how FROM loads
    WHERE site_id = $site AND layout = '{LAYOUT}' GROUP BY content_hash
),
unseen AS (
    SELECT asset_id, list(extractor ORDER BY extractor) AS extractors,
        list(how ORDER BY extractor) AS hows
    FROM fitting f
    WHERE linked AND readable AND NOT EXISTS (
        SELECT 1 FROM seen s
        WHERE s.content_hash = f.asset_id || '/' || f.extractor AND s.how = f.how)
    GROUP BY asset_id
)
SELECT row_number() OVER (ORDER BY pack, "offset", asset_id) AS n, asset_id, extractors, hows
FROM unseen LEFT JOIN (
    SELECT asset_id, pack, "offset" FROM asset_files WHERE number = 0
) USING (asset_id)
"""  # noqa: S608
_BATCHED = """
WITH part AS (SELECT * FROM due WHERE n BETWEEN $first AND $last),
places AS (
    SELECT asset_id, list([name, sha256, pack, "offset"::VARCHAR, length::VARCHAR]
        ORDER BY number) AS files
    FROM asset_files SEMI JOIN part USING (asset_id) GROUP BY asset_id
),
samples AS (
    SELECT asset_id, list([subject_id, epoch_us(time)] ORDER BY number) AS samples
    FROM timed_samples SEMI JOIN part USING (asset_id) GROUP BY asset_id
),
stays AS (SELECT DISTINCT encounter_id FROM encounters)
SELECT p.asset_id, p.extractors, p.hows, a.format, a.subject_id, s.encounter_id,
    epoch_us(a.time), a.source_key, a.modality, a.kind, a.attributes ->> '$.language', f.files,
    m.samples
FROM part p JOIN assets a USING (asset_id) LEFT JOIN places f USING (asset_id)
LEFT JOIN samples m USING (asset_id)
LEFT JOIN stays s ON s.encounter_id = a.encounter_id
ORDER BY p.n
"""


# Without a name of its source's own, an asset cannot have changed and lost its subject.
_LOST = """
SELECT f.extractor, f.asset_id, a.source_key, f.how,
    (SELECT count(*) FROM asset_samples s WHERE s.asset_id = f.asset_id)
FROM fitting f JOIN assets a USING (asset_id)
WHERE NOT f.linked AND a.source_key <> ''
    AND f.extractor IN (SELECT source FROM events WHERE site_id = ?)
ORDER BY ALL
"""


# A forgotten subject takes assets of many samples along; their ledger lines name them no more.
_FORGOTTEN = f"""
SELECT DISTINCT "table" FROM loads
WHERE site_id = ? AND layout = '{LAYOUT}' AND starts_with(file, 'forgotten ') ORDER BY 1
"""  # noqa: S608
_IDENTITIES = """
SELECT coalesce(nullif(source_key, ''), asset_id), count(s.number)
FROM assets a LEFT JOIN asset_samples s USING (asset_id) WHERE a.site_id = ? GROUP BY ALL
"""


@dataclass(frozen=True)
class UnlinkedAsset:
    """An asset that waits for its subject; extractors may have found something in it before."""

    extractor: str
    asset_id: str
    source_key: str
    how: str
    samples: int


@dataclass(frozen=True)
class DueAsset:
    """One asset and the extractors that have not seen it as it is now."""

    asset_id: str
    extractors: tuple[str, ...]
    hows: tuple[str, ...]  # one an extractor: the ledger's `layout_hash`
    format: str
    subject_id: int | None  # None: each of its samples has its own
    encounter_id: int | None
    start: int | None  # microseconds since 1970 on the site's clock
    source_key: str
    modality: str
    kind: str | None
    language: str | None
    files: tuple[AssetFile, ...]
    # Of each sample of an asset of many: its subject, and its time.
    samples: tuple[tuple[int | None, int | None], ...] = ()

    @property
    def identity(self) -> str:
        """What stays the same when an asset grows: its source's key, else its content."""
        return self.source_key or self.asset_id

    @property
    def bytes(self) -> int:
        return sum(file.place.length for file in self.files)


class DueAssets:
    """The assets of one site that are due, in the order in which they lie in the packs."""

    def __init__(
        self,
        view: View,
        catalogue: Catalogue,
        extractors: Sequence[Extension],
        site: str,
        *,
        modality: str | None = None,
        subject: int | None = None,
        limit: int | None = None,
    ) -> None:
        self._view, self._site = view, site
        given = {"site": site, "modality": modality, "subject": subject}
        registered = {
            "extractors": _versions(extractors),
            "asset_readers": _versions(catalogue.of("asset-reader")),
            "mixed": _mixed(view, extractors),
        }
        for name, rows in registered.items():
            view.con.register(name, rows)
        view.con.execute(_TIMED)
        view.con.execute(_FITTING, given)
        view.con.execute(_DUE, {"site": site})
        for name in registered:
            view.con.unregister(name)
        found = int(view.rows("SELECT count(*) FROM due")[0][0])
        self._count = found if limit is None else max(0, min(found, limit))
        self.left = found - self._count

    def __len__(self) -> int:
        return self._count

    def extractors(self) -> list[str]:
        """Return the extractors for which anything is due."""
        rows = self._view.rows("SELECT DISTINCT unnest(extractors) AS name FROM due ORDER BY name")
        return [name for (name,) in rows]

    def waiting(self) -> Iterator[tuple[str, str, int]]:
        """Yield extractor, reason and number of the assets that cannot be looked at yet."""
        for name, linked, kind, count in self._view.rows(
            "SELECT extractor, linked, format, count(*) FROM fitting"
            " WHERE NOT linked OR NOT readable GROUP BY ALL ORDER BY ALL"
        ):
            yield name, f"no reader is named '{kind}'" if linked else WAITS, count

    def unlinked(self) -> Iterator[UnlinkedAsset]:
        """Yield the assets that wait for their subject and may have had one, by extractor."""
        for batch in self._view.table(_LOST, [self._site]).to_batches(max_chunksize=_BATCH):
            columns = (column.to_pylist() for column in batch.columns)
            yield from map(UnlinkedAsset, *columns)

    def bereft(self) -> list[str]:
        """Return the extractors that looked at assets which are gone with a forgotten subject."""
        return [name for (name,) in self._view.rows(_FORGOTTEN, [self._site])]

    def identities(self) -> list[tuple[str, int]]:
        """Return what findings of each asset of the site are keyed by, and how many samples."""
        return [(name, count) for name, count in self._view.rows(_IDENTITIES, [self._site])]

    def unread(self) -> dict[str, int]:
        """Count, by modality, the assets that none of these extractors reads."""
        return dict(
            self._view.rows(
                "SELECT modality, count(*) FROM assets ANTI JOIN fitting USING (asset_id)"
                " WHERE site_id = ? GROUP BY modality ORDER BY modality",
                [self._site],
            )
        )

    def __iter__(self) -> Iterator[DueAsset]:
        for first in range(1, self._count + 1, _BATCH):
            last = min(first + _BATCH - 1, self._count)
            found = self._view.con.execute(_BATCHED, {"first": first, "last": last}).fetchall()
            yield from map(_due, found)


WAITS = "waits for its subject"


def _versions(extensions: Sequence[Extension]) -> pa.Table:
    names = ("name", "version", "needs")
    return pa.table({n: pa.array([getattr(e, n) for e in extensions], pa.string()) for n in names})


def _mixed(view: View, extractors: Sequence[Extension]) -> pa.Table:
    """Return which mixed recordings hold what an extractor needs: leads (as JSON) and modality.

    The rule: an extractor reads the assets of the modality it needs, and recordings of modality
    `physiology` or `wearable` of which some lead, by its name, is of that modality.
    """
    wanted = {extractor.needs for extractor in extractors}
    rows = view.rows(
        "SELECT DISTINCT attributes ->> '$.leads',"
        " from_json(attributes -> '$.leads', '[\"VARCHAR\"]') FROM assets"
        " WHERE modality IN (?, ?) AND json_type(attributes, '$.leads') = 'ARRAY'",
        list(MIXED),
    )
    pairs = [
        (text, kind)
        for text, names in rows
        for kind in sorted({modality_of((name,)) for name in names or () if name} & wanted)
        if kind not in MIXED
    ]
    columns = ([text for text, _ in pairs], [kind for _, kind in pairs])
    return pa.table([pa.array(c, pa.string()) for c in columns], names=["leads", "needs"])


def _due(row: tuple[Any, ...]) -> DueAsset:
    name, extractors, hows, *rest, files, samples = row
    told = tuple((subject, time) for subject, time in samples or ())
    return DueAsset(name, tuple(extractors), tuple(hows), *rest, files=_files(files), samples=told)  # type: ignore[misc]


def _files(found: list[list[str]] | None) -> tuple[AssetFile, ...]:
    return tuple(
        AssetFile(name, sha, Place(pack, int(start), int(length)))
        for name, sha, pack, start, length in found or ()
    )
