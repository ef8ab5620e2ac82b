import { SegmentedControl } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useLocalStorage } from "@/hooks/useLocalStorage";
import { installs, languages, startsWith, workerCode } from "@/services/workerCode";
import { CodeBlock } from "./CodeBlock";
import classes from "./WorkerHowTo.module.css";

/** How to start a worker for a workflow, in the language that the person chose last. */
export function WorkerHowTo({ workflow }: { workflow: string }) {
  const [stored, setLanguage] = useLocalStorage("language", "Go");
  const language = languages.find((each) => each === stored) ?? "Go";
  return (
    <div className={classes.howTo}>
      <div className={classes.head}>
        <SegmentedControl
          aria-label="Language"
          value={language}
          onChange={setLanguage}
          data={languages.map((each) => ({ value: each, label: each }))}
        />
        <span className={classes.install}>
          <code>{installs[language]}</code>
        </span>
      </div>
      <CodeBlock code={workerCode(language, workflow)} what={`worker in ${language}`} maxHeight={360} />
      <p className={classes.text}>
        Start it with a key that may serve workers;{" "}
        <Link to="/keys" search={{ create: "worker", workflows: [workflow] }}>
          make one
        </Link>
        .
      </p>
      <CodeBlock code={startsWith(language, window.location.origin)} what="commands" />
    </div>
  );
}
