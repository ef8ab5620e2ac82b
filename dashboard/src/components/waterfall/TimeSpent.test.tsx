import { MantineProvider } from "@mantine/core";
import { cleanup, render, screen, within } from "@testing-library/react";
import { afterEach, describe, expect, it } from "vitest";
import { at, eventsOf, executionOf, stepOf } from "@/test/factories/execution";
import { TimeSpent } from "./TimeSpent";

afterEach(cleanup);

const draw = (
  ...given: [Parameters<typeof executionOf>[0], Parameters<typeof eventsOf>, ReturnType<typeof stepOf>[]?]
) =>
  render(
    <MantineProvider>
      <TimeSpent execution={executionOf(given[0])} events={eventsOf(...given[1])} steps={given[2] ?? []} />
    </MantineProvider>,
  );

describe("the time that an execution spent", () => {
  it("stands in words, in the order of its life, beside a strip of the same shares", () => {
    const { container } = draw(
      { status: "completed", started_at: at(1000), completed_at: at(10_000) },
      [
        { type: "created", status: "pending", at: at(0) },
        { type: "claimed", at: at(1000), attempt: 1 },
        { type: "sleep_started", step: "nap", at: at(3000) },
        { type: "suspended", status: "waiting", at: at(3000) },
        { type: "woken", status: "pending", at: at(8000) },
        { type: "claimed", at: at(8000), attempt: 1 },
        { type: "completed", status: "completed", at: at(10_000) },
      ],
      [stepOf({ name: "nap", kind: "sleep", status: "completed", started_at: at(3000), completed_at: at(8000) })],
    );
    const list = screen.getByRole("list", { name: "How it spent its time" });
    expect(
      within(list)
        .getAllByRole("listitem")
        .map((item) => item.textContent),
    ).toEqual(["queued 1.00 s", "ran 4.00 s", "slept 5.00 s"]);
    const strip = container.querySelector("[aria-hidden]");
    expect([...(strip?.children ?? [])].map((bar) => (bar as HTMLElement).style.flexGrow)).toEqual([
      "1000",
      "4000",
      "5000",
    ]);
  });

  it("is left out while no time has passed", () => {
    draw({ status: "completed", completed_at: at(0) }, [
      { type: "created", status: "pending", at: at(0) },
      { type: "completed", status: "completed", at: at(0) },
    ]);
    expect(screen.queryByRole("list")).toBeNull();
  });
});
