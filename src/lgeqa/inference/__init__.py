"""Assessment of one scan: detection of the atrium, gate, slice scores, vote and attribution."""
