import { Button, Select, TextInput } from "@mantine/core";
import { IconPlus, IconX } from "@tabler/icons-react";
import type { ChangeEvent } from "react";
import type { More, Pair } from "./more";
import classes from "./Start.module.css";

interface Props {
  more: More;
  setMore: (more: More) => void;
  /** What is wrong with a field, by the API's name of it. */
  error: (field: string) => string | undefined;
  versions: { value: string; label: string }[];
}

/** The settings beside the input. */
export function MoreFields({ more, setMore, error, versions }: Props) {
  const set = (change: Partial<More>) => setMore({ ...more, ...change });
  const pair = (id: number, change: Partial<Pair>) =>
    set({ metadata: more.metadata.map((each) => (each.id === id ? { ...each, ...change } : each)) });
  /** The member that a field of text edits, and the API's name of it. */
  const edits = (member: "priority" | "delay" | "timeout" | "idempotency" | "callback", name: string) => ({
    value: more[member],
    error: error(name),
    onChange: (event: ChangeEvent<HTMLInputElement>) => set({ [member]: event.currentTarget.value }),
  });
  return (
    <div className={classes.fields}>
      <div className={classes.pairs}>
        {more.metadata.map((each, i) => (
          <div key={each.id} className={classes.pair}>
            <TextInput
              aria-label={`Name of label ${i + 1}`}
              placeholder="customer"
              maxLength={64}
              value={each.key}
              onChange={(event) => pair(each.id, { key: event.currentTarget.value })}
            />
            <TextInput
              aria-label={`Value of label ${i + 1}`}
              placeholder="1138"
              maxLength={256}
              value={each.value}
              onChange={(event) => pair(each.id, { value: event.currentTarget.value })}
            />
            <Button
              variant="subtle"
              color="gray"
              px={6}
              aria-label={`Remove label ${i + 1}`}
              onClick={() => set({ metadata: more.metadata.filter((other) => other.id !== each.id) })}
            >
              <IconX size={14} />
            </Button>
          </div>
        ))}
        <div>
          <Button
            variant="default"
            leftSection={<IconPlus size={14} />}
            disabled={more.metadata.length >= 32}
            onClick={() =>
              set({
                metadata: [
                  ...more.metadata,
                  { id: Math.max(0, ...more.metadata.map((each) => each.id)) + 1, key: "", value: "" },
                ],
              })
            }
          >
            Add a label
          </Button>
        </div>
        {error("metadata") && <p className={classes.problem}>{error("metadata")}</p>}
      </div>
      <div className={classes.two}>
        <TextInput
          label="Priority"
          description="-100 to 100; higher ones go first."
          placeholder="0"
          inputMode="numeric"
          {...edits("priority", "priority")}
        />
        {versions.length > 0 && (
          <Select
            label="Version"
            description="Whose schema the input must match."
            placeholder="The current one"
            data={versions}
            value={more.version}
            clearable
            error={error("version")}
            onChange={(version) => set({ version })}
            clearButtonProps={{ "aria-label": "The current version" }}
          />
        )}
        <TextInput
          label="Delay"
          description="How long until it may begin."
          placeholder="none, or 90s, 5m, 2d"
          {...edits("delay", "delay_ms")}
        />
        <TextInput
          label="Deadline"
          description="It is cancelled when it takes longer."
          placeholder="the workflow's, or 1h 30m"
          {...edits("timeout", "timeout_ms")}
        />
        <TextInput
          label="Idempotency key"
          description="The same key starts one execution only."
          placeholder="order-1138"
          maxLength={255}
          {...edits("idempotency", "idempotency_key")}
        />
        <TextInput
          label="Callback URL"
          description="Gets a signed message at the end."
          placeholder="https://example.com/done"
          type="url"
          maxLength={2048}
          {...edits("callback", "callback_url")}
        />
      </div>
    </div>
  );
}
