"""Tables to events by a mapping: a YAML file that says what each row of a source means."""

from biolake.ingest.mapping.checking import Problem, check_mapping
from biolake.ingest.mapping.definition import Mapping
from biolake.ingest.mapping.drafting import draft_mapping
from biolake.ingest.mapping.loading import load_mapping, shipped_mappings
from biolake.ingest.mapping.opening import (
    MappedReading,
    detect_mapping,
    local_mapping,
    open_mapping,
)

__all__ = [
    "MappedReading",
    "Mapping",
    "Problem",
    "check_mapping",
    "detect_mapping",
    "draft_mapping",
    "load_mapping",
    "local_mapping",
    "open_mapping",
    "shipped_mappings",
]
