"""The SQL functions a mapping may use: of the row's values alone, and the same on every day."""

from __future__ import annotations

_OPERATORS = """
    + - * / // % ** ^ & | ~ << >> || ~~ !~~ ~~* !~~* ~~~ ^@ @
"""
_TEXT = """
    ascii chr char_length character_length concat concat_ws contains ends_with format ilike_escape
    instr lcase left length len like_escape lower lpad ltrim md5 not_ilike_escape not_like_escape
    nfc_normalize ord overlay position prefix printf regexp_escape regexp_extract regexp_full_match
    regexp_matches regexp_replace replace reverse right rpad rtrim sha256 split_part starts_with
    strip_accents strlen strpos substr substring suffix translate trim ucase unicode upper
    string_split split str_split hex unhex
"""
_NUMBERS = """
    abs ceil ceiling degrees divide exp floor greatest least ln log log10 log2 mod multiply pi pow
    power radians round sign sqrt cbrt subtract add trunc isfinite isnan isinf even gcd lcm
    sin cos tan asin acos atan atan2
"""
_TIMES = """
    century date_add date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc
    day dayofmonth dayofweek dayofyear epoch epoch_ms epoch_us hour isodow isoyear last_day
    make_date make_time make_timestamp make_timestamp_ms microsecond millisecond minute month
    quarter second strftime strptime try_strptime timezone to_timestamp to_years to_quarters
    to_months to_weeks to_days to_hours to_minutes to_seconds to_milliseconds to_microseconds week
    weekday weekofyear year
"""
_CHOICES = """
    if ifnull nullif coalesce list_value list_contains list_extract list_element array_extract
    map map_extract map_from_entries element_at struct_pack row struct_extract
    json_extract json_extract_string json_value json_valid ->>
"""

ALLOWED = frozenset(" ".join((_OPERATORS, _TEXT, _NUMBERS, _TIMES, _CHOICES)).split())

_TYPES = """
    VARCHAR TEXT STRING CHAR BOOLEAN BOOL TINYINT SMALLINT INTEGER INT BIGINT HUGEINT UINTEGER
    UBIGINT FLOAT REAL DOUBLE DECIMAL NUMERIC DATE TIME TIMESTAMP DATETIME TIMESTAMPTZ INTERVAL
    LIST
"""
TYPES = frozenset([*_TYPES.split(), "TIMESTAMP WITH TIME ZONE"])
# From text, these lose an offset in silence.
LOSSY = frozenset(["DATE", "TIMESTAMP", "DATETIME"])
