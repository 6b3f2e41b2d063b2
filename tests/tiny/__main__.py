"""`python -m tests.tiny`: the commands of `python -m training`, with the tiny data set and recipe."""

import os

from tests.tiny import install
from training import backend
from training.cli import main

if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    install()
    backend.PROGRAM = "tests.tiny"
    main(prog_name="python -m training")
