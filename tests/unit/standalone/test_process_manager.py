"""What supervisord makes of our configuration, and what we make of its answers."""

import shlex
import shutil
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xmlrpc.server import SimpleXMLRPCDispatcher, SimpleXMLRPCRequestHandler

import pytest
from supervisor.options import ServerOptions

from standalone.process_manager import (
    EXIT_CONFIG,
    ManagedProcess,
    Program,
    list_processes,
    manager_command,
    manager_configuration,
)

STORE = Program("store", ["/usr/bin/server", "store.conf"], priority=10)
WORKER = Program(
    "worker", ["python", "-m", "worker"], priority=20, copies=2, environment='ROWCALL_HEALTH_FILE="w-%(process_num)d"'
)

#: A folder name that a configuration file could misread.
ODD_NAMES = ["two words", "100%", "%(here)s", "it's"]


class _Server(SimpleXMLRPCDispatcher, socketserver.UnixStreamServer):
    """Answers XML-RPC on a Unix socket."""

    logRequests = False  # noqa: N815 - the name that the request handler looks for

    def __init__(self, path: Path) -> None:
        SimpleXMLRPCDispatcher.__init__(self)
        socketserver.UnixStreamServer.__init__(self, str(path), _Handler)


class _Handler(SimpleXMLRPCRequestHandler):
    disable_nagle_algorithm = False
    rpc_paths = ("/RPC2",)


def process(name: str, state: str, exit_status: int = 0, *, pid: int = 0) -> dict[str, Any]:
    return {"name": name, "statename": state, "exitstatus": exit_status, "pid": pid}


@pytest.fixture
def control_socket() -> Iterator[Path]:
    # A socket path may have about 100 characters, which a test's own folder can exceed.
    folder = Path(tempfile.mkdtemp(prefix="rowcall-test-"))
    yield folder / "control.sock"
    shutil.rmtree(folder)


@pytest.fixture
def answer(control_socket: Path) -> Iterator[Callable[[list[dict[str, Any]]], None]]:
    """Sets what a process manager on the control socket says of its processes."""
    processes: list[dict[str, Any]] = []
    with _Server(control_socket) as server:
        server.register_function(lambda: processes, "supervisor.getAllProcessInfo")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield processes.extend
        server.shutdown()
        thread.join()


@pytest.fixture
def parse(tmp_path: Path) -> Callable[..., Any]:
    """Lets supervisord read a configuration: returns its options."""

    def parse_configuration(programs: list[Program], **places: Path) -> Any:
        folders = {"control_socket": tmp_path / "control.sock", "logs_dir": tmp_path, "root": tmp_path} | places
        configuration = tmp_path / "supervisord.conf"
        configuration.write_text(manager_configuration(programs, **folders))
        options = ServerOptions()
        options.realize(["--configuration", str(configuration)])
        return options

    return parse_configuration


def processes_of(options: Any) -> list[Any]:
    return [one for group in options.process_group_configs for one in group.process_configs]


def test_programs_start_in_the_order_of_their_priority(parse: Callable[..., Any]) -> None:
    options = parse([WORKER, STORE])

    assert [group.name for group in sorted(options.process_group_configs)] == ["store", "worker"]


def test_a_program_runs_in_as_many_copies_as_asked_for(parse: Callable[..., Any]) -> None:
    options = parse([WORKER])

    assert [process.name for process in processes_of(options)] == ["worker-0", "worker-1"]


def test_each_copy_has_variables_of_its_own(parse: Callable[..., Any]) -> None:
    options = parse([WORKER])

    assert [process.environment for process in processes_of(options)] == [
        {"ROWCALL_HEALTH_FILE": "w-0"},
        {"ROWCALL_HEALTH_FILE": "w-1"},
    ]


