"""A study's report: one page that needs nothing but itself, a model card, and TRIPOD+AI filled.

Everything is read from a result alone; what it lacks is said to be lacking.
"""

from biolake.studies.report.checklist import Element, counts, tripod
from biolake.studies.report.writing import write_report

__all__ = ["Element", "counts", "tripod", "write_report"]
