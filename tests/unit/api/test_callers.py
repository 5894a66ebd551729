"""Who a header proves, and for how long that is remembered."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from pydantic import SecretStr

from api import callers as module
from api.callers import ANYONE, KNOWN_SECONDS, NOTE_SECONDS, OPERATOR, RENEW_SECONDS, Caller, Callers, Scope
from api.key_store import ApiKey
from shared.errors import KeyRequired, StoreUnavailable
from shared.rates import Rate
from shared.settings import Settings
from tests.unit.api.conftest import Clock

ADA = "Bearer key of ada"
CALLER = Caller("ada", "id of ada", frozenset({Scope.PREDICT}))


@dataclass
class FakeKeys:
    """Keys by their text, and what was asked of them."""

    valid: dict[str, ApiKey] = field(default_factory=dict)
    looked_up: list[str] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    is_away: bool = False

    def find_valid(self, text: str) -> ApiKey | None:
        self.looked_up.append(text)
        if self.is_away:
            raise StoreUnavailable
        return self.valid.get(text)

    def note_use(self, key_id: str) -> None:
        self.used.append(key_id)


def basic(user: str, password: str) -> str:
    return b64encode(f"{user}:{password}".encode()).decode()


def held_key(*, expires_at: float | None = None, rate: float | None = None) -> ApiKey:
    scopes = frozenset({Scope.PREDICT})
    return ApiKey("id of ada", "for a test", "ada", scopes, 0.0, expires_at, requests_per_second=rate)


@pytest.fixture
def keys() -> FakeKeys:
    return FakeKeys({"key of ada": held_key()})


@pytest.fixture
def clock() -> Clock:
    return Clock()


MakeCallers = Callable[..., Callers]


@pytest.fixture
def make_callers(keys: FakeKeys, clock: Clock, settings: Settings) -> MakeCallers:
    """Makes one that asks for keys; keywords are settings. The calendar is the clock."""
    return lambda **own: Callers(keys, settings.model_copy(update={"require_keys": True, **own}), clock, clock)


@pytest.fixture
def callers(make_callers: MakeCallers) -> Callers:
    return make_callers()


@pytest.mark.parametrize("require_keys", [None, False], ids=["unset", "false"])
@pytest.mark.parametrize("authorization", [None, ADA, "Bearer of nothing"], ids=["none", "a key", "nonsense"])
def test_everybody_is_anyone_where_no_keys_are_asked_for(
    make_callers: MakeCallers, keys: FakeKeys, require_keys: bool | None, authorization: str | None
) -> None:
    found = make_callers(require_keys=require_keys).find_known(authorization)

    assert (found, keys.looked_up) == (ANYONE, [])


def test_anyone_may_do_nothing_that_is_for_operators() -> None:
    assert Caller("", "", frozenset({Scope.PREDICT, Scope.BATCH})) == ANYONE


@pytest.mark.parametrize(
    ("own", "of_all", "rate"),
    [(None, 0.0, None), (None, 5.0, 5.0), (2.0, 5.0, 2.0), (2.0, 0.0, 2.0), (0.0, 5.0, None)],
    ids=["none", "that of all", "its own", "its own alone", "its own is none"],
)
def test_a_caller_has_the_rate_of_its_key_or_that_of_all(
    make_callers: MakeCallers, keys: FakeKeys, own: float | None, of_all: float, rate: float | None
) -> None:
    keys.valid["key of ada"] = held_key(rate=own)

    caller = make_callers(rate_limit=of_all).get(ADA)

    assert caller.rate == (None if rate is None else Rate("id of ada", rate))


def test_all_who_need_no_key_share_a_rate(make_callers: MakeCallers) -> None:
    found = make_callers(require_keys=False, rate_limit=5.0).find_known(None)

    assert found == replace(ANYONE, rate=Rate("anyone", 5.0))


def test_a_key_proves_its_caller(callers: Callers) -> None:
    assert callers.get(ADA) == CALLER


@pytest.mark.parametrize("authorization", ["bearer key of ada", "BEARER  key of ada ", "Bearer key of ada"])
def test_the_scheme_is_read_as_http_has_it(callers: Callers, keys: FakeKeys, authorization: str) -> None:
    callers.get(ADA)

    assert callers.find_known(authorization) == CALLER
    assert len(keys.looked_up) == 1


@pytest.mark.parametrize("user", ["", "key", "größe"])
@pytest.mark.parametrize("scheme", ["Basic", "basic"])
def test_a_key_can_be_the_password_of_any_user(callers: Callers, keys: FakeKeys, scheme: str, user: str) -> None:
    callers.get(ADA)

    assert callers.find_known(f"{scheme} {basic(user, 'key of ada')}") == CALLER
    assert len(keys.looked_up) == 1


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "key of ada",
        "Basic key of ada",
        "Bearer key of bob",
        f"{ADA},{ADA}",
        "Bearer \xe9",
        "Basic",
        "Basic \xe9",
        f"Basic {basic('key of ada', '')}",
        f"Basic {basic('', 'key of bob')}",
        f"Basic {b64encode(b'key of ada').decode()}",
        f"Basic {b64encode(b':key of ada').decode()}=",
        f"Basic {b64encode(b':' + bytes([255])).decode()}",
        f"Bearer {basic('', 'key of ada')}",
    ],
)
def test_anything_else_proves_nobody(callers: Callers, authorization: str | None) -> None:
    assert callers.find_known(authorization) is None
    with pytest.raises(KeyRequired):
        callers.get(authorization)


def test_a_key_that_was_just_looked_up_is_not_looked_up_again(callers: Callers, keys: FakeKeys, clock: Clock) -> None:
    callers.get(ADA)
    clock.now += RENEW_SECONDS - 0.1

    assert (callers.find_known(ADA), callers.get(ADA), len(keys.looked_up)) == (CALLER, CALLER, 1)


def test_a_key_that_nobody_has_shown_yet_takes_a_look_into_the_store(callers: Callers, keys: FakeKeys) -> None:
    assert (callers.find_known(ADA), keys.looked_up) == (None, [])


def test_a_key_is_looked_up_anew_in_time(callers: Callers, keys: FakeKeys, clock: Clock) -> None:
    callers.get(ADA)
    clock.now += RENEW_SECONDS

    assert callers.find_known(ADA) is None
    assert callers.get(ADA) == CALLER
    assert (callers.find_known(ADA), len(keys.looked_up)) == (CALLER, 2)


def test_one_request_looks_a_key_up_anew_and_the_others_go_on(callers: Callers, keys: FakeKeys, clock: Clock) -> None:
    callers.get(ADA)
    clock.now += RENEW_SECONDS
    keys.is_away = True
    with pytest.raises(StoreUnavailable):
        callers.get(ADA)

    assert (callers.find_known(ADA), callers.get(ADA), len(keys.looked_up)) == (CALLER, CALLER, 2)


def test_nobody_goes_on_for_longer_than_promised(callers: Callers, keys: FakeKeys, clock: Clock) -> None:
    callers.get(ADA)
    clock.now += RENEW_SECONDS
    keys.is_away = True
    with pytest.raises(StoreUnavailable):
        callers.get(ADA)
    clock.now += KNOWN_SECONDS - RENEW_SECONDS

    assert callers.find_known(ADA) is None
    with pytest.raises(StoreUnavailable):
        callers.get(ADA)


def test_a_revoked_key_is_refused_once_it_is_looked_up(callers: Callers, keys: FakeKeys, clock: Clock) -> None:
    callers.get(ADA)
    keys.valid.clear()
    clock.now += RENEW_SECONDS

    with pytest.raises(KeyRequired):
        callers.get(ADA)
    assert callers.find_known(ADA) is None


def test_a_key_is_not_remembered_beyond_its_end(callers: Callers, keys: FakeKeys, clock: Clock) -> None:
    keys.valid["key of ada"] = held_key(expires_at=clock.now + 1.0)
    callers.get(ADA)
    clock.now += 1.0

    assert callers.find_known(ADA) is None


def test_nothing_is_remembered_of_a_key_that_is_not_valid(callers: Callers, keys: FakeKeys) -> None:
    with pytest.raises(KeyRequired):
        callers.get("Bearer key of bob")
    keys.valid["key of bob"] = held_key()

    assert callers.get("Bearer key of bob") == CALLER


def test_the_keys_that_a_process_knows_are_bounded(
    callers: Callers, keys: FakeKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KNOWN_KEYS", 2)
    keys.valid.update({name: held_key() for name in ("bob", "eve")})

    found = [callers.get(header) for header in (ADA, "Bearer bob", "Bearer eve")]

    assert found == [CALLER] * 3
    assert [callers.find_known(header) for header in (ADA, "Bearer bob", "Bearer eve")] == [None, None, CALLER]


def test_the_use_of_a_key_is_written_down_once_a_minute(callers: Callers, keys: FakeKeys, clock: Clock) -> None:
    callers.get(ADA)
    clock.now += NOTE_SECONDS - 1
    callers.get(ADA)
    assert len(keys.used) == 1
    clock.now += KNOWN_SECONDS
    callers.get(ADA)

    assert keys.used == ["id of ada", "id of ada"]


def test_the_token_of_the_operators_is_an_admins(make_callers: MakeCallers, keys: FakeKeys) -> None:
    callers = make_callers(operator_token=SecretStr("an operator's own token"))

    assert (
        callers.get("Bearer an operator's own token")
        == OPERATOR
        == Caller("operator", "operator", frozenset({Scope.ADMIN}))
    )
    assert keys.looked_up == []


def test_the_token_of_the_operators_counts_where_no_keys_are_asked_for(make_callers: MakeCallers) -> None:
    callers = make_callers(operator_token=SecretStr("an operator's own token"), require_keys=None)

    assert callers.get("Bearer an operator's own token") == OPERATOR


@pytest.mark.parametrize("token", ["the token from now on", "the token until now"])
def test_each_of_two_tokens_proves_an_operator_while_one_is_replaced(make_callers: MakeCallers, token: str) -> None:
    callers = make_callers(operator_token=SecretStr("the token from now on,the token until now"))

    assert callers.get(f"Bearer {token}") == OPERATOR


@pytest.mark.parametrize("text", ["the token from now on,the token until now", "the token", ",", ""])
def test_no_other_part_of_the_setting_proves_an_operator(make_callers: MakeCallers, text: str) -> None:
    callers = make_callers(operator_token=SecretStr("the token from now on,the token until now"))

    with pytest.raises(KeyRequired):
        callers.get(f"Bearer {text}")


def test_what_is_for_operators_needs_a_proof_where_no_keys_are_asked_for(make_callers: MakeCallers) -> None:
    with pytest.raises(KeyRequired):
        make_callers(require_keys=False).get(None)
