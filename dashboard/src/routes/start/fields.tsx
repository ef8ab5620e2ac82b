// A field for each part of a schema. Values are JSON all the way; what somebody types that is no value yet stays in its field.
import { ActionIcon, Button, FileButton, Input, Select, Textarea, TextInput } from "@mantine/core";
import { IconPlus, IconTrash, IconUpload, IconX } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useId, useRef, useState } from "react";
import { ActionButton } from "@/components/ActionButton";
import { Identifier } from "@/components/Identifier";
import { ApiError } from "@/services/api";
import { exactInteger, parseJSON } from "@/services/exact";
import { readJSON } from "@/services/jsonField";
import { useSession } from "@/services/session";
import { uploadFile } from "@/services/workflows";
import classes from "./Start.module.css";
import {
  fromLocalInput,
  initialValue,
  memberPath,
  parseNumber,
  type Scalar,
  type Spec,
  toLocalInput,
  withMember,
} from "./schema";

/** What the fields know beside their values. */
export interface FormState {
  /** What the server said about the place; undefined when it said nothing. */
  errorAt: (path: string) => string | undefined;
  /** A field holds what is no value: the form cannot be sent. */
  setBroken: (path: string, broken: boolean) => void;
}

export const FormContext = createContext<FormState>({ errorAt: () => undefined, setBroken: () => {} });

interface Props<S extends Spec = Spec> {
  spec: S;
  value: unknown;
  /** undefined takes it out of the input. */
  onChange: (value: unknown) => void;
  /** Its name, or its number in a list. */
  name: string;
  path: string;
  required: boolean;
}
type Of<K extends Spec["kind"]> = Extract<Spec, { kind: K }>;

/** The field for one value. */
export function Field(props: Props) {
  const { spec } = props;
  switch (spec.kind) {
    case "string":
      return <StringField {...props} spec={spec} />;
    case "number":
      return <NumberField {...props} spec={spec} />;
    case "boolean":
      return <ChoiceField {...props} options={[true, false]} />;
    case "choice":
      return <ChoiceField {...props} options={spec.options} />;
    case "file":
      return <FileField {...props} />;
    case "object":
      return <ObjectField {...props} spec={spec} />;
    case "list":
      return <ListField {...props} spec={spec} />;
    case "json":
      return <JsonField {...props} />;
  }
}

const sentence = (text: string) =>
  text === "" ? undefined : `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?:]$/.test(text) ? "" : "."}`;
const labelOf = ({ spec, name }: Pick<Props, "spec" | "name">) => spec.title || name;

function describe(spec: Spec, ...more: (string | undefined | false)[]): string | undefined {
  return [sentence(spec.description), ...more].filter(Boolean).join(" ") || undefined;
}

function useBroken(path: string, broken: boolean) {
  const { setBroken } = useContext(FormContext);
  useEffect(() => {
    setBroken(path, broken);
    return () => setBroken(path, false);
  }, [path, broken, setBroken]);
}

/** A value that the field cannot show, from an earlier input or the JSON tab. */
const foreign = (value: unknown, type: string) => value !== undefined && typeof value !== type;

function StringField({ spec, value, onChange, name, path, required }: Props<Of<"string">>) {
  const { errorAt } = useContext(FormContext);
  if (foreign(value, "string")) return <JsonField {...{ spec, value, onChange, name, path, required }} />;
  const text = typeof value === "string" ? value : "";
  const set = (next: string) => onChange(next === "" ? undefined : next);
  const common = {
    label: labelOf({ spec, name }),
    withAsterisk: required,
    error: errorAt(path),
    placeholder: spec.example,
    description: describe(
      spec,
      spec.minLength !== undefined && spec.minLength > 1 && `At least ${spec.minLength} characters.`,
      spec.maxLength !== undefined && spec.maxLength <= 200 && `At most ${spec.maxLength} characters.`,
    ),
  };
  if (spec.format === "date-time") {
    return (
      <TextInput
        {...common}
        type="datetime-local"
        step={1}
        value={toLocalInput(text)}
        description={describe(spec, "In this browser's time zone.")}
        onChange={(event) => onChange(fromLocalInput(event.currentTarget.value))}
      />
    );
  }
  if (spec.long) {
    return (
      <Textarea
        {...common}
        autosize
        minRows={1}
        maxRows={14}
        value={text}
        onChange={(event) => set(event.currentTarget.value)}
      />
    );
  }
  const type = spec.format === undefined ? "text" : { date: "date", email: "email", uri: "url" }[spec.format];
  return <TextInput {...common} type={type} value={text} onChange={(event) => set(event.currentTarget.value)} />;
}

function bounds(spec: Of<"number">): string | undefined {
  const { minimum, maximum } = spec;
  const but = spec.exclusive ? ", without the bounds" : "";
  const write = (n: number) => n.toLocaleString("en");
  if (minimum !== undefined && maximum !== undefined) return `${write(minimum)} to ${write(maximum)}${but}.`;
  if (minimum !== undefined) return `${spec.exclusive ? "More than" : "At least"} ${write(minimum)}.`;
  if (maximum !== undefined) return `${spec.exclusive ? "Less than" : "At most"} ${write(maximum)}.`;
  return undefined;
}

