import { ActionIcon, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { copyText } from "@/services/clipboard";

interface Props {
  /** The text, or what makes it when asked. */
  value: string | (() => string);
  /** What is copied: "Copy the id". */
  label?: string;
  size?: number;
}

export function CopyButton({ value, label = "Copy", size = 22 }: Props) {
  const [state, setState] = useState<"idle" | "copied" | "refused">("idle");
  useEffect(() => {
    if (state === "idle") return;
    const timer = setTimeout(() => setState("idle"), 1600);
    return () => clearTimeout(timer);
  }, [state]);
  const said = state === "copied" ? "Copied" : state === "refused" ? "The browser does not allow copying" : label;
  return (
    <Tooltip label={said} openDelay={200}>
      <ActionIcon
        size={size}
        aria-label={said}
        onClick={(event) => {
          event.stopPropagation();
          event.preventDefault();
          copyText(typeof value === "string" ? value : value()).then(
            () => setState("copied"),
            () => setState("refused"),
          );
        }}
      >
        {state === "copied" ? <IconCheck size={14} stroke={2} /> : <IconCopy size={14} stroke={1.6} />}
      </ActionIcon>
    </Tooltip>
  );
}
