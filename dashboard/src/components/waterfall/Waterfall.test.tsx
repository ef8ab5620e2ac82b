import { MantineProvider } from "@mantine/core";
import { cleanup, fireEvent, render, screen, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { simulate } from "./simulation";
import { type Selection, Waterfall } from "./Waterfall";

// happy-dom lays nothing out: every element is as wide and high as the grid.
beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(600);
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(1000);
  vi.spyOn(HTMLElement.prototype, "getBoundingClientRect").mockReturnValue(new DOMRect(0, 0, 1000, 600));
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

function draw(seed: number, steps: number, selected: Selection = {}) {
  const seen = simulate(seed, { steps });
  const onSelect = vi.fn<(s: Selection) => void>();
  const of = (s: Selection, data = seen) => (
    <MantineProvider>
      <Waterfall
        execution={data.execution}
        steps={data.steps}
        events={data.events}
        now={data.now}
        selected={s}
        onSelect={onSelect}
      />
    </MantineProvider>
  );
  const view = render(of(selected));
  return { seen, onSelect, of, rerender: view.rerender, grid: screen.getByRole("treegrid") };
}

const names = (grid: HTMLElement) =>
  within(grid)
    .getAllByRole("row")
    .slice(1)
    .map((row) => within(row).getAllByRole("gridcell")[0]?.textContent ?? "");

describe("the waterfall", { timeout: 60_000 }, () => {
  it("shows the execution and its steps as a tree whose rows say in words what their bars show", () => {
    const { grid, seen } = draw(5, 6);
    expect(grid.getAttribute("aria-rowcount")).toBe(String(seen.steps.length + 2));
    const rows = within(grid).getAllByRole("row").slice(1);
    expect(rows.map((r) => r.getAttribute("aria-level"))).toEqual(["1", ...seen.steps.map(() => "2")]);
    const [name, bars] = within(rows[1] as HTMLElement).getAllByRole("gridcell");
    expect(name?.textContent).toContain(`${seen.steps[0]?.name}, `);
    expect(bars?.firstElementChild?.textContent).toMatch(/^began .* after the start, took /);
    expect(screen.getByRole("list", { name: "Legend" }).textContent).toContain("Ran");
  });

  it("draws only the rows in sight of thousands", () => {
    const { grid } = draw(7, 4_000);
    expect(Number(grid.getAttribute("aria-rowcount"))).toBeGreaterThan(3500);
    expect(within(grid).getAllByRole("row").length).toBeLessThan(60);
  });

  it("selects by keys and by mouse, and opens attempts", () => {
    const { grid, onSelect, seen } = draw(11, 12);
    fireEvent.keyDown(grid, { key: "ArrowDown" });
    expect(onSelect).toHaveBeenLastCalledWith({ step: seen.steps[0]?.id });
    const index = seen.steps.findIndex((s) => s.attempts.length > 1);
    const row = within(grid).getAllByRole("row")[index + 2] as HTMLElement;
    expect(row.getAttribute("aria-expanded")).toBe("false");
    fireEvent.click(within(row).getAllByRole("gridcell")[1] as HTMLElement);
    expect(onSelect).toHaveBeenLastCalledWith({ step: seen.steps[index]?.id });
    fireEvent.click(row.querySelector("[data-toggle]") as Element);
    expect(row.getAttribute("aria-expanded")).toBe("true");
    expect(names(grid)[index + 2]).toContain("Attempt 1");
  });

  it("opens the step of an attempt that a link names", () => {
    const all = simulate(11, { steps: 12 }).steps;
    const step = all.find((s) => s.attempts.length > 1);
    const { grid } = draw(11, 12, { step: step?.id ?? "", attempt: 2 });
    const active = document.getElementById(grid.getAttribute("aria-activedescendant") ?? "");
    expect(active?.getAttribute("aria-selected")).toBe("true");
    expect(active?.textContent).toContain("Attempt 2");
  });

  it("keeps what is open and the zoom when new events come", () => {
    const { grid, rerender, of, seen } = draw(11, 12);
    const toggle = grid.querySelector("[data-toggle]") as Element;
    fireEvent.click(toggle);
    fireEvent.keyDown(grid, { key: "+" });
    const rows = names(grid).length;
    expect(screen.getByRole<HTMLButtonElement>("button", { name: "Show all" }).disabled).toBe(false);
    rerender(of({}, { ...seen, steps: [...seen.steps], events: [...seen.events] }));
    expect(names(grid).length).toBe(rows);
    expect(screen.getByRole<HTMLButtonElement>("button", { name: "Show all" }).disabled).toBe(false);
    fireEvent.keyDown(grid, { key: "0" });
    expect(screen.getByRole<HTMLButtonElement>("button", { name: "Show all" }).disabled).toBe(true);
  });

  it("leaves keys that are not its own to the page", () => {
    const { grid } = draw(5, 6);
    expect(fireEvent.keyDown(grid, { key: "?" })).toBe(true);
    expect(fireEvent.keyDown(grid, { key: "k", ctrlKey: true })).toBe(true);
    expect(fireEvent.keyDown(grid, { key: "ArrowDown" })).toBe(false);
  });
});
