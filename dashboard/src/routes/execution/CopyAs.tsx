import { Button, Group, Modal, SegmentedControl, Stack } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { CodeBlock } from "@/components/CodeBlock";
import { useLocalStorage } from "@/hooks/useLocalStorage";
import type { Execution } from "@/services/execution";
import { saveText } from "@/services/save";
import classes from "./CopyAs.module.css";
import shared from "./shared.module.css";
import { inputFile, inputFromFile, languageLabel, languages, snippet, type Task, taskLabel, tasks } from "./snippets";

/** The same from a terminal or a program. */
export function CopyAs({ execution, onClose }: { execution: Execution; onClose: () => void }) {
  const [stored, setLanguage] = useLocalStorage("language", "curl");
  const language = languages.find((known) => known === stored) ?? "curl";
  const [task, setTask] = useState<Task>("get");
  const startable = execution.workflow !== null && execution.input !== null;
  const of = {
    baseURL: window.location.origin,
    id: execution.id,
    workflow: execution.workflow?.name ?? execution.workflow_id,
    input: execution.input ?? {},
    metadata: execution.metadata,
    priority: execution.priority,
  };
  const file = task === "start" && inputFromFile(of);
  return (
    <Modal opened onClose={onClose} title="Copy as code" size="lg" closeButtonProps={{ "aria-label": "Close" }}>
      <Stack gap="sm">
        <Group gap="xs" justify="space-between">
          <SegmentedControl
            value={task}
            onChange={(value) => setTask(tasks.find((known) => known === value) ?? "get")}
            aria-label="What it does"
            data={tasks.map((value) => ({ value, label: taskLabel[value], disabled: value === "start" && !startable }))}
          />
          <SegmentedControl
            value={language}
            onChange={setLanguage}
            aria-label="Language"
            data={languages.map((value) => ({ value, label: languageLabel[value] }))}
          />
        </Group>
        <CodeBlock code={snippet(language, task, of)} what={`${languageLabel[language]} code`} maxHeight={420} />
        <Group gap="xs" justify="space-between">
          <p className={classes.hint}>
            The key is not in it: set the environment variable <code className={shared.code}>SOJOURN_API_KEY</code>.
            {file && ` The input is long, so it is read from ${inputFile}.`}
          </p>
          {file && (
            <Button
              variant="default"
              leftSection={<IconDownload size={14} />}
              onClick={() => saveText(inputFile, JSON.stringify(execution.input, null, 2))}
            >
              Save {inputFile}
            </Button>
          )}
        </Group>
      </Stack>
    </Modal>
  );
}
