"""Listener beside the scanner, which receives series, assesses those of the left atrium, and sends results on."""
