"""`python -m training`."""

import os

from training.cli import main

if __name__ == "__main__":
    # TensorFlow's C++ start-up lines would break the progress display; it reads this when it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main(prog_name="python -m training")
