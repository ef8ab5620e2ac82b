import { Tooltip } from "@mantine/core";
import { useNow } from "@/hooks/useNow";
import { type TimeFormat, useTimeFormat } from "@/hooks/useTimeFormat";
import { fullTime, localTime, relativeTime, utcTime } from "@/services/time";
import { Dash } from "./Dash";

interface Props {
  /** RFC 3339, or milliseconds; nothing is shown as a dash. */
  value: string | number | null | undefined;
  /** Instead of what the person has chosen. */
  format?: TimeFormat;
  /** Milliseconds too, in the formats that are not relative. */
  precise?: boolean;
}

/** A moment, as the person wants to read times; all of it on hover. */
export function TimeText({ value, format, precise }: Props) {
  const [chosen] = useTimeFormat();
  if (value === null || value === undefined || value === "") return <Dash />;
  const time = typeof value === "number" ? value : Date.parse(value);
  const shown = format ?? chosen;
  return (
    <Tooltip
      label={
        <>
          {fullTime(time)}
          <br />
          {utcTime(time, true)}
        </>
      }
    >
      <time dateTime={new Date(time).toISOString()} style={{ whiteSpace: "nowrap" }}>
        {shown === "relative" ? (
          <Relative time={time} />
        ) : shown === "utc" ? (
          utcTime(time, precise)
        ) : (
          localTime(time, precise)
        )}
      </time>
    </Tooltip>
  );
}

function Relative({ time }: { time: number }) {
  // Old moments change their text rarely.
  const now = useNow(Math.abs(Date.now() - time) < 120_000 ? 1000 : 15_000);
  return <>{relativeTime(time, now)}</>;
}
