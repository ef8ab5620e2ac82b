import { Select } from "@mantine/core";
import { useState } from "react";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { graceChoices } from "@/services/webhooks";

interface Props {
  opened: boolean;
  onClose: () => void;
  /** "the endpoint", "callbacks": whose secret. */
  of: string;
  onRotate: (graceMs: number) => Promise<unknown>;
}

/** Asks when the old secret ends, and makes a new one. */
export function RotateDialog({ opened, onClose, of, onRotate }: Props) {
  const [grace, setGrace] = useState<string>("86400000");
  return (
    <ConfirmDialog
      opened={opened}
      onClose={onClose}
      title={`Make a new secret for ${of}?`}
      confirm="Make a new secret"
      danger={grace === "0"}
      onConfirm={() => onRotate(Number(grace))}
    >
      <p style={{ marginTop: 0 }}>
        Until the old secret ends, messages carry two signatures, one by each. Give the receiver both meanwhile, and
        then only the new one.
      </p>
      <Select
        label="The old secret ends"
        data={graceChoices.map((choice) => ({ ...choice }))}
        value={grace}
        allowDeselect={false}
        onChange={(value) => setGrace(value ?? "86400000")}
        error={grace === "0" ? "Receivers that know only the old secret refuse messages from now on." : undefined}
      />
    </ConfirmDialog>
  );
}
