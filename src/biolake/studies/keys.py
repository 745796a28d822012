"""The words of a study file, once: the parser reads them here, a test holds the schema to it."""

from __future__ import annotations

from biolake.core.yaml_positions import Value

# What only authors know; the report's checklist looks for these.
ABOUT_TEXTS = (
    "abstract", "amendments", "background", "blinding", "centres", "class_imbalance",
    "clinical_context", "code_availability", "conclusion", "conflicts", "consent",
    "data_availability", "data_preparation", "data_quality", "data_rationale", "data_source",
    "dates", "differences", "ethics", "existing_models", "expertise", "fairness",
    "fairness_interpretation", "follow_up", "funder_role", "funding", "generalisability",
    "heterogeneity", "inequalities", "input_quality", "intended_use", "intended_users",
    "interpretation", "left_out_reasons", "limitations", "missing_data",
    "model_availability", "model_comparison",
    "model_rationale", "next_steps", "not_for", "objectives", "outcome_assessors",
    "outcome_rationale", "outcome_timing", "ppi", "predictor_assessors", "predictor_handling",
    "predictor_rationale", "predictor_selection", "predictor_timing", "protocol", "purpose",
    "rationale", "recalibration", "registration", "representativeness", "sample_size",
    "setting", "thresholds", "treatments", "updating", "user_interaction", "utility",
)  # fmt: skip

# Place in the file → (words it may have, words it must have).
KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "": (
        (
            "blocks",
            "data",
            "outcome",
            "time_at_risk",
            "split",
            "subgroups",
            "report",
            "minimum_cell",
        ),
        ("study", "population", "features", "analyses"),
    ),
    "study": ((*ABOUT_TEXTS, "authors"), ("id", "title", "question")),
    "data": (("sites", "commit"), ()),
    "population": (("predicates", "exclusions", "first_only"), ("task",)),
    "population.exclusions": ((), ("name", "why", "where")),
    "population.exclusions.where": (
        ("age_below", "age_above", "history_below", "has", "lacks"),
        (),
    ),
    "has": (("codes", "prefix", "regex", "within"), ()),
    "outcome": (("from", "codes", "prefix", "regex", "competing", "horizon"), ("name",)),
    "time_at_risk": (("start", "end"), ()),
    "split": (("ratios", "seed", "stratify", "held_out_sites", "code"), ("kind",)),
    "split.ratios": ((), ("train", "tuning", "held_out")),
    "subgroups": (("cuts", "prefix"), ("name",)),
    "report": (("formats", "standard", "language"), ()),
}


def block(value: Value, place: str) -> dict[str, Value]:
    """Return the entries of a block of the file; unknown and missing words are refused."""
    may, must = KEYS[place]
    return value.block(may, must)
