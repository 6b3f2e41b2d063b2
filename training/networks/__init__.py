"""One file a network, each with a function `build`; found by file name."""
