import { expect, it } from "vitest";
import { at, eventsOf, executionOf } from "@/test/factories/execution";
import { afterEvent, withEvents } from "./execution";

it("adds to a history only what it does not have", () => {
  const [first, second, third] = eventsOf({ type: "created" }, { type: "claimed" }, { type: "completed" });
  if (!first || !second || !third) throw new Error("three were made");
  const history = { events: [first, second], last: 2 };
  expect(withEvents(history, [second, third])).toEqual({ events: [first, second, third], last: 3 });
  expect(withEvents(history, [first, second])).toBe(history);
});

it("shows an end as soon as its event says so", () => {
  const [event] = eventsOf({
    type: "failed",
    revision: 5,
    at: at(70),
    status: "failed",
    code: "declined",
    message: "no money",
  });
  if (!event) throw new Error("one was made");
  const x = executionOf({ revision: 4, status_reason: "executing", status_message: "a worker runs attempt 1" });
  const after = afterEvent(x, event);
  expect(after).toMatchObject({ status: "failed", completed_at: at(70), error_code: "declined", error: "no money" });
  expect(after).not.toHaveProperty("status_reason");
  expect(afterEvent({ ...x, revision: 5 }, event)).toMatchObject({ status: "running" });
});

it("leaves to loading what an event does not tell", () => {
  const [suspended, progressed] = eventsOf(
    { type: "suspended", revision: 5, status: "waiting" },
    { type: "progressed", revision: 6, progress: 0.5 },
  );
  if (!suspended || !progressed) throw new Error("two were made");
  const x = executionOf({ revision: 4 });
  expect(afterEvent(x, suspended)).toBe(x);
  expect(afterEvent(x, progressed)).toEqual({ ...x, progress: 0.5 });
});
