"""What operators can do, for those who await; the promises are in `operators`."""

from collections.abc import Sequence

from rowcall_client import operator_flows as flows
from rowcall_client.async_exchange import AsyncExchange
from rowcall_client.keys import Key, KeyList
from rowcall_client.quarantine import QuarantinedJob, QuarantinePage, Redrive


class AsyncKeyCalls:
    """As `KeyCalls`."""

    def __init__(self, exchange: AsyncExchange, *, token: str | None) -> None:
        self._exchange = exchange
        self._token = token

    async def create(
        self,
        name: str,
        scopes: Sequence[str],
        *,
        owner: str | None = None,
        valid_seconds: int | None = None,
        requests_per_second: float | None = None,
    ) -> Key:
        """As `KeyCalls.create`."""
        flow = flows.create_key(self._token, name, scopes, owner, valid_seconds, requests_per_second)
        return await self._exchange.run(flow)

    async def list(self) -> KeyList:
        """As `KeyCalls.list`."""
        return await self._exchange.run(flows.list_keys(self._token))

    async def revoke(self, key_id: str) -> None:
        """As `KeyCalls.revoke`."""
        await self._exchange.run(flows.revoke_key(self._token, key_id))


class AsyncQuarantineCalls:
    """As `QuarantineCalls`."""

    def __init__(self, exchange: AsyncExchange, *, token: str | None) -> None:
        self._exchange = exchange
        self._token = token

    async def page(self, cursor: str | None = None) -> QuarantinePage:
        """As `QuarantineCalls.page`."""
        return await self._exchange.run(flows.read_quarantine(self._token, cursor))

    async def show(self, job_id: str) -> QuarantinedJob:
        """As `QuarantineCalls.show`."""
        return await self._exchange.run(flows.show_quarantined(self._token, job_id))

    async def redrive(self, job_id: str) -> Redrive:
        """As `QuarantineCalls.redrive`."""
        return await self._exchange.run(flows.redrive(self._token, job_id))

    async def drop(self, job_id: str) -> None:
        """As `QuarantineCalls.drop`."""
        await self._exchange.run(flows.drop_quarantined(self._token, job_id))
