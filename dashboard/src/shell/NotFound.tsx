import { IconMapOff } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { EmptyState } from "@/components/EmptyState";

export function NotFound() {
  return (
    <EmptyState
      icon={<IconMapOff size={20} stroke={1.6} />}
      title="There is no such page"
      action={<Link to="/executions">Go to the executions</Link>}
    >
      Check the address: the link may be incomplete.
    </EmptyState>
  );
}
