import { ActionIcon, Switch, Tooltip } from "@mantine/core";
import { IconClock, IconMinus, IconPlus, IconStopwatch, IconZoomReset } from "@tabler/icons-react";
import { memo } from "react";
import { type Command, zoomStep } from "./keys";
import { Legend } from "./Legend";
import type { Model } from "./model";
import classes from "./Tools.module.css";

interface Props {
  model: Model;
  /** Undefined when there is nothing to fold. */
  fold: boolean | undefined;
  /** How much time is folded away, in words. */
  folded: string;
  /** Whether the axis shows the time of day. */
  clock: boolean;
  zoomed: boolean;
  onCommand: (command: Command) => void;
}

/** The legend, and by mouse what the keys do. It is drawn anew only when it changes: all else moves often. */
export const Tools = memo(function Tools({ model, fold, folded, clock, zoomed, onCommand }: Props) {
  const axis = clock ? "Show the time since the start" : "Show the time of day";
  return (
    <div className={classes.tools}>
      <Legend model={model} />
      <div className={classes.controls}>
        {fold !== undefined && (
          <Tooltip label="Stretches in which no worker had it are drawn short, so that the rest can be seen. (f)">
            <Switch
              size="xs"
              checked={fold}
              onChange={() => onCommand({ do: "fold" })}
              label={fold ? `Idle time folded: ${folded}` : "Fold idle time"}
            />
          </Tooltip>
        )}
        <Tooltip label={axis}>
          <ActionIcon aria-label={axis} onClick={() => onCommand({ do: "clock" })}>
            {clock ? <IconStopwatch size={16} stroke={1.6} /> : <IconClock size={16} stroke={1.6} />}
          </ActionIcon>
        </Tooltip>
        <Tooltip label="Zoom out (-)">
          <ActionIcon
            aria-label="Zoom out"
            disabled={!zoomed}
            onClick={() => onCommand({ do: "zoom", factor: 1 / zoomStep })}
          >
            <IconMinus size={16} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
        <Tooltip label="Zoom in (+, or ⌘/Ctrl and the wheel)">
          <ActionIcon aria-label="Zoom in" onClick={() => onCommand({ do: "zoom", factor: zoomStep })}>
            <IconPlus size={16} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
        <Tooltip label="Show all (0)">
          <ActionIcon aria-label="Show all" disabled={!zoomed} onClick={() => onCommand({ do: "fit" })}>
            <IconZoomReset size={16} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      </div>
    </div>
  );
});
