// An input schema as people read it: names, kinds, what they must be. The words of the schema itself are one click away.
import { SegmentedControl } from "@mantine/core";
import { useState } from "react";
import { JsonView } from "@/components/JsonView";
import { type Spec, specOf } from "../start/schema";
import classes from "./Workflow.module.css";

const write = (value: unknown) => JSON.stringify(value);

/** What a value must be, in a few words. */
export function kindInWords(spec: Spec): string {
  const or = spec.nullable ? " or null" : "";
  switch (spec.kind) {
    case "string": {
      const name = spec.format === "uri" ? "address (URI)" : (spec.format ?? "text");
      const { minLength, maxLength } = spec;
      if (minLength !== undefined && maxLength !== undefined)
        return `${name}, ${minLength} to ${maxLength} characters${or}`;
      if (maxLength !== undefined) return `${name}, at most ${maxLength} characters${or}`;
      if (minLength !== undefined)
        return `${name}, at least ${minLength === 1 ? "one character" : `${minLength} characters`}${or}`;
      return `${name}${or}`;
    }
    case "number": {
      const name = spec.integer ? "whole number" : "number";
      const { minimum, maximum } = spec;
      const but = spec.exclusive ? ", bounds excluded" : "";
      if (minimum !== undefined && maximum !== undefined)
        return `${name}, ${minimum.toLocaleString()} to ${maximum.toLocaleString()}${but}${or}`;
      if (minimum !== undefined) return `${name} from ${minimum.toLocaleString()}${but}${or}`;
      if (maximum !== undefined) return `${name} up to ${maximum.toLocaleString()}${but}${or}`;
      return `${name}${or}`;
    }
    case "boolean":
      return `true or false${or}`;
    case "choice":
      return `${spec.options.length === 1 ? "always" : "one of"} ${spec.options.map(write).join(", ")}${or}`;
    case "file":
      return `file${or}`;
    case "object":
      return `object${or}`;
    case "list": {
      const most = spec.most === undefined ? "" : `, at most ${spec.most}`;
      return spec.item.kind === "object"
        ? `list of objects${most}${or}`
        : `list: ${kindInWords(spec.item)}${most}${or}`;
    }
    case "json":
      return `JSON${or}`;
  }
}

const inner = (spec: Spec): Spec => (spec.kind === "list" ? inner(spec.item) : spec);

function Members({ spec }: { spec: Spec }) {
  const members = spec.kind === "object" ? spec.members : [];
  return (
    <ul className={classes.members}>
      {members.map(({ name, required, spec: member }) => (
        <li key={name} className={classes.member}>
          <span className={classes.memberName}>{name}</span>
          <span className={classes.type}>{kindInWords(member)}</span>
          {required && <span className={classes.required}>required</span>}
          {member.initial !== undefined && <span className={classes.type}>default {write(member.initial)}</span>}
          {(member.description || member.title) && (
            <div className={classes.about}>{member.description || member.title}</div>
          )}
          {inner(member).kind === "object" && <Members spec={inner(member)} />}
        </li>
      ))}
    </ul>
  );
}

/** A schema: its fields as a tree, or itself. */
export function SchemaTree({ schema }: { schema: unknown }) {
  const spec = specOf(schema);
  const readable = spec.kind === "object" && spec.members.length > 0;
  const [view, setView] = useState("fields");
  return (
    <>
      {readable && (
        <SegmentedControl
          mb="sm"
          aria-label="How to show the schema"
          value={view}
          onChange={setView}
          data={[
            { value: "fields", label: "Fields" },
            { value: "schema", label: "JSON Schema" },
          ]}
        />
      )}
      {readable && view === "fields" ? (
        <Members spec={spec} />
      ) : (
        <JsonView value={schema} label="Input schema" maxHeight={360} />
      )}
    </>
  );
}
