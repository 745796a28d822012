"""The columns of every table, once: what readers hand over and what the lake stores."""

from __future__ import annotations

import pyarrow as pa

MICROSECONDS = pa.timestamp("us")

BIRTH, DEATH = "MEDS_BIRTH", "MEDS_DEATH"

# One row a fact, as a reader hands it over: identifiers are still the source's own.
MAPPED = pa.schema(
    [
        pa.field("subject", pa.string(), nullable=False),
        pa.field("time", MICROSECONDS),  # null = true at any time (sex, race)
        pa.field("end_time", MICROSECONDS),
        pa.field("code", pa.string(), nullable=False),
        pa.field("numeric_value", pa.float64()),
        pa.field("text_value", pa.string()),
        pa.field("unit", pa.string()),
        pa.field("encounter", pa.string()),
        pa.field("row_key", pa.int64(), nullable=False),
    ]
)

MAPPED_ENCOUNTERS = pa.schema(
    [
        pa.field("encounter", pa.string(), nullable=False),
        pa.field("subject", pa.string(), nullable=False),
        pa.field("start", MICROSECONDS),
        pa.field("end", MICROSECONDS),
        pa.field("kind", pa.string()),
    ]
)

# Every identifier by which a source knows a person; `scope` is "site" (a local record
# number) or "global" (a national number: the same person at every site). A sheet of samples adds a
# column `time`: when the sample that the identifier names was taken.
MAPPED_PEOPLE = pa.schema(
    [
        pa.field("subject", pa.string(), nullable=False),
        pa.field("system", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("scope", pa.string(), nullable=False),
    ]
)

MAPPED_CODES = pa.schema(
    [
        pa.field("code", pa.string(), nullable=False),
        pa.field("description", pa.string()),
        pa.field("parent_codes", pa.list_(pa.string())),
    ]
)

# Rows of a source that name files of it: whose each is. `file` is the path inside the source, with
# or without its suffix; a time here goes before the file's own, a modality before what a picture's
# reader says.
MAPPED_ASSETS = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("subject", pa.string(), nullable=False),
        pa.field("encounter", pa.string()),
        pa.field("time", MICROSECONDS),
        pa.field("modality", pa.string()),
    ]
)

