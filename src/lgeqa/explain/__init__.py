"""Where on a scan the verdict comes from."""
