"""The commands of `python -m training`; what they do lives in the modules they call.

Keras takes seconds to import, so the modules that need it are imported by the commands that use them.
"""
