import { fireEvent, render, screen } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { keyNames, useShortcut } from "./shortcuts";

function Page({ run, keys, enabled = true }: { run: () => void; keys: string; enabled?: boolean }) {
  useShortcut(keys, "Do it", run, { enabled });
  return (
    <>
      <input aria-label="field" />
      <button type="button">press</button>
    </>
  );
}

const press = (key: string, target: Element = document.body, more: KeyboardEventInit = {}) =>
  fireEvent.keyDown(target, { key, ...more });

describe("useShortcut", () => {
  it("hears a key, and no longer once its component is gone or it is switched off", () => {
    const run = vi.fn();
    const page = render(<Page run={run} keys="x" />);
    press("x");
    expect(run).toHaveBeenCalledTimes(1);
    page.rerender(<Page run={run} keys="x" enabled={false} />);
    press("x");
    page.rerender(<Page run={run} keys="x" />);
    press("x");
    page.unmount();
    press("x");
    expect(run).toHaveBeenCalledTimes(2);
  });

  it("hears a sequence, and not its second key alone", () => {
    const run = vi.fn();
    render(<Page run={run} keys="g e" />);
    press("e");
    expect(run).not.toHaveBeenCalled();
    press("g");
    press("e");
    expect(run).toHaveBeenCalledTimes(1);
    press("g");
    press("x");
    press("e");
    expect(run).toHaveBeenCalledTimes(1);
  });

  it("leaves fields their keys, but for chords", () => {
    const run = vi.fn();
    const chord = vi.fn();
    render(<Page run={run} keys="x" />);
    render(<Page run={chord} keys="mod+k" />);
    const field = screen.getAllByLabelText("field")[0] as HTMLElement;
    press("x", field);
    expect(run).not.toHaveBeenCalled();
    press("k", field, { ctrlKey: true });
    expect(chord).toHaveBeenCalledTimes(1);
  });

  it("leaves buttons Enter", () => {
    const run = vi.fn();
    render(<Page run={run} keys="Enter" />);
    press("Enter", screen.getByText("press"));
    expect(run).not.toHaveBeenCalled();
    press("Enter");
    expect(run).toHaveBeenCalledTimes(1);
  });

  it("is silent when people have switched single keys off", () => {
    const run = vi.fn();
    render(<Page run={run} keys="x" />);
    window.localStorage.setItem("sojourn.shortcuts", "off");
    press("x");
    expect(run).not.toHaveBeenCalled();
  });
});

it("names keys as they are written on them", () => {
  expect(keyNames("mod+k")).toEqual(["Ctrl", "K"]);
  expect(keyNames("g e")).toEqual(["G", "E"]);
  expect(keyNames("Escape")).toEqual(["Esc"]);
});
