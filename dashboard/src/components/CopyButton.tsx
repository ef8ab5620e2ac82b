import { ActionIcon, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useCopy } from "@/hooks/useCopy";

interface Props {
  /** The text, or what makes it when asked. */
  value: string | (() => string);
  /** What is copied: "Copy the id". */
  label?: string;
  size?: number;
}

export function CopyButton({ value, label = "Copy", size = 22 }: Props) {
  const { state, said, copy } = useCopy(label);
  return (
    <Tooltip label={said} openDelay={200}>
      <ActionIcon
        size={size}
        aria-label={said}
        onClick={(event) => {
          event.stopPropagation();
          event.preventDefault();
          copy(typeof value === "string" ? value : value());
        }}
      >
        {state === "copied" ? <IconCheck size={14} stroke={2} /> : <IconCopy size={14} stroke={1.6} />}
      </ActionIcon>
    </Tooltip>
  );
}
