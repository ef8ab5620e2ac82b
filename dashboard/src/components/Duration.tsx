import { useNow } from "@/hooks/useNow";
import { formatDuration } from "@/services/time";
import { Dash } from "./Dash";

type Moment = string | number;
type Props =
  | { ms: number | null | undefined; from?: undefined; to?: undefined }
  /** Without `to` it still goes on, and counts. */
  | { ms?: undefined; from: Moment | null | undefined; to?: Moment | null | undefined };

const at = (moment: Moment) => (typeof moment === "number" ? moment : Date.parse(moment));

/** A length of time. */
export function Duration({ ms, from, to }: Props) {
  if (typeof ms === "number") return <span style={{ whiteSpace: "nowrap" }}>{formatDuration(ms)}</span>;
  if (from === null || from === undefined) return <Dash />;
  if (to === null || to === undefined) return <Counting from={at(from)} />;
  return <span style={{ whiteSpace: "nowrap" }}>{formatDuration(at(to) - at(from))}</span>;
}

function Counting({ from }: { from: number }) {
  const now = useNow(1000);
  // Whole seconds: parts of one would stand still between two ticks.
  const passed = Math.max(0, Math.floor((now - from) / 1000) * 1000);
  return (
    <span style={{ whiteSpace: "nowrap" }}>{passed < 60_000 ? `${passed / 1000} s` : formatDuration(passed)}</span>
  );
}
