"""The converters of variable path parts, stricter than Werkzeug's, whose `int` takes the digits of every script."""

from collections.abc import Mapping

from werkzeug.routing import BaseConverter, ValidationError

# Of the largest 64-bit number.
_MAX_DIGITS = 19


class Digits(BaseConverter):
    """A number as it was written."""

    regex = "[0-9]+"


class Number(Digits):
    """A whole number from 0; a path with a longer one does not exist."""

    def to_python(self, value: str) -> int:
        """The number."""
        if len(value) > _MAX_DIGITS:
            raise ValidationError
        return int(value)


class Name(BaseConverter):
    """A name before a colon and a verb, as in `mnist:predict`."""

    regex = "[^/:]+"


CONVERTERS: Mapping[str, type[BaseConverter]] = {"int": Number, "digits": Digits, "name": Name}
