"""OHDSI Circe cohort definitions, as ATLAS exports them, run over an OMOP view."""

from biolake.cohorts.circe.compiling import Compiled, compile_circe
from biolake.cohorts.circe.documents import CirceRefused
from biolake.cohorts.circe.expression import CohortExpression
from biolake.cohorts.circe.lake_view import omop_view
from biolake.cohorts.circe.omop import OmopTables, OmopView, omop_schema, omop_tables
from biolake.cohorts.circe.parsing import parse_circe
from biolake.cohorts.circe.running import CirceCohort, Step, run_circe

__all__ = [
    "CirceCohort",
    "CirceRefused",
    "CohortExpression",
    "Compiled",
    "OmopTables",
    "OmopView",
    "Step",
    "compile_circe",
    "omop_schema",
    "omop_tables",
    "omop_view",
    "parse_circe",
    "run_circe",
]
