"""`python -m training`: the group of the commands in `training.commands`."""

import click

from service import manifest as contract
from service.errors import Fault
from training import atomic
from training.commands import export, look, train


class _Faults(click.Group):
    """Tells faults as one line, without a traceback."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except (Fault, atomic.InUse, contract.ManifestFault) as fault:
            raise click.ClickException(str(fault)) from fault


@click.group(cls=_Faults, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    r"""Trains small image classifiers and exports them for the service.

    A typical first session:

    \b
        python -m training list
        python -m training inspect mnist
        python -m training train mnist --publish
    """


for command in (look.list_, look.inspect, train.train, train.reproduce, train.package, look.evaluate, look.compare):
    main.add_command(command)
main.add_command(export.export)
