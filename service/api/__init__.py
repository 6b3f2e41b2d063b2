"""Speaks HTTP and nothing else: one module a dialect or concern."""
