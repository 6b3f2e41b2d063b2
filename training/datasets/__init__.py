"""One file a data set, each with a `DATA_SET`; found by file name."""