def test_a_process_that_cannot_use_its_settings_is_not_started_again(parse: Callable[..., Any]) -> None:
    (store,) = processes_of(parse([STORE]))

    assert (str(store.autorestart), store.exitcodes) == (
        "<class 'supervisor.datatypes.RestartWhenExitUnexpected'>",
        [78],
    )


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_command_survives(parse: Callable[..., Any], name: str) -> None:
    command = [f"/opt/{name}/python", "-m", "worker", 'with "quotes"']

    (program,) = processes_of(parse([Program("worker", command, priority=20)]))

    assert shlex.split(program.command) == command


@pytest.mark.parametrize("name", ODD_NAMES)
def test_the_folder_of_the_code_survives(parse: Callable[..., Any], tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    root.mkdir()

    (store,) = processes_of(parse([STORE], root=root))

    assert store.directory == str(root)


@pytest.mark.parametrize("name", ["two words", "it's"])
def test_the_folder_of_the_logs_survives(parse: Callable[..., Any], tmp_path: Path, name: str) -> None:
    logs_dir = tmp_path / name
    logs_dir.mkdir()

    options = parse([STORE], logs_dir=logs_dir)

    assert processes_of(options)[0].stdout_logfile == str(logs_dir / "store-0.log")
    assert options.logfile == str(logs_dir / "supervisord.log")


@pytest.mark.parametrize("name", ["100%", "50% b"])
def test_a_folder_with_a_percent_sign_survives(parse: Callable[..., Any], tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()

    options = parse([STORE], logs_dir=folder, control_socket=folder / "control.sock")

    assert options.logfile == str(folder / "supervisord.log")
    assert [server["file"] for server in options.server_configs] == [str(folder / "control.sock")]


def test_only_its_owner_may_control_the_processes(parse: Callable[..., Any]) -> None:
    options = parse([STORE])

    assert [server["chmod"] for server in options.server_configs] == [0o700]


def test_the_process_manager_reads_the_configuration_it_is_given() -> None:
    command = manager_command(Path("some folder/supervisord.conf"))

    assert command[-2:] == ["--configuration", "some folder/supervisord.conf"]


@pytest.mark.parametrize(
    ("state", "exit_status"),
    [
        pytest.param("STARTING", 0, id="it starts"),
        pytest.param("RUNNING", 0, id="it runs"),
        pytest.param("BACKOFF", EXIT_CONFIG, id="it is started again"),
        pytest.param("EXITED", 1, id="it ended for another reason"),
        pytest.param("STOPPED", EXIT_CONFIG, id="it was stopped"),
    ],
)
def test_a_process_has_not_given_up(
    control_socket: Path, answer: Callable[..., None], state: str, exit_status: int
) -> None:
    answer([process("worker-0", state, exit_status)])

    assert [process.has_given_up for process in list_processes(control_socket)] == [False]


@pytest.mark.parametrize(
    ("state", "exit_status"),
    [
        pytest.param("EXITED", EXIT_CONFIG, id="it cannot use its settings"),
        pytest.param("FATAL", 0, id="it could not be started"),
    ],
)
def test_a_process_has_given_up(
    control_socket: Path, answer: Callable[..., None], state: str, exit_status: int
) -> None:
    answer([process("worker-0", state, exit_status)])

    assert [process.has_given_up for process in list_processes(control_socket)] == [True]


def test_every_process_is_listed_under_its_name(control_socket: Path, answer: Callable[..., None]) -> None:
    answer([process("store-0", "RUNNING", pid=7), process("worker-1", "EXITED", EXIT_CONFIG)])

    assert list_processes(control_socket) == [
        ManagedProcess("store-0", 7, has_given_up=False),
        ManagedProcess("worker-1", 0, has_given_up=True),
    ]


def test_before_any_process_has_started_the_list_is_empty(control_socket: Path, answer: Callable[..., None]) -> None:
    answer([])

    assert list_processes(control_socket) == []


def test_a_process_manager_that_does_not_listen_yet_cannot_be_asked(control_socket: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        list_processes(control_socket)
