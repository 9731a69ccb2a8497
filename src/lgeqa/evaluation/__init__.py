"""Evaluation of a model against labels, with figures, tables and plots."""
