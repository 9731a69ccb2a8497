"""The functions of the package for Python."""
