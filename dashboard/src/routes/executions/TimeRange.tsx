import { Button, Group, Popover, Stack, TextInput } from "@mantine/core";
import { IconCalendar, IconCheck } from "@tabler/icons-react";
import { memo, useState } from "react";
import { describeRange, presets, resolveMoment } from "./dates";
import classes from "./Executions.module.css";

interface Props {
  from: string | undefined;
  to: string | undefined;
  onChange: (range: { from?: string; to?: string }) => void;
}

// As a field of the browser writes it: local, to the minute.
function field(moment: string | undefined, end: boolean): string {
  const at = moment === undefined ? undefined : resolveMoment(moment, Date.now(), end);
  if (at === undefined) return "";
  return new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

const moment = (value: string): string | undefined => (value === "" ? undefined : new Date(value).toISOString());

/** Chooses when the executions were created: one of the usual ranges, or any. */
export const TimeRange = memo(function TimeRange({ from, to, onChange }: Props) {
  const [opened, setOpened] = useState(false);
  const [start, setStart] = useState("");
  const [end, setEnd] = useState("");
  const choose = (range: { from?: string; to?: string }) => {
    setOpened(false);
    onChange(range);
  };
  const wrong = start !== "" && end !== "" && start > end;
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" width={260} shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <Button
          variant="default"
          className={classes.range}
          leftSection={<IconCalendar size={14} stroke={1.7} aria-hidden />}
          aria-label={`Created: ${describeRange(from, to)}`}
          onClick={() => {
            setStart(field(from, false));
            setEnd(field(to, true));
            setOpened(!opened);
          }}
        >
          {describeRange(from, to)}
        </Button>
      </Popover.Target>
      <Popover.Dropdown p={4} aria-label="When they were created">
        <div className={classes.presets}>
          {[{ from: undefined, label: "Any time" }, ...presets].map((preset) => {
            const active = to === undefined && preset.from === from;
            return (
              <button
                key={preset.label}
                type="button"
                className={classes.preset}
                aria-pressed={active}
                onClick={() => choose(preset.from === undefined ? {} : { from: preset.from })}
              >
                {preset.label}
                {active && <IconCheck size={14} aria-hidden />}
              </button>
            );
          })}
        </div>
        <form
          className={classes.custom}
          onSubmit={(event) => {
            event.preventDefault();
            if (wrong) return;
            const first = moment(start);
            const last = moment(end);
            choose({ ...(first === undefined ? {} : { from: first }), ...(last === undefined ? {} : { to: last }) });
          }}
        >
          <Stack gap={8}>
            <TextInput
              type="datetime-local"
              label="From (your time zone)"
              value={start}
              onChange={(event) => setStart(event.currentTarget.value)}
            />
            <TextInput
              type="datetime-local"
              label="To"
              value={end}
              error={wrong ? "This is before the start." : undefined}
              onChange={(event) => setEnd(event.currentTarget.value)}
            />
            <Group justify="flex-end">
              <Button type="submit">Show this range</Button>
            </Group>
          </Stack>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
});
