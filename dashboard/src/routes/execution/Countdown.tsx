import { useNow } from "@/hooks/useNow";
import { formatDuration } from "@/services/time";

/** "in 3 min 12 s", with tenths near the end, and "now" once the time has come. */
export function Countdown({ until }: { until: string }) {
  const at = Date.parse(until);
  const near = at - Date.now() < 12_000;
  const now = useNow(near ? 200 : 1000);
  const left = at - now;
  if (left <= 0) return <>any moment now</>;
  if (left < 10_000) return <>{`in ${(Math.ceil(left / 100) / 10).toFixed(1)} s`}</>;
  return <>{`in ${left < 60_000 ? `${Math.ceil(left / 1000)} s` : formatDuration(Math.ceil(left / 1000) * 1000)}`}</>;
}
