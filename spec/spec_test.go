package spec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

func load(t *testing.T, raw []byte) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestDocumentsAreValid(t *testing.T) {
	for _, raw := range [][]byte{OpenAPI, Eigenpal} {
		if err := load(t, raw).Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
			t.Error(err)
		}
	}
}

// Every operation tells a reader what it does, who may call it and which errors to expect.
func TestOperationsAreDocumented(t *testing.T) {
	for _, raw := range [][]byte{OpenAPI, Eigenpal} {
		documented(t, load(t, raw))
	}
}

func documented(t *testing.T, doc *openapi3.T) {
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			name := method + " " + path
			if op.Summary == "" || op.OperationID == "" || len(op.Tags) != 1 {
				t.Errorf("%s: summary, operationId and one tag are needed", name)
			}
			scope, _ := op.Extensions["x-scope"].(string)
			if scope == "" {
				t.Errorf("%s: no x-scope", name)
			}
			if scope == "none" {
				continue
			}
			want := []string{"400", "401", "429", "500"}
			if scope != "any key" {
				want = append(want, "403")
			}
			if strings.Contains(path, "{") {
				want = append(want, "404")
			}
			if op.RequestBody != nil {
				want = append(want, "413", "415")
			}
			for _, status := range want {
				if op.Responses.Value(status) == nil {
					t.Errorf("%s: no response %s", name, status)
				}
			}
			if op.RequestBody != nil && op.RequestBody.Value.Content["application/json"] == nil {
				continue // a file
			}
			if op.RequestBody != nil && len(op.RequestBody.Value.Content.Get("application/json").Examples) == 0 {
				t.Errorf("%s: no example of a body", name)
			}
		}
	}
}

func TestEveryExampleIsUsed(t *testing.T) {
	source, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("examples/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if !strings.Contains(string(source), "externalValue: "+f) {
			t.Errorf("%s is not used", f)
		}
	}
	for name := range load(t, OpenAPI).Components.Examples {
		if strings.Count(string(source), "#/components/examples/"+name+`"`) == 0 {
			t.Errorf("example %s is not shown anywhere", name)
		}
	}
}
