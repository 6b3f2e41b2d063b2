"""Everything between an array and probabilities."""
