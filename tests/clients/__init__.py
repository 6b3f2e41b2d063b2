"""Scripts for the protocols' stock clients, run by an interpreter that has them: what they got, as JSON."""
