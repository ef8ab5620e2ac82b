package engine

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// maxSchemaErrors bounds how many violations an answer lists.
const maxSchemaErrors = 20

// compileSchema compiles a JSON Schema of draft 2020-12. References to anything outside the schema are refused.
func compileSchema(raw []byte) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(noLoader{})
	c.AssertFormat()
	if err := c.AddResource("mem:///input", doc); err != nil {
		return nil, fmt.Errorf("add: %w", err)
	}
	s, err := c.Compile("mem:///input")
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	return s, nil
}

// noLoader keeps a schema from reading files or the network.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, errors.New("references to other documents are not allowed: " + url)
}

// checkInput validates the input and lists what is wrong, field by field.
func checkInput(s *jsonschema.Schema, input []byte) []FieldError {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(input))
	if err != nil {
		return []FieldError{{"input", FieldInvalid, "input is not valid JSON"}}
	}
	err = s.Validate(doc)
	if err == nil {
		return nil
	}
	var v *jsonschema.ValidationError
	if !errors.As(err, &v) {
		return []FieldError{{"input", FieldSchema, err.Error()}}
	}
	var fields []FieldError
	printer := message.NewPrinter(language.English)
	var walk func(*jsonschema.ValidationError)
	walk = func(v *jsonschema.ValidationError) {
		if len(fields) >= maxSchemaErrors {
			return
		}
		if len(v.Causes) == 0 {
			if missing, ok := v.ErrorKind.(*kind.Required); ok {
				for _, name := range missing.Missing {
					field := fieldPath(append(slices.Clone(v.InstanceLocation), name))
					fields = append(fields, FieldError{field, FieldRequired, field + ": is required"})
				}
				fields = fields[:min(len(fields), maxSchemaErrors)]
				return
			}
			field := fieldPath(v.InstanceLocation)
			problem := v.ErrorKind.LocalizedString(printer)
			if _, ok := v.ErrorKind.(*kind.FalseSchema); ok {
				problem = "is not allowed here" // the library says "false schema"
			}
			fields = append(fields, FieldError{field, FieldSchema, field + ": " + problem})
			return
		}
		for _, c := range v.Causes {
			walk(c)
		}
	}
	walk(v)
	return fields
}

// fieldPath is the path of a value inside the input, as in input.lines[2].qty.
func fieldPath(location []string) string {
	var b strings.Builder
	b.WriteString("input")
	for _, p := range location {
		if _, err := strconv.Atoi(p); err == nil {
			b.WriteString("[" + p + "]")
		} else {
			b.WriteString("." + p)
		}
	}
	return b.String()
}
