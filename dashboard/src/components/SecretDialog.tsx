import { Alert, Button, Checkbox, Group, Modal, Stack } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { CodeBlock } from "./CodeBlock";

interface Props {
  /** Undefined while there is none to show. */
  secret: string | undefined;
  /** "The new key", "The secret of the endpoint". */
  title: string;
  /** What it is, for the button that copies it: "key". */
  what: string;
  /** What to do with it, below. */
  children?: ReactNode;
  onClose: () => void;
}

/** Shows a secret, this once. It closes only when the person says that the secret is stored. */
export function SecretDialog({ secret, title, what, children, onClose }: Props) {
  const [stored, setStored] = useState(false);
  const close = () => {
    setStored(false);
    onClose();
  };
  return (
    <Modal
      opened={secret !== undefined}
      onClose={close}
      title={title}
      size="lg"
      closeOnClickOutside={false}
      closeOnEscape={stored}
      withCloseButton={false}
    >
      <Stack gap="md">
        <Alert color="yellow" variant="light" icon={<IconAlertTriangle size={16} />} title="Shown only now">
          Copy it to where it is needed. The server keeps no way to show it again.
        </Alert>
        <CodeBlock code={secret ?? ""} what={what} wrap />
        {children}
        <Group justify="space-between" gap="sm">
          <Checkbox
            label="I have stored it"
            checked={stored}
            onChange={(event) => setStored(event.currentTarget.checked)}
          />
          <Button onClick={close} disabled={!stored}>
            Done
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
