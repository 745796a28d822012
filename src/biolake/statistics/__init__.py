"""The numerics that analyses share: plain functions of arrays, each tied to its source and oracle.

Nothing here knows a lake, a cohort or a chart. Every function takes columns of equal length, one
row a subject (or a spell of one), and refuses missing values: what to do about them is a decision
of the study, not of an estimator.
"""
