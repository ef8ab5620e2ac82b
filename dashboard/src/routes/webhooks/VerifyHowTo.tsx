import { SegmentedControl } from "@mantine/core";
import { CodeBlock } from "@/components/CodeBlock";
import { useLocalStorage } from "@/hooks/useLocalStorage";
import { type Language, languages } from "@/services/workerCode";

const code: Record<Language, string> = {
  Go: `body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
if err != nil {
	return err
}
event, err := sojourn.VerifyWebhook(body, r.Header, secret)`,
  TypeScript: `import { verifyWebhook } from "sojourn";

const event = await verifyWebhook(secret, request.headers, await request.text());`,
  Python: `from sojourn import webhooks

event = webhooks.verify(secret, request.headers, request.body)`,
};

/** How a receiver checks that a message is genuine. */
export function VerifyHowTo() {
  const [stored, setLanguage] = useLocalStorage("language", "Go");
  const language = languages.find((each) => each === stored) ?? "Go";
  return (
    <div style={{ display: "grid", gap: 8, minWidth: 0 }}>
      <div style={{ display: "flex", flexWrap: "wrap", gap: 12, alignItems: "center" }}>
        <span>The receiver checks each message with it:</span>
        <SegmentedControl
          aria-label="Language"
          value={language}
          onChange={setLanguage}
          data={languages.map((each) => ({ value: each, label: each }))}
        />
      </div>
      <CodeBlock code={code[language]} what="code" />
    </div>
  );
}
