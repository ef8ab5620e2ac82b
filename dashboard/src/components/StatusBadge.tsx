import { Tooltip } from "@mantine/core";
import classes from "./Status.module.css";
import { StatusDot } from "./StatusDot";
import { type Status, statusColor, statusLabel, statusMeaning, statusTint } from "./status";

interface Props {
  status: Status;
  /** plain has no tint: for tables, where forty tints would shout. */
  variant?: "tinted" | "plain";
  /** More than the meaning of the state, such as its reason, to show on hover. */
  tooltip?: string;
}

/** The state as sign and word. */
export function StatusBadge({ status, variant = "tinted", tooltip }: Props) {
  const color = statusColor(status);
  return (
    <Tooltip label={tooltip ?? statusMeaning[status]}>
      {variant === "plain" ? (
        <span className={classes.plain}>
          <StatusDot status={status} />
          {statusLabel(status)}
        </span>
      ) : (
        <span className={classes.badge} style={{ color, background: statusTint(status) }}>
          <StatusDot status={status} />
          {statusLabel(status)}
        </span>
      )}
    </Tooltip>
  );
}
