"""supervisord: its configuration for a stack, and what it says about its processes."""

import os
import sys
from configparser import RawConfigParser
from contextlib import closing
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from xmlrpc.client import ServerProxy

from supervisor.xmlrpc import SupervisorTransport

#: Processes get so long to end by themselves when the stack stops.
STOP_SECONDS = 40
#: Exit status of a process that cannot use its settings or models: starting it again would not help.
EXIT_CONFIG = os.EX_CONFIG


@dataclass(frozen=True, slots=True)
class Program:
    """A process that is started again when it dies."""

    name: str
    command: list[str]
    #: Started in this order, stopped in the opposite one.
    priority: int
    copies: int = 1
    #: Variables besides those of the stack; `%(process_num)d` counts the copies.
    environment: str = ""


def manager_configuration(programs: list[Program], *, control_socket: Path, logs_dir: Path, root: Path) -> str:
    """Return the text of a supervisord configuration."""
    parser = RawConfigParser()
    parser["supervisord"] = {
        "nodaemon": "true",
        # Its log goes to the file only.
        "silent": "true",
        "logfile": quote_percent(str(logs_dir / "supervisord.log")),
        "pidfile": quote_percent(str(control_socket.with_suffix(".pid"))),
        **({"user": "root"} if os.geteuid() == 0 else {}),
    }
    parser["unix_http_server"] = {"file": quote_percent(str(control_socket)), "chmod": "0700"}
    parser["rpcinterface:supervisor"] = {
        "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
    }
    for program in programs:
        parser[f"program:{program.name}"] = _program_section(program, logs_dir, root)
    text = StringIO()
    parser.write(text)
    return text.getvalue()


def _program_section(program: Program, logs_dir: Path, root: Path) -> dict[str, str]:
    return {
        "command": " ".join(_quote(part) for part in program.command),
        "process_name": "%(program_name)s-%(process_num)d",
        "numprocs": str(program.copies),
        "directory": quote_percent(str(root)),
        "priority": str(program.priority),
        "environment": program.environment,
        "autorestart": "unexpected",
        "exitcodes": str(EXIT_CONFIG),
        "startsecs": "0",
        "stopwaitsecs": str(STOP_SECONDS),
        # A process that does not end takes its children with it.
        "killasgroup": "true",
        "redirect_stderr": "true",
        # supervisord expands this one twice.
        "stdout_logfile": f"{quote_percent(quote_percent(str(logs_dir)))}/%(program_name)s-%(process_num)d.log",
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": "2",
    }


def _quote(part: str) -> str:
    return '"' + quote_percent(part).replace('"', '\\"') + '"'


def quote_percent(text: str) -> str:
    """Escape a text that supervisord would expand."""
    return text.replace("%", "%%")


def manager_command(configuration: Path) -> list[str]:
    return [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(configuration)]


@dataclass(frozen=True, slots=True)
class ManagedProcess:
    """What supervisord knows about one process."""

    #: Such as `worker-0`.
    name: str
    #: 0 while it does not run.
    pid: int
    has_given_up: bool


def list_processes(control_socket: Path) -> list[ManagedProcess]:
    """Ask supervisord about its processes; raises OSError before it listens."""
    # A connection that failed once cannot be used again, so each question has its own.
    transport = SupervisorTransport(None, None, serverurl=f"unix://{control_socket}")
    server: Any = ServerProxy("http://127.0.0.1", transport=transport)
    with closing(transport):
        processes = server.supervisor.getAllProcessInfo()
    return [
        ManagedProcess(
            name=process["name"],
            pid=process["pid"],
            has_given_up=process["statename"] == "FATAL"
            or (process["statename"] == "EXITED" and process["exitstatus"] == EXIT_CONFIG),
        )
        for process in processes
    ]
