"""Pictures made up for the tests, each after one way in which real ones come about."""
