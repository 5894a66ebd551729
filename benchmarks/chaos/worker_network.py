"""A network of the workers' own, that can be cut from the rest in either direction: a Linux namespace, root only.

A cut gives the other side's address a hardware address that nobody has. Packets then vanish without a word, as they do
in a partition; no firewall and no queueing discipline is needed.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

_NOBODY = "02:00:00:00:00:99"


class WorkerNetwork:
    """A namespace, joined to this machine by a pair of virtual interfaces. No interface of the machine is touched."""

    def __init__(self) -> None:
        self._name = f"rowcall-{os.getpid()}"
        self._near, self._far = f"rc{os.getpid()}a", f"rc{os.getpid()}b"
        subnet = f"10.231.{os.getpid() % 256}"
        #: Where this machine is for a process inside.
        self.host = f"{subnet}.1"
        self._inside = f"{subnet}.2"

    @classmethod
    @contextmanager
    def run(cls) -> Iterator[Self]:
        """Have the network for the time of the block; raises subprocess.CalledProcessError without the right to."""
        network = cls()
        try:
            network._set_up()
            yield network
        finally:
            network._tear_down()

    def _set_up(self) -> None:
        _ip("netns", "add", self._name)
        _ip("link", "add", self._near, "type", "veth", "peer", "name", self._far, "netns", self._name)
        _ip("address", "add", f"{self.host}/30", "dev", self._near)
        _ip("link", "set", self._near, "up")
        self._ip_inside("address", "add", f"{self._inside}/30", "dev", self._far)
        self._ip_inside("link", "set", self._far, "up")
        self._ip_inside("link", "set", "lo", "up")

    def _tear_down(self) -> None:
        subprocess.run(["ip", "link", "delete", self._near], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "delete", self._name], check=False, capture_output=True)

    def command(self, command: list[str]) -> list[str]:
        """Return the command that runs inside; it becomes the process that was asked for."""
        return ["ip", "netns", "exec", self._name, *command]

    def cut(self, *, questions: bool = True, answers: bool = True) -> None:
        """Let no packet pass: questions are those from inside, answers those to it."""
        if questions:
            self._ip_inside("neighbor", "replace", self.host, "lladdr", _NOBODY, "dev", self._far, "nud", "permanent")
        if answers:
            _ip("neighbor", "replace", self._inside, "lladdr", _NOBODY, "dev", self._near, "nud", "permanent")

    def heal(self) -> None:
        """Let all packets pass."""
        # Whichever was not cut has no such entry, or a true one that is found again.
        for command in (
            ["netns", "exec", self._name, "ip", "neighbor", "delete", self.host, "dev", self._far],
            ["neighbor", "delete", self._inside, "dev", self._near],
        ):
            subprocess.run(["ip", *command], check=False, capture_output=True)

    def _ip_inside(self, *arguments: str) -> None:
        _ip("netns", "exec", self._name, "ip", *arguments)


def find_hindrance() -> str | None:
    """Return why this process cannot have such a network, or None."""
    if shutil.which("ip") is None:
        return "there is no `ip` command (Debian: iproute2)"
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    try:
        with WorkerNetwork.run():
            return None
    except subprocess.CalledProcessError as error:
        return f"`{' '.join(error.cmd)}` failed: {error.stderr.decode(errors='replace').strip()}"


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
