"""One file a recipe or a family of them, each with a tuple `RECIPES`; found by file name."""
