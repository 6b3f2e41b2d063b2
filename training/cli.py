"""`python -m training`: the group of the commands in `training.commands`."""

import errno

import click

from service import manifest as contract
from service.errors import Fault
from training import atomic
from training.commands import export, look, train

# The disk's, not ours.
_NOT_WRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES})
_AGAIN = "the same command goes on where it was"


class _Faults(click.Group):
    """Tells faults as one line, without a traceback."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except (Fault, atomic.InUse, contract.ManifestFault) as fault:
            raise click.ClickException(str(fault)) from fault
        except OSError as error:
            if error.errno not in _NOT_WRITABLE:
                raise
            place = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(f"{place}{error.strerror}; nothing is half written, and {_AGAIN}") from error


@click.group(cls=_Faults, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Trains small image classifiers and exports them for the service.

    A typical first session:

    \b
        python -m training list
        python -m training inspect mnist
        python -m training train mnist --publish
    """  # noqa: D301  click's marker for lines to be kept is the character itself


for command in (
    *(look.list_, look.inspect, look.evaluate, look.compare),
    *(train.train, train.train_folder, train.reproduce, train.package, export.export),
):
    main.add_command(command)
