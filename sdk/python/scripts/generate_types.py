"""Writes src/sojourn/_gen/models.py and params.py from spec/openapi.json.

Models are what the server answers (pydantic, every unknown member kept); params are what requests carry (TypedDict).
Only the standard library is needed, so that every checkout can run it: python3 sdk/python/scripts/generate_types.py
"""

from __future__ import annotations

import json
import keyword
import re
import textwrap
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent.parent
SPEC = HERE.parent.parent / "spec" / "openapi.json"
OUT = HERE / "src" / "sojourn" / "_gen"
WIDTH = 118
# Worker messages are read and written by the worker itself, without models.
SKIPPED_TAGS = {"worker protocol"}
METHODS = ("get", "put", "post", "patch", "delete")

Schema = dict[str, Any]


def pascal(text: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", text))


def doc(text: str, indent: str) -> list[str]:
    """A docstring with the text, indented."""
    lines: list[str] = []
    for paragraph in text.strip().replace("\\", "\\\\").split("\n\n"):
        lines += [*textwrap.wrap(" ".join(paragraph.split()), WIDTH - len(indent) - 6), ""]
    lines.pop()
    if lines[-1].endswith('"'):
        lines[-1] += " "
    lines[0] = '"""' + lines[0]
    if len(lines) == 1:
        return [indent + lines[0] + '"""']
    return [(indent + line).rstrip() for line in [*lines, '"""']]


class Generator:
    """Turns the schemas of the document into Python declarations, either as models or as params."""

    def __init__(self, spec: Schema, params: bool) -> None:
        self.spec = spec
        self.schemas: Schema = spec["components"]["schemas"]
        self.params = params
        self.done: dict[str, list[str]] = {}
        self.open: set[str] = set()

    def name_of(self, schema: str) -> str:
        return schema + "Params" if self.params and self.is_class(self.schemas[schema]) else schema

    def is_class(self, schema: Schema) -> bool:
        kind = schema.get("type")
        return (kind == "object" or (isinstance(kind, list) and "object" in kind)) and bool(schema.get("properties"))

    def type_of(self, schema: Schema, name: str) -> str:
        """The annotation of a schema; name is used for a class or an alias it needs of its own."""
        if ref := schema.get("$ref"):
            target = ref.rsplit("/", 1)[1]
            return self.reference(target)
        if "allOf" in schema:
            merged: Schema = {
                "type": "object",
                "properties": {},
                "required": [],
                "description": schema.get("description", ""),
            }
            for part in [*schema["allOf"], schema]:
                while "$ref" in part:
                    part = self.schemas[part["$ref"].rsplit("/", 1)[1]]
                merged["properties"] |= part.get("properties", {})
                merged["required"] += part.get("required", [])
                if "additionalProperties" in part:
                    merged["additionalProperties"] = part["additionalProperties"]
            return self.type_of(merged, name)
        for word in ("oneOf", "anyOf"):
            if word in schema:
                return self.union(
                    [self.type_of(s, f"{name}{'' if i == 0 else i + 1}") for i, s in enumerate(schema[word])]
                )
        if "const" in schema:
            return f"Literal[{schema['const']!r}]" if self.params else type(schema["const"]).__name__
        if "enum" in schema:
            values = [v for v in schema["enum"] if v is not None]
            if all(isinstance(v, str) for v in values):
                literal = "Literal[" + ", ".join(json.dumps(v) for v in values) + "]"
                # A value that a newer server knows must not break anybody.
                return f"{literal} | str"
            return " | ".join(sorted({type(v).__name__ for v in values}))
        kinds = schema.get("type")
        if isinstance(kinds, list):
            if len(kinds) > 3:
                return "Any"
            return self.union([self.type_of({**schema, "type": k}, name) for k in kinds])
        match kinds:
            case "string":
                return "Time" if schema.get("format") == "date-time" and not self.params else "str"
            case "integer":
                return "int"
            case "number":
                return "float"
            case "boolean":
                return "bool"
            case "null":
                return "None"
            case "array":
                return f"list[{self.type_of(schema.get('items', {}), name + 'Item')}]"
            case "object":
                if schema.get("properties"):
                    full = name + "Params" if self.params and not name.endswith("Params") else name
                    self.declare(full, schema)
                    return full
                values = schema.get("additionalProperties")
                if isinstance(values, dict) and values:
                    return f"dict[str, {self.type_of(values, name + 'Value')}]"
                return "dict[str, Any]"
            case _:
                return "Any"

    @staticmethod
    def union(types: list[str]) -> str:
        seen: list[str] = []
        for t in (part for kind in types for part in ([kind] if "[" in kind else kind.split(" | "))):
            if t not in seen:
                seen.append(t)
        if "Any" in seen:
            return "Any"
        seen.sort(key=lambda t: t == "None")
        return " | ".join(seen)

    def reference(self, target: str) -> str:
        schema = self.schemas[target]
        if self.is_class(schema):
            self.declare(self.name_of(target), schema)
            return self.name_of(target)
        if "enum" in schema or (schema.get("description") and ("oneOf" in schema or "anyOf" in schema)):
            self.alias(target, schema)
            return target
        return self.type_of(schema, target)

    def alias(self, name: str, schema: Schema) -> None:
        if name in self.open:
            return
        self.open.add(name)
        lines = [f"{name}: TypeAlias = {self.quoted(self.type_of(schema, name))}"]
        if text := schema.get("description"):
            lines += doc(text, "")
        self.done[name] = lines

    @staticmethod
    def quoted(annotation: str) -> str:
        # Aliases are evaluated at once; classes that come later must be named as text.
        return (
            annotation
            if annotation.startswith("Literal") or "Literal" in annotation
            else f"Union[{', '.join(repr(t) for t in annotation.split(' | '))}]"
            if " | " in annotation
            else annotation
        )

    def declare(self, name: str, schema: Schema) -> None:
        if name in self.open:
            return
        self.open.add(name)
        required = set(schema.get("required", []))
        body: list[str] = []
        odd = any(keyword.iskeyword(p) or not p.isidentifier() for p in schema["properties"])
        for prop, value in schema["properties"].items():
            annotation = self.type_of(value, name.removesuffix("Params") + pascal(prop))
            text = value.get("description") or self.inherited(value)
            if self.params:
                body.append(f"    {prop}: {annotation if prop in required else f'NotRequired[{annotation}]'}")
            else:
                field = f"{prop}_" if keyword.iskeyword(prop) else prop
                alias = f', alias="{prop}"' if field != prop else ""
                if prop in required:
                    body.append(f"    {field}: {annotation}" + (f" = Field(...{alias})" if alias else ""))
                else:
                    optional = (
                        annotation if annotation == "Any" or annotation.endswith("| None") else f"{annotation} | None"
                    )
                    body.append(f"    {field}: {optional} = " + (f"Field(None{alias})" if alias else "None"))
            if text:
                body += doc(text, "    ")
        title = schema.get("description") or self.summary(name)
        if self.params and odd:
            members = ", ".join(f"{p!r}: Any" for p in schema["properties"])
            self.done[name] = [f'{name} = TypedDict("{name}", {{{members}}}, total=False)']
            return
        base = "TypedDict" if self.params else "Model"
        self.done[name] = [f"class {name}({base}):", *doc(title, "    "), "", *body]

    def inherited(self, value: Schema) -> str:
        if ref := value.get("$ref"):
            return self.schemas[ref.rsplit("/", 1)[1]].get("description", "")
        return ""

    @staticmethod
    def summary(name: str) -> str:
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower()
        return words[0].upper() + words[1:] + ", as in the API's document."

    def operations(self) -> Any:
        for path, item in self.spec["paths"].items():
            for method in METHODS:
                op = item.get(method)
                if op and not SKIPPED_TAGS & set(op.get("tags", [])):
                    yield path, op

    def collect(self) -> None:
        for path, op in self.operations():
            name = pascal(op["operationId"])
            if not path.startswith("/v1"):
                continue
            if self.params:
                content = self.deref(op.get("requestBody", {})).get("content", {})
                if schema := content.get("application/json", {}).get("schema"):
                    self.type_of(schema, name)
                continue
            for status, answer in op["responses"].items():
                content = self.deref(answer).get("content", {})
                for kind, media in content.items():
                    if (
                        kind in ("application/json", "text/event-stream", "application/problem+json")
                        and "schema" in media
                    ):
                        self.type_of(media["schema"], name + ("Response" if status.startswith("2") else "Error"))

    def deref(self, node: Schema) -> Schema:
        while "$ref" in node:
            found: Any = self.spec
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def render(self) -> str:
        self.collect()
        if self.params:
            head = [
                '"""What requests carry. Made from spec/openapi.json by scripts/generate_types.py: do not edit."""',
                "",
                "from __future__ import annotations",
                "",
                "from typing import Any, Literal, TypeAlias, Union",
                "",
                "from typing_extensions import NotRequired, TypedDict",
            ]
        else:
            head = [
                '"""What the API answers. Made from spec/openapi.json by scripts/generate_types.py: do not edit."""',
                "",
                "from __future__ import annotations",
                "",
                "from typing import Any, Literal, TypeAlias, Union",
                "",
                "from pydantic import Field",
                "",
                "from .._model import Model, Time",
            ]
        names = list(self.done)  # each after what it refers to
        body = "\n".join(line for n in names for line in [*self.done[n], "", ""])
        # Names that nothing uses are not imported.
        for i, line in enumerate(head):
            if line.startswith(("from typing import", "from typing_extensions", "from pydantic", "from datetime")):
                module, _, list_ = line.partition(" import ")
                used = [n for n in list_.split(", ") if re.search(rf"\b{n}\b", body)]
                head[i] = f"{module} import {', '.join(used)}" if used else "#drop"
        head = [h for h in head if h != "#drop"]
        text = (
            "\n".join(head) + "\n\n__all__ = [\n" + "".join(f'    "{n}",\n' for n in sorted(self.done)) + "]\n\n" + body
        )
        return re.sub(r"\n{4,}", "\n\n\n", text).rstrip() + "\n"


def main() -> None:
    spec = json.loads(SPEC.read_text(encoding="utf-8"))
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "__init__.py").write_text(
        '"""Types made from spec/openapi.json; sojourn.types shows them."""\n', encoding="utf-8"
    )
    for name, params in (("models", False), ("params", True)):
        (OUT / f"{name}.py").write_text(Generator(spec, params).render(), encoding="utf-8")


if __name__ == "__main__":
    main()
