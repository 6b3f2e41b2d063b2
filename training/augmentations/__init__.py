"""One module a cause for which pictures of the same thing differ."""
