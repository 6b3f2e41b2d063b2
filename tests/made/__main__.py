"""`python -m tests.made mnist.npz [COUNT]`: how many made-up digits of each case the shipped model names rightly."""

import sys
from io import BytesIO

import numpy as np

from service.images.decode import decode
from tests.conftest import shipped
from tests.made.digits import CASES
from training import wild


def main() -> None:
    """Strokes are those of COUNT test images from the thousandth on, half of the files are JPEGs."""
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    data, model = np.load(sys.argv[1]), wild.load(shipped("mnist"))
    images, labels = (data[name][1000 : 1000 + count] for name in ("x_test", "y_test"))
    total = 0
    for name, case in CASES.items():
        right = flagged = 0
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            made, file = case(image, np.random.default_rng((7, number))), BytesIO()
            made.save(file, "PNG" if made.mode != "RGB" or number % 2 else "JPEG")
            (answer,) = model.classify([model.prepare(decode(file.getvalue(), wild.LIMITS))])
            right += answer.label_index == label
            flagged += answer.in_distribution is False
        total += right
        print(f"{name:16} {right / count:7.1%} flagged {flagged / count:6.1%}")
    print(f"{'all':16} {total / count / len(CASES):7.1%} of {count * len(CASES)}")


if __name__ == "__main__":
    main()