function NumberField({ spec, value, onChange, name, path, required }: Props<Of<"number">>) {
  const { errorAt } = useContext(FormContext);
  const [draft, setDraft] = useState(value === undefined ? "" : String(value));
  const read = (text: string) => {
    const exact = exactInteger(text);
    return exact ? { value: exact, problem: undefined } : parseNumber(text, spec.integer);
  };
  const problem = read(draft).problem;
  // Somebody else has changed it: the last input, or the JSON tab.
  const shown = useRef(value);
  useEffect(() => {
    if (Object.is(shown.current, value)) return;
    shown.current = value;
    setDraft(value === undefined ? "" : String(value));
  }, [value]);
  useBroken(path, problem !== undefined);
  return (
    <TextInput
      label={labelOf({ spec, name })}
      description={describe(spec, bounds(spec))}
      withAsterisk={required}
      inputMode={spec.integer ? "numeric" : "decimal"}
      error={problem ?? errorAt(path)}
      value={draft}
      onChange={(event) => {
        const text = event.currentTarget.value;
        setDraft(text);
        const next = read(text).value;
        shown.current = next;
        onChange(next);
      }}
    />
  );
}

function ChoiceField({ spec, value, onChange, name, path, required, options }: Props & { options: readonly Scalar[] }) {
  const { errorAt } = useContext(FormContext);
  const all = spec.nullable && !options.includes(null) ? [...options, null] : options;
  // Values are told apart by their JSON: "1" is not 1.
  const chosen = value === undefined ? null : JSON.stringify(value);
  const data = all.map((option) => ({
    value: JSON.stringify(option),
    label: typeof option === "string" ? option || "(empty)" : String(option),
  }));
  if (chosen !== null && !data.some((each) => each.value === chosen)) data.push({ value: chosen, label: chosen });
  return (
    <Select
      label={labelOf({ spec, name })}
      description={describe(spec)}
      withAsterisk={required}
      placeholder={required ? "Choose" : "Not set"}
      data={data}
      value={chosen}
      clearable={!required}
      searchable={data.length > 8}
      error={errorAt(path)}
      onChange={(next) => onChange(next === null ? undefined : parseJSON(next))}
      clearButtonProps={{ "aria-label": `Unset ${name}` }}
    />
  );
}

function FileField({ spec, value, onChange, name, path, required }: Props) {
  const { errorAt } = useContext(FormContext);
  const { can } = useSession();
  const id = useId();
  const upload = useMutation({
    mutationFn: uploadFile,
    onSuccess: (file) => onChange({ fileId: file.id, filename: file.filename }),
  });
  useBroken(path, upload.isPending);
  const members = (typeof value === "object" && value !== null ? value : {}) as {
    fileId?: unknown;
    filename?: unknown;
  };
  const fileId = typeof members.fileId === "string" ? members.fileId : "";
  const failed =
    upload.error instanceof ApiError
      ? upload.error.detail
      : upload.isError
        ? "The file could not be uploaded."
        : undefined;
  return (
    <Input.Wrapper
      id={id}
      label={labelOf({ spec, name })}
      description={describe(spec)}
      withAsterisk={required}
      labelElement="div"
      error={failed ?? errorAt(path) ?? errorAt(`${path}.fileId`)}
    >
      <div className={classes.file}>
        {fileId === "" ? (
          can("files:write") ? (
            <FileButton onChange={(file) => file && upload.mutate(file)}>
              {(props) => (
                <Button {...props} variant="default" leftSection={<IconUpload size={14} />} loading={upload.isPending}>
                  Upload a file
                </Button>
              )}
            </FileButton>
          ) : (
            <ActionButton scope="files:write" leftSection={<IconUpload size={14} />}>
              Upload a file
            </ActionButton>
          )
        ) : (
          <>
            <span className={classes.fileName}>{typeof members.filename === "string" ? members.filename : "File"}</span>
            <Identifier value={fileId} short what="file id" />
            <ActionIcon size={22} aria-label={`Take ${name} away`} onClick={() => onChange(undefined)}>
              <IconX size={14} />
            </ActionIcon>
          </>
        )}
      </div>
    </Input.Wrapper>
  );
}

function Legend({ spec, name, required }: Pick<Props, "spec" | "name" | "required">) {
  return (
    <legend className={classes.legend}>
      {labelOf({ spec, name })}
      {required && (
        <span className={classes.star} aria-hidden>
          {" *"}
        </span>
      )}
    </legend>
  );
}

