"""Who waits at a listener, and how it is left so that nobody who connects at that moment is cut off."""

import contextlib
import ctypes
import socket
import struct
from pathlib import Path

_UNACKED, _UNACKED_AT = struct.Struct("=I"), 24
_SO_ATTACH_FILTER = 26
# Classic BPF over the TCP header: byte 13 holds the flags, 2 is SYN; returned is how much of a packet is let through.
_LOAD_BYTE, _JUMP_IF_SET, _RETURN = 0x30, 0x45, 0x06
_WITHOUT_SYN = (
    (_LOAD_BYTE, 0, 0, 13),
    (_JUMP_IF_SET, 0, 1, 0x02),
    (_RETURN, 0, 0, 0),
    (_RETURN, 0, 0, 0xFFFFFFFF),
)


def waiting(listener: socket.socket) -> int:
    """How many have connected and were not accepted yet; at least 1, which is also said where that is not told.

    Linux tells it of a TCP socket that listens, in `tcpi_unacked` (struct tcp_info, linux/tcp.h).
    """
    try:
        told: bytes = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _UNACKED.size + _UNACKED_AT)
    except (AttributeError, OSError):
        return 1
    unacked: int = _UNACKED.unpack_from(told, _UNACKED_AT)[0]
    return max(1, unacked)


def is_left_by(pid: int, listener: socket.socket) -> bool:
    """Whether a process has closed the listener that it had handed down to this one; False where that is not told."""
    own, handed_down = (Path(f"/proc/{process}/fd/{listener.fileno()}") for process in ("self", pid))
    try:
        # It may have opened something else under the same number since.
        return own.is_symlink() and not (handed_down.is_symlink() and handed_down.readlink() == own.readlink())
    except OSError:
        return False


def ignore_newcomers(listener: socket.socket) -> None:
    """Has the system overlook who begins to connect; whoever has begun comes in still.

    For all processes that have the listener. A connection that was made and not accepted is reset when the listener is
    closed, and its request lost. One that was overlooked is asked for again by the client's system, a second later: it
    is refused then, or taken by what listens there by that time. Linux only; elsewhere nothing happens (socket(7)).
    """
    program = b"".join(struct.pack("=HBBI", *instruction) for instruction in _WITHOUT_SYN)
    buffer = ctypes.create_string_buffer(program)
    with contextlib.suppress(OSError):
        listener.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(_WITHOUT_SYN), ctypes.addressof(buffer))
        )
