"""Models that predict: fitted on train, tuned on tuning, kept in open formats without any row."""
