"""Figures that tell how good a result is."""
