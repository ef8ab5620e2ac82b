import { Tooltip } from "@mantine/core";
import { StatusDot } from "@/components/StatusDot";
import { type DeliveryState, deliveryMeaning, deliveryTone } from "@/services/webhooks";
import classes from "./webhooks.module.css";

/** How a delivery stands, as sign and word. */
export function DeliveryStateText({ state }: { state: DeliveryState }) {
  return (
    <Tooltip label={deliveryMeaning[state]}>
      <span className={classes.state}>
        <StatusDot status={deliveryTone[state]} />
        {state}
      </span>
    </Tooltip>
  );
}
