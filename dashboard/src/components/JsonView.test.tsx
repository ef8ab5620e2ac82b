import { MantineProvider } from "@mantine/core";
import { fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { bigText, longText } from "@/services/json";
import { JsonView } from "./JsonView";

const draw = (value: unknown) =>
  render(
    <MantineProvider>
      <JsonView value={value} label="Input" />
    </MantineProvider>,
  );

// The list draws what fits into its element, and here elements have no size of their own.
beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(480);
  vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockReturnValue(22);
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe("JsonView", () => {
  it("draws markup in values as text", () => {
    const { container } = draw({ note: "<img src=x onerror=alert(1)>" });
    expect(screen.getByText(/<img src=x onerror/)).toBeTruthy();
    expect(container.querySelector("img")).toBeNull();
  });

  it("is a tree that the keyboard walks", () => {
    draw({ customer: { name: "Ada" } });
    const tree = screen.getByRole("tree", { name: "Input" });
    const item = () => screen.getAllByRole("treeitem").find((each) => each.getAttribute("aria-selected") === "true");
    expect(screen.getAllByRole("treeitem")).toHaveLength(3);
    fireEvent.keyDown(tree, { key: "ArrowDown" });
    expect(item()?.textContent).toContain("customer");
    fireEvent.keyDown(tree, { key: "ArrowLeft" });
    expect(screen.getAllByRole("treeitem")).toHaveLength(2);
    expect(item()?.getAttribute("aria-expanded")).toBe("false");
    expect(tree.getAttribute("aria-activedescendant")).toBe(item()?.id);
  });

  it("cuts long texts until asked", () => {
    draw({ text: "a".repeat(longText + 500) });
    const more = screen.getByRole("button", { name: /show all/ });
    expect(screen.getAllByRole("treeitem")[1]?.textContent?.length).toBeLessThan(longText + 100);
    fireEvent.click(more);
    expect(screen.getAllByRole("treeitem")[1]?.textContent?.length).toBeGreaterThan(longText + 500);
  });

  it("draws only what is in view of a long list, and asks before it draws a big text", () => {
    const value = Array.from({ length: 20_000 }, (_, i) => `line ${i}`);
    const { container } = draw(value);
    expect(screen.getAllByRole("treeitem").length).toBeLessThan(200);
    fireEvent.click(screen.getByRole("radio", { name: "Text" }));
    expect(JSON.stringify(value, null, 2).length).toBeGreaterThan(bigText);
    expect(container.textContent).not.toContain("line 19999");
    fireEvent.click(screen.getByRole("button", { name: "Show all of it" }));
    expect(container.textContent).toContain("line 19999");
  });
});
