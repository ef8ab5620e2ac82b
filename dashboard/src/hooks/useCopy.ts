import { useEffect, useState } from "react";
import { copyText } from "@/services/clipboard";

export interface Copy {
  state: "idle" | "copied" | "refused";
  /** What the button says: its label, and for a moment what came of it. */
  said: string;
  copy: (text: string) => void;
}

/** How long what came of it is shown, in milliseconds. */
const shown = 1600;

/** For a button that copies a text. */
export function useCopy(label: string): Copy {
  const [state, setState] = useState<Copy["state"]>("idle");
  useEffect(() => {
    if (state === "idle") return;
    const timer = setTimeout(() => setState("idle"), shown);
    return () => clearTimeout(timer);
  }, [state]);
  return {
    state,
    said: state === "copied" ? "Copied" : state === "refused" ? "The browser does not allow copying" : label,
    copy: (text) => {
      copyText(text).then(
        () => setState("copied"),
        () => setState("refused"),
      );
    },
  };
}
