"""Client.webhooks: endpoints, deliveries and the secret of callbacks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from .._gen.models import NewWebhookEndpoint, WebhookDelivery, WebhookEndpoint
from .._models import CallbackSecrets, PageModel
from .._options import Seconds, compact, millis, segment
from ._pages import AsyncPager
from ._transport import AsyncTransport

EventFilter = Literal["created", "status_changed", "terminal"]


class AsyncWebhooks:
    """Webhook endpoints of the project, and what was sent to them and to callback addresses."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._t = transport

    async def create(
        self,
        url: str,
        *,
        description: str | None = None,
        events: Iterable[EventFilter] | None = None,
        workflows: Iterable[str] | None = None,
        secret: str | None = None,
        enabled: bool | None = None,
    ) -> NewWebhookEndpoint:
        """Makes an endpoint; the answer is the only one that shows its secret.

        Args:
            url: where to send, http or https.
            description: for people.
            events: what to send. Default: only terminal.
            workflows: only of these, by name. Default: all.
            secret: whsec_ and base64 of 24 to 64 bytes. Default: a new one.
            enabled: whether it is used. Default: yes.
        """
        body = compact(
            url=url,
            description=description,
            events=None if events is None else list(events),
            workflows=None if workflows is None else list(workflows),
            secret=secret,
            enabled=enabled,
        )
        return await self._t.call(NewWebhookEndpoint, "POST", "/v1/webhooks/endpoints", body=body, once=True)

    def list(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> AsyncPager[WebhookEndpoint, PageModel[WebhookEndpoint]]:
        """The endpoints. Iterate over the result, or ask it for one page()."""
        query = compact(limit=limit)

        async def fetch(cursor: str | None) -> PageModel[WebhookEndpoint]:
            q = query | compact(cursor=cursor)
            return await self._t.call(PageModel[WebhookEndpoint], "GET", "/v1/webhooks/endpoints", query=q)

        return AsyncPager(fetch, lambda page: page.data, cursor)

    async def get(self, id: str) -> WebhookEndpoint:
        """Reads an endpoint."""
        return await self._t.call(WebhookEndpoint, "GET", f"/v1/webhooks/endpoints/{segment(id)}")

    async def update(
        self,
        id: str,
        *,
        url: str | None = None,
        description: str | None = None,
        events: Iterable[EventFilter] | None = None,
        workflows: Iterable[str] | None = None,
        enabled: bool | None = None,
    ) -> WebhookEndpoint:
        """Changes an endpoint; what is left out stays. Arguments are those of create."""
        body = compact(
            url=url,
            description=description,
            events=None if events is None else list(events),
            workflows=None if workflows is None else list(workflows),
            enabled=enabled,
        )
        return await self._t.call(WebhookEndpoint, "PATCH", f"/v1/webhooks/endpoints/{segment(id)}", body=body)

    async def delete(self, id: str) -> None:
        """Removes an endpoint."""
        await self._t.request("DELETE", f"/v1/webhooks/endpoints/{segment(id)}")

    async def rotate(self, id: str, *, grace: Seconds | None = None) -> NewWebhookEndpoint:
        """Gives an endpoint a new secret, which the answer shows.

        Args:
            id: the endpoint's id.
            grace: seconds for which messages are signed with the old one too. Default 24 hours.
        """
        path = f"/v1/webhooks/endpoints/{segment(id)}/rotate"
        return await self._t.call(NewWebhookEndpoint, "POST", path, body=compact(grace_ms=millis(grace)), once=True)

    async def test(self, id: str) -> WebhookDelivery:
        """Sends a test message to an endpoint."""
        return await self._t.call(WebhookDelivery, "POST", f"/v1/webhooks/endpoints/{segment(id)}/test", once=True)

    async def callback_secrets(self) -> CallbackSecrets:
        """The secrets that callbacks are signed with, for sojourn.webhooks.verify."""
        return await self._t.call(CallbackSecrets, "GET", "/v1/webhooks/callback-secret")

    async def rotate_callback_secret(self, *, grace: Seconds | None = None) -> CallbackSecrets:
        """Makes a new secret for callbacks; the old one signs too for the grace, in seconds."""
        body = compact(grace_ms=millis(grace))
        return await self._t.call(CallbackSecrets, "POST", "/v1/webhooks/callback-secret/rotate", body=body, once=True)

    def deliveries(
        self,
        *,
        endpoint: str | None = None,
        execution: str | None = None,
        state: Literal["pending", "delivered", "dead", "cancelled"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPager[WebhookDelivery, PageModel[WebhookDelivery]]:
        """What was or is to be sent, newest first.

        Args:
            endpoint: only to this endpoint.
            execution: only about this execution.
            state: only in this state.
            limit: items in a page, 1 to 100. Default 20.
            cursor: next_cursor of the page before.
        """
        query = compact(endpoint_id=endpoint, execution_id=execution, state=state, limit=limit)

        async def fetch(cursor: str | None) -> PageModel[WebhookDelivery]:
            q = query | compact(cursor=cursor)
            return await self._t.call(PageModel[WebhookDelivery], "GET", "/v1/webhooks/deliveries", query=q)

        return AsyncPager(fetch, lambda page: page.data, cursor)

    async def delivery(self, id: str) -> WebhookDelivery:
        """One delivery, with its body and the log of its attempts."""
        return await self._t.call(WebhookDelivery, "GET", f"/v1/webhooks/deliveries/{segment(id)}")

    async def redeliver(self, id: str) -> WebhookDelivery:
        """Sends a message again, with the same id."""
        return await self._t.call(
            WebhookDelivery, "POST", f"/v1/webhooks/deliveries/{segment(id)}/redeliver", once=True
        )
