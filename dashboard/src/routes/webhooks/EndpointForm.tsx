import { Button, Checkbox, Group, Modal, Stack, Switch, TagsInput, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ErrorPanel } from "@/components/ErrorPanel";
import { besideFields, fieldError } from "@/services/fields";
import { useSession } from "@/services/session";
import {
  type Endpoint,
  type EndpointEvent,
  endpointEvents,
  type NewEndpoint,
  useCreateEndpoint,
  useUpdateEndpoint,
} from "@/services/webhooks";
import { workflowNamesQuery } from "@/services/workflowNames";

type Props =
  | { endpoint: Endpoint; onClose: () => void; onCreated?: undefined }
  | { endpoint?: undefined; onClose: () => void; onCreated: (endpoint: NewEndpoint) => void };

/** The form for an endpoint, new or known. */
export function EndpointForm({ endpoint, onClose, onCreated }: Props) {
  const { can } = useSession();
  const [url, setUrl] = useState(endpoint?.url ?? "");
  const [description, setDescription] = useState(endpoint?.description ?? "");
  const [events, setEvents] = useState<EndpointEvent[]>(endpoint?.events ?? ["terminal"]);
  const [workflows, setWorkflows] = useState<string[]>(endpoint?.workflows ?? []);
  const [enabled, setEnabled] = useState(endpoint?.enabled ?? true);
  const create = useCreateEndpoint();
  const update = useUpdateEndpoint(endpoint?.id ?? "");
  const action = endpoint ? update : create;
  const names = useQuery({ ...workflowNamesQuery(""), enabled: can("workflows:read") });
  const complete = url.trim() !== "" && events.length > 0;
  const submit = () => {
    if (!complete || action.isPending) return;
    const spec = {
      url: url.trim(),
      description: description.trim(),
      events,
      workflows: workflows.length > 0 ? workflows : null,
      enabled,
    };
    if (endpoint) {
      // A URL that was not touched is not judged again: what may be reached can have changed since.
      const { url: sent, ...rest } = spec;
      update.mutate(sent === endpoint.url ? rest : spec, { onSuccess: onClose });
    } else {
      create.mutate(spec, {
        onSuccess: (made) => {
          create.reset();
          onCreated(made);
        },
      });
    }
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={endpoint ? "Change the endpoint" : "Create an endpoint"}
      size="lg"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Stack gap="md">
          <TextInput
            label="URL"
            description="Messages are sent there by POST. Addresses of private networks are refused unless the operator allows them."
            placeholder="https://example.com/hooks"
            type="url"
            inputMode="url"
            maxLength={2048}
            required
            data-autofocus
            value={url}
            error={fieldError(action.error, "url")}
            onChange={(event) => setUrl(event.currentTarget.value)}
          />
          <Checkbox.Group
            label="Sends a message when"
            value={events}
            onChange={(values) =>
              setEvents(endpointEvents.map((each) => each.value).filter((value) => values.includes(value)))
            }
            error={events.length === 0 ? "Choose at least one." : fieldError(action.error, "events")}
          >
            <Stack gap={8} mt={6}>
              {endpointEvents.map((each) => (
                <Checkbox key={each.value} value={each.value} label={each.text} description={each.label} />
              ))}
            </Stack>
          </Checkbox.Group>
          <TagsInput
            label="Only about these workflows"
            placeholder={workflows.length === 0 ? "all workflows" : ""}
            data={names.data ?? []}
            value={workflows}
            maxTags={100}
            clearable
            clearButtonProps={{ "aria-label": "All workflows" }}
            error={fieldError(action.error, "workflows")}
            onChange={setWorkflows}
          />
          <Textarea
            label="Description"
            placeholder="What receives it"
            autosize
            minRows={1}
            maxRows={5}
            maxLength={2000}
            value={description}
            error={fieldError(action.error, "description")}
            onChange={(event) => setDescription(event.currentTarget.value)}
          />
          <Switch
            label="Enabled"
            description={
              endpoint?.enabled && !enabled
                ? "What waits for delivery to it is called off."
                : "Without it nothing is sent."
            }
            checked={enabled}
            onChange={(event) => setEnabled(event.currentTarget.checked)}
          />
          {besideFields(action.error, ["url", "events", "workflows", "description"]) && (
            <ErrorPanel error={action.error} compact />
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={action.isPending} disabled={!complete}>
              {endpoint ? "Save the changes" : "Create the endpoint"}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
