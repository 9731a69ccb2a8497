"""Blinded reading of scans by several people, on the four scales."""
