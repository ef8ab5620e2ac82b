import { cleanup } from "@testing-library/react";
import { afterEach } from "vitest";

// Tests say when what they did shall be drawn.
Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

afterEach(() => {
  cleanup();
  window.localStorage.clear();
});
