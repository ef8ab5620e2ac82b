import { Tooltip } from "@mantine/core";
import { type LiveState, livePaused, setLivePaused, useLiveState } from "@/services/live";
import classes from "./Shell.module.css";

const said: Record<Exclude<LiveState, "off">, [word: string, sentence: string]> = {
  live: ["Live", "Changes appear as they happen. Press to pause."],
  connecting: ["Connecting", "Opening the stream of changes."],
  reconnecting: [
    "Reconnecting",
    "The connection to the server broke. What you see may be old; it comes back by itself.",
  ],
  paused: ["Paused", "Changes do not appear. Press to go on."],
};

/** Says how fresh the page is, and pauses it. */
export function LiveMark() {
  const state = useLiveState();
  if (state === "off") return null;
  const [word, sentence] = said[state];
  return (
    <Tooltip label={sentence}>
      <button type="button" className={classes.live} data-state={state} onClick={() => setLivePaused(!livePaused())}>
        <span className={classes.pulse} aria-hidden />
        <span aria-live="polite">{word}</span>
      </button>
    </Tooltip>
  );
}