# The lake's own event table: the MEDS 0.4 columns first, then what MEDS allows beside them.
EVENTS = pa.schema(
    [
        pa.field("shard_group", pa.int32(), nullable=False),
        pa.field("shard", pa.int16(), nullable=False),
        pa.field("subject_id", pa.int64(), nullable=False),
        pa.field("time", MICROSECONDS),
        pa.field("code", pa.string(), nullable=False),
        pa.field("numeric_value", pa.float32()),
        pa.field("text_value", pa.string()),
        pa.field("unit", pa.string()),
        pa.field("end_time", MICROSECONDS),
        pa.field("encounter_id", pa.int64()),
        pa.field("site_id", pa.string(), nullable=False),
        pa.field("load_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("row_key", pa.int64(), nullable=False),
    ]
)

EVENTS_BY_CODE = pa.schema([field for field in EVENTS if field.name != "row_key"])

CODES = pa.schema(
    [
        pa.field("code", pa.string(), nullable=False),
        pa.field("description", pa.string()),
        pa.field("parent_codes", pa.list_(pa.string())),
        pa.field("vocabulary", pa.string()),
        pa.field("events", pa.int64(), nullable=False),
    ]
)

SUBJECTS = pa.schema(
    [
        pa.field("shard_group", pa.int32(), nullable=False),
        pa.field("subject_id", pa.int64(), nullable=False),
        pa.field("shard", pa.int16(), nullable=False),
        pa.field("birth", MICROSECONDS),
        pa.field("death", MICROSECONDS),
        pa.field("events", pa.int64(), nullable=False),
    ]
)

ENCOUNTERS = pa.schema(
    [
        pa.field("shard_group", pa.int32(), nullable=False),
        pa.field("encounter_id", pa.int64(), nullable=False),
        pa.field("subject_id", pa.int64(), nullable=False),
        pa.field("start", MICROSECONDS),
        pa.field("end", MICROSECONDS),
        pa.field("kind", pa.string()),
        pa.field("site_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("load_id", pa.string(), nullable=False),
    ]
)

# One row a source file of a load: the ledger that must add up.
LOADS = pa.schema(
    [
        pa.field("load_id", pa.string(), nullable=False),
        pa.field("site_id", pa.string(), nullable=False),
        pa.field("layout", pa.string(), nullable=False),
        pa.field("layout_hash", pa.string(), nullable=False),
        pa.field("table", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("event_rows", pa.int64(), nullable=False),
        pa.field("part_rows", pa.int64(), nullable=False),
        pa.field("skipped", pa.string(), nullable=False),  # JSON: reason → rows
        pa.field("skipped_rows", pa.int64(), nullable=False),
        pa.field("quarantined_rows", pa.int64(), nullable=False),
        pa.field("events", pa.int64(), nullable=False),  # = added + … + forgotten
        pa.field("added", pa.int64(), nullable=False),
        pa.field("repeated", pa.int64(), nullable=False),  # equal to another row of the load
        pa.field("superseded", pa.int64(), nullable=False),  # corrected by a later row
        pa.field("known", pa.int64(), nullable=False),  # already in the lake
        pa.field("retracted", pa.int64(), nullable=False),  # taken back by the source
        pa.field("forgotten", pa.int64(), nullable=False),  # of a subject the lake forgot
        pa.field("started", MICROSECONDS, nullable=False),
        pa.field("subjects_by", pa.string(), nullable=False),
    ]
)

QUARANTINE = pa.schema(
    [
        pa.field("load_id", pa.string(), nullable=False),
        pa.field("site_id", pa.string(), nullable=False),
        pa.field("table", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("column", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)

# Raw counts of one check on one thing; thresholds are applied when they are read.
QUALITY = pa.schema(
    [
        pa.field("load_id", pa.string(), nullable=False),
        pa.field("site_id", pa.string(), nullable=False),
        pa.field("check", pa.string(), nullable=False),
        pa.field("item", pa.string(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("total", pa.int64(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)

SITES = pa.schema(
    [
        pa.field("site_id", pa.string(), nullable=False),
        pa.field("clock", pa.string(), nullable=False),  # "utc", or "local" as given
        pa.field("zone", pa.string()),
    ]
)

# One row an asset. `asset_id` is the SHA-256 of its content: of its one file, or of the sorted
# SHA-256 of its files. `attributes` is JSON and technical only.
ASSETS = pa.schema(
    [
        pa.field("asset_id", pa.string(), nullable=False),
        pa.field("subject_id", pa.int64()),  # null until the subject is known
        pa.field("encounter_id", pa.int64()),
        pa.field("time", MICROSECONDS),  # when it starts
        pa.field("end_time", MICROSECONDS),
        pa.field("modality", pa.string(), nullable=False),
        pa.field("format", pa.string(), nullable=False),  # the reader that opens it
        pa.field("kind", pa.string()),
        pa.field("seconds", pa.float64()),
        pa.field("rate", pa.float64()),
        pa.field("channels", pa.int32()),
        pa.field("shape", pa.list_(pa.int64())),
        pa.field("units", pa.string()),
        pa.field("device", pa.string()),
        pa.field("attributes", pa.string(), nullable=False),
        pa.field("files", pa.int32(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("site_id", pa.string(), nullable=False),
        pa.field("load_id", pa.string(), nullable=False),
        pa.field("source_key", pa.string(), nullable=False),  # keyed hash of the source's own name
        # Keyed hash of the identifier, while not linked; "either:…" where it names several.
        pa.field("subject_key", pa.string()),
    ]
)

# One row a file of an asset: the same bytes twice are stored once and listed twice.
ASSET_FILES = pa.schema(
    [
        pa.field("asset_id", pa.string(), nullable=False),
        pa.field("number", pa.int32(), nullable=False),  # 0 opens the asset
        pa.field("name", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("pack", pa.string(), nullable=False),  # key of the tar file
        pa.field("offset", pa.int64(), nullable=False),  # of the member's data
        pa.field("length", pa.int64(), nullable=False),
        pa.field("file_key", pa.string()),  # keyed hash of the source's own identity of the file
    ]
)

# `vector` holds `items` vectors (tiles, slices, or one) of `dimension` numbers, end to end.
EMBEDDINGS = pa.schema(
    [
        pa.field("asset_id", pa.string(), nullable=False),
        pa.field("encoder", pa.string(), nullable=False),
        pa.field("encoder_version", pa.string(), nullable=False),
        pa.field("items", pa.int32(), nullable=False),
        pa.field("dimension", pa.int32(), nullable=False),
        pa.field("vector", pa.list_(pa.float32()), nullable=False),
    ]
)

# One row a sample of an asset that holds many (a cohort's genotypes, a matrix of donors' cells).
ASSET_SAMPLES = pa.schema(
    [
        pa.field("asset_id", pa.string(), nullable=False),
        pa.field("number", pa.int32(), nullable=False),  # its place in the asset, from 0
        pa.field("sample_key", pa.string(), nullable=False),  # keyed hash of its name in the file
        pa.field("subject_id", pa.int64()),  # null until the subject is known
        pa.field("time", MICROSECONDS),  # when it was taken
        pa.field("subject_key", pa.string()),  # as in ASSETS
        pa.field("site_id", pa.string(), nullable=False),
        pa.field("load_id", pa.string(), nullable=False),
    ]
)

# One row a sample that a sheet told of: when it was taken. Files name it, before or after.
SAMPLES = pa.schema(
    [
        pa.field("site_id", pa.string(), nullable=False),
        pa.field("sample_key", pa.string(), nullable=False),  # as in ASSET_SAMPLES
        pa.field("subject_id", pa.int64(), nullable=False),
        pa.field("time", MICROSECONDS, nullable=False),
        pa.field("load_id", pa.string(), nullable=False),
    ]
)

# What an extractor hands over as columns; see `core.assets.Finding` for what each means.
FINDINGS = pa.schema(
    [
        pa.field("item", pa.int32(), nullable=False),  # place of the asset in the run
        pa.field("sample", pa.int32()),  # number of the sample; null: the asset's own subject
        pa.field("code", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("unit", pa.string()),
        pa.field("text", pa.string()),
        pa.field("at", pa.float64()),  # seconds after the asset's, or the sample's, time; null: 0
        pa.field("lasts", pa.float64()),
        pa.field("timeless", pa.bool_()),  # true at any time: an inherited genotype
    ]
)

_DERIVED_FROM = [
    pa.field("asset_id", pa.string(), nullable=False),
    pa.field("annotator", pa.string(), nullable=False),  # the extractor
    pa.field("version", pa.string(), nullable=False),  # of the extractor
]

# One row a thing that was found in a note: `start` and `end` count characters (code points) of the
# note's text, end exclusive. It holds no text of its own: the note has it.
SPANS = pa.schema(
    [
        *_DERIVED_FROM,
        pa.field("subject_id", pa.int64()),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("label", pa.string(), nullable=False),  # section, diagnosis, medication, …
        pa.field("code", pa.string()),  # VOCABULARY//value
        pa.field("assertion", pa.string()),  # affirmed, negated, possible, hypothetical
        pa.field("temporality", pa.string()),  # recent, historical
        pa.field("experiencer", pa.string()),  # patient, family, other
        pa.field("section", pa.string()),  # kind of the section it stands in
        pa.field("value", pa.float64()),
        pa.field("unit", pa.string()),
        pa.field("attributes", pa.string()),  # JSON: dose, route, frequency, second value
        pa.field("confidence", pa.float32(), nullable=False),
    ]
)

# One row a variant of a genotype asset. Alleles are on the forward strand of `build`.
VARIANTS = pa.schema(
    [
        *_DERIVED_FROM,
        pa.field("number", pa.int32(), nullable=False),  # its place in the asset, from 0
        pa.field("chromosome", pa.string(), nullable=False),  # 1…22, X, Y, MT: no chr before it
        pa.field("position", pa.int64(), nullable=False),  # from 1
        pa.field("variant", pa.string()),  # rs…, where the file names it
        pa.field("ref", pa.string(), nullable=False),
        pa.field("alt", pa.string(), nullable=False),  # the allele that dosages count
        pa.field("build", pa.string()),  # GRCh37, GRCh38; null: the file does not say
        pa.field("alt_frequency", pa.float64()),  # null: nobody has a call
        pa.field("call_rate", pa.float64(), nullable=False),
        pa.field("hwe_p", pa.float64()),  # exact test (Wigginton 2005); null: not diploid
    ]
)

# Tables that extractors fill: a new version of one, or a changed asset, replaces its rows.
DERIVED = {"spans": SPANS, "variants": VARIANTS}

# What is known of a variant, whoever carries it: from annotation files (VEP, ANNOVAR, own TSV).
VARIANT_ANNOTATIONS = pa.schema(
    [
        pa.field("build", pa.string()),
        pa.field("chromosome", pa.string(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("ref", pa.string(), nullable=False),
        pa.field("alt", pa.string(), nullable=False),
        pa.field("gene", pa.string()),
        pa.field("consequence", pa.string()),  # Sequence Ontology term
        pa.field("impact", pa.string()),
        pa.field("source", pa.string(), nullable=False),  # file or tool, and its version
        pa.field("load_id", pa.string(), nullable=False),
    ]
)

# Terms and how they hang together: code systems and gene sets, each with its source and licence.
TERMINOLOGIES = pa.schema(
    [
        pa.field("terminology", pa.string(), nullable=False),  # ICD10CM, ATC, HPO, a gene-set file
        pa.field("version", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("terms", pa.int64(), nullable=False),
        pa.field("load_id", pa.string(), nullable=False),
    ]
)
TERMS = pa.schema(
    [
        pa.field("code", pa.string(), nullable=False),  # VOCABULARY//value
        pa.field("terminology", pa.string(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("synonyms", pa.list_(pa.string())),
        pa.field("parents", pa.list_(pa.string())),
    ]
)
TERM_MAPS = pa.schema(
    [
        pa.field("code", pa.string(), nullable=False),
        pa.field("to_code", pa.string(), nullable=False),
        pa.field("relation", pa.string(), nullable=False),  # exact, broad, narrow, related
        pa.field("terminology", pa.string(), nullable=False),  # that brought the map
    ]
)

# One row a trained model; its files lie under `folder`, and hold no row of any subject.
MODELS = pa.schema(
    [
        pa.field("model", pa.string(), nullable=False),
        pa.field("version", pa.int32(), nullable=False),
        pa.field("modality", pa.string(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("labels", pa.list_(pa.string()), nullable=False),
        pa.field("created", MICROSECONDS, nullable=False),
        pa.field("trained_at", pa.int64(), nullable=False),  # the lake commit it was trained on
        pa.field("folder", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),  # of its files, sorted by name
        pa.field("card", pa.string(), nullable=False),  # JSON
    ]
)
