"""Predictions without HTTP: files to lines, by all cores or by a Ray cluster."""
