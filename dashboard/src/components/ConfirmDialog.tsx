import { Button, Group, Modal, Stack } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ErrorPanel } from "./ErrorPanel";

interface Props {
  opened: boolean;
  onClose: () => void;
  /** A question: "Cancel this execution?" */
  title: string;
  /** What will happen, to what, and what cannot be undone. Fields may stand here too. */
  children: ReactNode;
  /** The verb of the effect, never "OK": "Cancel the execution". */
  confirm: string;
  /** For what destroys or cannot be undone. */
  danger?: boolean;
  disabled?: boolean;
  /** The dialog stays open while this runs, shows its error, and closes when it succeeds. */
  onConfirm: () => Promise<unknown>;
}

export function ConfirmDialog({ opened, onClose, title, children, confirm, danger, disabled, onConfirm }: Props) {
  const action = useMutation({ mutationFn: onConfirm });
  const close = () => {
    action.reset();
    onClose();
  };
  return (
    <Modal opened={opened} onClose={close} title={title} closeButtonProps={{ "aria-label": "Close" }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!action.isPending) action.mutate(undefined, { onSuccess: close });
        }}
      >
        <Stack gap="md">
          <div>{children}</div>
          {action.isError && <ErrorPanel error={action.error} compact />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={close}>
              Keep as it is
            </Button>
            <Button
              type="submit"
              {...(danger ? { color: "red.8" } : {})}
              loading={action.isPending}
              disabled={disabled}
              data-autofocus
            >
              {confirm}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
