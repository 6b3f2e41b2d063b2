"""How one worker process learns that another has taken its place."""

import mmap

_ASKED, _GIVEN = 1, 2


class Relief:
    """One worker's relief; made in the parent before it forks, and shared with all processes forked after that."""

    def __init__(self) -> None:
        self._state = mmap.mmap(-1, 1)

    def ask(self) -> None:
        """In the parent: others will be started in this worker's place."""
        self._state[0] = _ASKED

    def pass_on(self) -> None:
        """In the parent: whoever else has the listeners goes on where this worker ends."""
        self._state[0] = _GIVEN

    def give(self) -> None:
        """In a worker that has just begun to serve: relieves this one if that is wanted."""
        if self._state[0]:
            self._state[0] = _GIVEN

    @property
    def is_asked(self) -> bool:
        """Whether others take this worker's place, now or soon."""
        return self._state[0] != 0

    @property
    def is_given(self) -> bool:
        """Whether one of them serves."""
        return self._state[0] == _GIVEN
