"""The paper's whole study on one cohort: splits, trainings, evaluations, tables and figures."""
