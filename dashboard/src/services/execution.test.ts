import { expect, it } from "vitest";
import { eventsOf } from "@/test/factories/execution";
import { withEvents } from "./execution";

it("adds to a history only what it does not have", () => {
  const [first, second, third] = eventsOf({ type: "created" }, { type: "claimed" }, { type: "completed" });
  if (!first || !second || !third) throw new Error("three were made");
  const history = { events: [first, second], last: 2 };
  expect(withEvents(history, [second, third])).toEqual({ events: [first, second, third], last: 3 });
  expect(withEvents(history, [first, second])).toBe(history);
});
