//go:build ignore

// Openapijson writes openapi.json from openapi.yaml and eigenpal.json from eigenpal.yaml, in the same order, with the
// examples put in.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"go.yaml.in/yaml/v4"
)

func main() {
	for _, name := range []string{"openapi", "eigenpal"} {
		if err := run(name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func run(name string) error {
	source, err := os.ReadFile(name + ".yaml")
	if err != nil {
		return err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(source, &doc); err != nil {
		return err
	}
	var compact, out bytes.Buffer
	if err := write(&compact, doc.Content[0]); err != nil {
		return err
	}
	if err := json.Indent(&out, compact.Bytes(), "", " "); err != nil {
		return err
	}
	out.WriteByte('\n')
	return os.WriteFile(name+".json", out.Bytes(), 0o644)
}

// write writes the node as JSON. A map's externalValue becomes the value that its file holds.
func write(b *bytes.Buffer, n *yaml.Node) error {
	switch n.Kind {
	case yaml.MappingNode:
		b.WriteByte('{')
		for i := 0; i < len(n.Content); i += 2 {
			if i > 0 {
				b.WriteByte(',')
			}
			key, value := n.Content[i], n.Content[i+1]
			if key.Value == "externalValue" {
				example, err := os.ReadFile(value.Value)
				if err != nil {
					return err
				}
				b.WriteString(`"value":`)
				b.Write(bytes.TrimSpace(example))
				continue
			}
			name, err := json.Marshal(key.Value)
			if err != nil {
				return err
			}
			b.Write(name)
			b.WriteByte(':')
			if err := write(b, value); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, item := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := write(b, item); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case yaml.ScalarNode:
		var v any
		if err := n.Decode(&v); err != nil {
			return err
		}
		var text bytes.Buffer
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			return err
		}
		b.Write(bytes.TrimSpace(text.Bytes()))
	default:
		return fmt.Errorf("line %d: anchors and aliases are not used here", n.Line)
	}
	return nil
}
