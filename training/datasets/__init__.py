"""One file a data set, found by file name: a fixed one with a `DATA_SET`, one's own images with a function `make`."""
