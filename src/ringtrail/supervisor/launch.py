"""Become a child that cannot outlive its parent: `python -I -S launch.py PARENT SIGNAL USER COMMAND...`.

The kernel sends SIGNAL (a number) when the parent dies, even by `kill -9`. The request is lost when the user changes,
therefore it is made after that and right before the command replaces this program. USER `-` means: stay who we are.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2)


def main(parent: int, death_signal: int, user: str, command: list[str]) -> None:
    _allow_many_files()
    if user != "-":
        _become(user)
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it died before we could ask
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - the command comes from the supervisor


def _allow_many_files() -> None:
    """A call costs Asterisk about eight descriptors; the usual soft limit of 1,024 would end at some 120 calls."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _become(user: str) -> None:
    who = pwd.getpwnam(user)
    os.initgroups(user, who.pw_gid)
    os.setgid(who.pw_gid)
    os.setuid(who.pw_uid)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
