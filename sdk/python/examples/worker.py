"""A worker for the workflow "order": python worker.py. Stop it with Ctrl-C, kill it, start it again: nothing is lost.

In another terminal: sojourn run order -f number=A-1 -F quantity=3
"""

import logging
import random
from dataclasses import dataclass

from sojourn import Context, Failure, Reject, Retry, Sojourn, Worker, current_step


@dataclass
class Order:
    """What the workflow is started with."""

    number: str
    quantity: int = 1


@dataclass
class Charge:
    """What the payment step records."""

    id: str
    amount: float


def charge(order: Order) -> Charge:
    """Charges a card, here in the mind only. The key makes a repeat harmless at the other end."""
    step = current_step()
    if step is None:
        raise RuntimeError("charge runs in a step")
    if random.random() < 0.2:
        raise Failure("the payment provider does not answer", code="provider_down")
    return Charge(id=step.key, amount=9.5 * order.quantity)


def main() -> None:
    """Serves the workflow until it is told to stop."""
    logging.basicConfig(level=logging.WARNING)
    with Sojourn() as client:
        worker = Worker(client, on_ready=lambda _: print("ready", flush=True))

        @worker.handler("order")
        def order(ctx: Context, order: Order) -> dict[str, object]:
            if order.quantity < 1:
                raise Reject("empty_order", "an order has at least one item")
            ctx.log("taken", number=order.number)
            paid = ctx.step_with("charge", lambda: charge(order), retry=Retry(10, initial=0.2), returns=Charge)
            ctx.progress(0.5)
            ctx.sleep("pack", 0.5)
            sent = ctx.step("ship", lambda: f"parcel-{order.number}")
            return {"charge": paid.id, "amount": paid.amount, "parcel": sent}

        worker.run()


if __name__ == "__main__":
    main()
