import { useState } from "react";
import { CopyButton } from "@/components/CopyButton";
import { JsonView } from "@/components/JsonView";
import { useTimeFormat } from "@/hooks/useTimeFormat";
import type { LogLine as Line } from "@/services/execution";
import { fullTime, localTime, utcTime } from "@/services/time";
import classes from "./LogLine.module.css";
import { fieldsText } from "./logs";
import shared from "./shared.module.css";

/** One line; a press shows its fields and all of a long text. */
export function LogLine({ line, step = true }: { line: Line; step?: boolean }) {
  const [format] = useTimeFormat();
  const [open, setOpen] = useState(false);
  const time = Date.parse(line.at);
  const text = (format === "utc" ? utcTime(time, true) : localTime(time, true)).slice(11).replace("Z", "");
  const fields = fieldsText(line.fields);
  return (
    <div className={classes.item} data-level={line.level}>
      <button
        type="button"
        className={`${shared.press} ${classes.line}`}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <time dateTime={line.at} title={fullTime(time)} className={classes.time}>
          {text}
        </time>
        <span className={classes.level}>{line.level}</span>
        {step && <span className={classes.step}>{line.step ?? ""}</span>}
        <span className={classes.message} data-open={open || undefined}>
          {line.message}
          {fields !== "" && !open && <span className={classes.fields}> {fields}</span>}
        </span>
      </button>
      {open && (
        <div className={classes.more}>
          <span className={shared.muted}>
            {fullTime(time)} · attempt {line.attempt}
            {line.step ? ` · step ${line.step}` : ""}
          </span>
          <CopyButton value={line.message} label="Copy the message" />
          {line.fields && Object.keys(line.fields).length > 0 && (
            <div className={classes.members}>
              <JsonView value={line.fields} label="Fields" maxHeight={260} />
            </div>
          )}
        </div>
      )}
    </div>
  );
}
