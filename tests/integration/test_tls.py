"""Behind `rediss://` only a server that a known authority vouches for is spoken to.

The server that the tests bring along knows no TLS, so a proxy in front of it speaks it.
"""

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr
from redis import Redis

from shared.broker import CeleryBroker, make_celery
from shared.errors import BrokerUnavailable, StoreUnavailable
from shared.job_store import RedisJobStore
from shared.queues import Lane
from shared.redis_client import make_redis
from shared.settings import Settings
from tests.builders import job_spec
from tests.store_process import StoreProcess

PASSWORD = "canary-of-the-password"
DAY = datetime.timedelta(days=1)


def make_certificate(folder: Path, address: str) -> Path:
    """Write a certificate that is its own authority, and its key, into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "store")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{address}.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def pump(source: socket.socket, target: socket.socket) -> None:
    """Pass bytes on until one side has gone."""
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    for side in (source, target):
        with suppress(OSError):
            side.shutdown(socket.SHUT_RDWR)


def serve(listener: socket.socket, context: ssl.SSLContext, store_socket: str) -> None:
    """Take connections until the listener is closed; one that fails its handshake is forgotten."""
    with suppress(OSError):
        while True:
            plain, _ = listener.accept()
            try:
                client = context.wrap_socket(plain, server_side=True)
            except OSError:
                plain.close()
                continue
            store = socket.socket(socket.AF_UNIX)
            store.connect(store_socket)
            threading.Thread(target=talk, args=(client, store), daemon=True).start()


def talk(client: socket.socket, store: socket.socket) -> None:
    with client, store:
        back = threading.Thread(target=pump, args=(store, client), daemon=True)
        back.start()
        pump(client, store)
        back.join()


@contextmanager
def tls_proxy(store_process: StoreProcess, certificate: Path) -> Iterator[int]:
    """Speak TLS on a port, and pass everything on to the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        store_socket = store_process.url.removeprefix("unix://")
        thread = threading.Thread(target=serve, args=(listener, context, store_socket), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        # It wakes the thread, which a close alone does not.
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return make_certificate(tmp_path, "127.0.0.1")


@pytest.fixture
def port(store_process: StoreProcess, certificate: Path) -> Iterator[int]:
    with tls_proxy(store_process, certificate) as port:
        yield port


def over_tls(settings: Settings, port: int, options: str = "") -> Settings:
    return settings.model_copy(update={"redis_url": SecretStr(f"rediss://127.0.0.1:{port}/0{options}")})


def without_tls(settings: Settings, port: int) -> Settings:
    return settings.model_copy(update={"redis_url": SecretStr(f"redis://127.0.0.1:{port}/0")})


def accept(settings: Settings) -> None:
    """Accept a job as an API process does."""
    with make_redis(settings, settings.store_url, retries=0) as redis:
        RedisJobStore(redis, settings).accept([job_spec()])


def send(settings: Settings) -> float | None:
    """Send a message as an API process does, and return when the oldest one was enqueued."""
    celery = make_celery(settings)
    celery.conf.task_publish_retry_policy = {"max_retries": 0}
    with make_redis(settings, settings.effective_broker_url, retries=0) as redis, celery:
        broker = CeleryBroker(celery, redis, settings)
        broker.send([job_spec()], enqueued_at=5.0)
        return broker.oldest_messages()[Lane.INTERACTIVE]


def test_a_server_that_a_known_authority_vouches_for_is_spoken_to(
    settings: Settings, port: int, certificate: Path
) -> None:
    trusting = over_tls(settings, port, f"?ssl_ca_certs={certificate}")

    accept(trusting)

    assert send(trusting) == 5.0


def test_the_store_is_not_spoken_to_without_a_certificate_that_is_known(settings: Settings, port: int) -> None:
    with pytest.raises(StoreUnavailable):
        accept(over_tls(settings, port))


def test_the_broker_is_not_spoken_to_without_a_certificate_that_is_known(settings: Settings, port: int) -> None:
    with pytest.raises(BrokerUnavailable):
        send(over_tls(settings, port))


@pytest.mark.parametrize(
    ("call", "error"), [(accept, StoreUnavailable), (send, BrokerUnavailable)], ids=["store", "broker"]
)
def test_a_certificate_for_another_name_is_refused(
    settings: Settings, store_process: StoreProcess, tmp_path: Path, call: object, error: type[Exception]
) -> None:
    another = make_certificate(tmp_path, "192.0.2.1")
    assert callable(call)

    with tls_proxy(store_process, another) as port, pytest.raises(error):
        call(over_tls(settings, port, f"?ssl_ca_certs={another}"))


@pytest.mark.parametrize(
    ("call", "error"), [(accept, StoreUnavailable), (send, BrokerUnavailable)], ids=["store", "broker"]
)
def test_a_server_that_speaks_nothing_but_tls_is_not_reached_without_it(
    settings: Settings, port: int, redis: Redis, call: Callable[[Settings], object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        call(without_tls(settings, port))

    assert redis.keys(f"{settings.key_root}*") == []


@pytest.fixture(scope="module")
def guarded_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    """A server that lets nobody do anything without the password."""
    with StoreProcess.run(tmp_path_factory.mktemp("guarded")) as process:
        with Redis.from_url(process.url) as default:
            default.config_set("requirepass", PASSWORD)
        yield process


def with_password(settings: Settings, store: StoreProcess, password: str) -> Settings:
    url = store.url.replace("unix://", f"unix://:{password}@" if password else "unix://")
    return settings.model_copy(update={"redis_url": SecretStr(url)})


@pytest.mark.parametrize("password", ["", "another"], ids=["no password", "another password"])
@pytest.mark.parametrize(
    ("call", "error"), [(accept, StoreUnavailable), (send, BrokerUnavailable)], ids=["store", "broker"]
)
def test_a_server_with_a_password_lets_nobody_in_without_it(
    settings: Settings,
    guarded_store: StoreProcess,
    password: str,
    call: Callable[[Settings], object],
    error: type[Exception],
) -> None:
    with pytest.raises(error) as refusal:
        call(with_password(settings, guarded_store, password))

    assert PASSWORD not in str(refusal.value)
    assert "another" not in str(refusal.value)


def test_a_server_with_a_password_lets_in_who_knows_it(settings: Settings, guarded_store: StoreProcess) -> None:
    known = with_password(settings, guarded_store, PASSWORD)

    accept(known)

    assert send(known) == 5.0