function ObjectField({ spec, value, onChange, name, path, required }: Props<Of<"object">>) {
  const { errorAt } = useContext(FormContext);
  if (value !== undefined && (typeof value !== "object" || value === null || Array.isArray(value))) {
    return <JsonField {...{ spec, value, onChange, name, path, required }} />;
  }
  const error = errorAt(path);
  return (
    <fieldset className={classes.group} data-error={error !== undefined || undefined}>
      <Legend spec={spec} name={name} required={required} />
      {spec.description && <p className={classes.about}>{sentence(spec.description)}</p>}
      {value === undefined ? (
        <Button
          variant="default"
          leftSection={<IconPlus size={14} />}
          onClick={() => onChange(initialValue(spec, true) ?? {})}
        >
          Add {name}
        </Button>
      ) : (
        <div className={classes.fields}>
          <Members spec={spec} value={value} onChange={onChange} path={path} />
          {!required && (
            <div>
              <Button
                variant="subtle"
                color="gray"
                leftSection={<IconTrash size={14} />}
                onClick={() => onChange(undefined)}
              >
                Leave {name} out
              </Button>
            </div>
          )}
        </div>
      )}
      {error && <p className={classes.problem}>{error}</p>}
    </fieldset>
  );
}

/** The fields of an object's members. */
export function Members({
  spec,
  value,
  onChange,
  path,
}: {
  spec: Of<"object">;
  value: unknown;
  onChange: (value: Record<string, unknown>) => void;
  path: string;
}) {
  // Two fields may change in the same moment, when an upload ends.
  const latest = useRef(value);
  latest.current = value;
  return spec.members.map((member) => (
    <Field
      key={member.name}
      spec={member.spec}
      name={member.name}
      path={memberPath(path, member.name)}
      required={member.required}
      value={(value as Record<string, unknown> | undefined)?.[member.name]}
      onChange={(next) => {
        latest.current = withMember(latest.current, member.name, next);
        onChange(latest.current as Record<string, unknown>);
      }}
    />
  ));
}

function ListField({ spec, value, onChange, name, path, required }: Props<Of<"list">>) {
  const { errorAt } = useContext(FormContext);
  // Fields keep what is typed, so an item keeps its key when one before it goes.
  const keys = useRef<number[]>([]);
  const next = useRef(0);
  if (value !== undefined && !Array.isArray(value))
    return <JsonField {...{ spec, value, onChange, name, path, required }} />;
  const items: readonly unknown[] = value ?? [];
  while (keys.current.length < items.length) keys.current.push(next.current++);
  keys.current.length = items.length;
  const error = errorAt(path);
  const set = (list: unknown[]) => onChange(list.length === 0 && !required ? undefined : list);
  return (
    <fieldset className={classes.group} data-error={error !== undefined || undefined}>
      <Legend spec={spec} name={name} required={required} />
      {spec.description && <p className={classes.about}>{sentence(spec.description)}</p>}
      <div className={classes.fields}>
        {items.map((item, i) => (
          <div key={keys.current[i]} className={classes.item}>
            <div>
              <Field
                spec={spec.item}
                name={`${name} ${i + 1}`}
                path={memberPath(path, i)}
                required
                value={item ?? undefined}
                onChange={(changed) => onChange(items.map((each, k) => (k === i ? (changed ?? null) : each)))}
              />
            </div>
            <ActionIcon
              aria-label={`Remove ${name} ${i + 1}`}
              onClick={() => {
                keys.current.splice(i, 1);
                set(items.filter((_, k) => k !== i));
              }}
            >
              <IconTrash size={14} stroke={1.6} />
            </ActionIcon>
          </div>
        ))}
        <div>
          <Button
            variant="default"
            leftSection={<IconPlus size={14} />}
            disabled={spec.most !== undefined && items.length >= spec.most}
            onClick={() => onChange([...items, initialValue(spec.item, true) ?? null])}
          >
            Add to {name}
          </Button>
        </div>
      </div>
      {error && <p className={classes.problem}>{error}</p>}
    </fieldset>
  );
}

const written = (value: unknown) => (value === undefined ? "" : (JSON.stringify(value, null, 2) ?? ""));

/** A field of JSON, for what has no field of its own. */
export function JsonField({
  spec,
  value,
  onChange,
  name,
  path,
  required,
  rows = 2,
}: Omit<Props, "spec"> & { spec: Pick<Spec, "title" | "description">; rows?: number }) {
  const { errorAt } = useContext(FormContext);
  const [draft, setDraft] = useState(() => written(value));
  const shown = useRef(value);
  useEffect(() => {
    if (shown.current === value) return;
    shown.current = value;
    setDraft(written(value));
  }, [value]);
  const { problem } = readJSON(draft);
  useBroken(path, problem !== undefined);
  return (
    <Textarea
      label={spec.title || name}
      description={[sentence(spec.description), "JSON."].filter(Boolean).join(" ")}
      withAsterisk={required}
      className={classes.code ?? ""}
      autosize
      minRows={rows}
      maxRows={30}
      spellCheck={false}
      error={problem ?? errorAt(path)}
      value={draft}
      onChange={(event) => {
        const text = event.currentTarget.value;
        setDraft(text);
        const next = readJSON(text);
        if (next.problem !== undefined) return;
        shown.current = next.value;
        onChange(next.value);
      }}
    />
  );
}
