"""`python -m tests.made FILE.npz [COUNT]`: how many made-up pictures the shipped model names rightly.

Of `mnist.npz` digits, in each case that is made; of `fashion_mnist.npz` clothes that lie somewhere, by class. They are
made of training images that were held out: how images are prepared is chosen by these figures, so the test split must
not be among them.
"""

import sys
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.images.decode import Picture, decode
from tests.conftest import shipped
from tests.made.clothes import photographed
from tests.made.digits import CASES
from training import real_images
from training.image_folder import LIMITS

# The last training images, which no shipped model was trained on.
_HELD_OUT = 5000


def main() -> None:
    """Of the first COUNT held-out images, 100 for want of a number."""
    file, count = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100
    data = np.load(file)
    made_of = {"mnist": digits, "fashion_mnist": clothes}[file.stem]
    made_of(*(data[name][-_HELD_OUT:][:count] for name in ("x_train", "y_train")))


def digits(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
    """Half of the files are JPEGs."""
    model, count, total = real_images.load(shipped("mnist")), len(labels), 0
    for name, case in CASES.items():
        right = flagged = 0
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            made, file = case(image, np.random.default_rng((7, number))), BytesIO()
            made.save(file, "PNG" if made.mode != "RGB" or number % 2 else "JPEG")
            (answer,) = model.classify([model.prepare(decode(file.getvalue(), LIMITS))])
            right += answer.label_index == label
            flagged += answer.in_distribution is False
        total += right
        print(f"{name:16} {right / count:7.1%} flagged {flagged / count:6.1%}")
    print(f"{'all':16} {total / count / len(CASES):7.1%} of {count * len(CASES)}")


def clothes(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
    """Each in a scene of its own."""
    model = real_images.load(shipped("fashion_mnist"))
    made = (photographed(image, np.random.default_rng((7, n))).picture for n, image in enumerate(images))
    answers = model.classify([model.prepare(Picture(picture, ())) for picture in made])
    right = np.array([answer.label_index for answer in answers]) == labels
    flagged = np.array([answer.in_distribution is False for answer in answers])
    for number, label in enumerate(model.manifest.labels):
        own = labels == number
        print(f"{label:16} {right[own].mean():7.1%} flagged {flagged[own].mean():6.1%}")
    print(f"{'all':16} {right.mean():7.1%} of {len(labels)}, flagged {flagged.mean():6.1%}")


if __name__ == "__main__":
    main()
