import { ActionButton } from "@/components/ActionButton";
import type { Awaited } from "@/services/execution";
import type { Ask } from "./dialogs";

interface Props {
  wait: Awaited;
  ask: (what: Ask) => void;
  /** Offers to make a link too, with which somebody without a key decides. */
  link?: boolean;
}

/** The buttons that end a wait: deciding an approval, sending a signal. */
export function WaitActions({ wait: { kind, name, step }, ask, link = false }: Props) {
  if (kind === "signal") {
    return (
      <ActionButton scope="executions:signal" variant="filled" onClick={() => ask({ kind: "signal", name })}>
        Send the signal…
      </ActionButton>
    );
  }
  return (
    <>
      <ActionButton scope="executions:approve" variant="filled" onClick={() => ask({ kind: "approve", step })}>
        Approve…
      </ActionButton>
      <ActionButton scope="executions:approve" onClick={() => ask({ kind: "reject", step })}>
        Reject…
      </ActionButton>
      {link && (
        <ActionButton scope="executions:approve" onClick={() => ask({ kind: "link", step })}>
          Create a link…
        </ActionButton>
      )}
    </>
  );
}
