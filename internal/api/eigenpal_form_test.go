package api

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sojournhq/sojourn/internal/engine"
)

// A form carries files under the names of inputs, and everything else in _json, in any order.
func TestEigenpalForm(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(10, "file")
	pdf := formPart{"contract_document", "contract.pdf", "application/pdf", "%PDF"}
	png := formPart{"the scan ☃", "../scan.png", "image/png", "PNG"}
	side := formPart{"_json", "", "", `{"input":{"note":"n"},"trigger":"cli","overrides":{"parse":{"a":1}}}`}
	for _, order := range [][]formPart{{side, pdf, png}, {pdf, png, side}, {pdf, side, png}, {pdf, png}, {pdf}, {side}, {}} {
		var run map[string]string
		s.form("/api/v1/workflows/file/run", nil, order...).is(201).into(&run)
		a := w.one()
		var in map[string]json.RawMessage
		if err := json.Unmarshal(a.Input, &in); err != nil {
			t.Fatal(err)
		}
		files, noted := 0, false
		for _, p := range order {
			if p.name == "_json" {
				noted = true
				continue
			}
			files++
			var f referenceBody
			if err := json.Unmarshal(in[p.name], &f); err != nil {
				t.Fatalf("%s: %v", a.Input, err)
			}
			if f.Filename != strings.TrimPrefix(p.filename, "../") || f.MIMEType != p.kind || f.SHA256 != hexSum(p.content) || f.Size != int64(len(p.content)) {
				t.Errorf("%+v", f)
			}
			if got := s.get("/v1/files/" + f.FileID + "/content").is(200); string(got.body) != p.content {
				t.Errorf("%q", got.body)
			}
		}
		x := s.get("/v1/executions/" + run["executionId"]).is(200).execution()
		if noted {
			files++
			if string(in["note"]) != `"n"` || x.TriggerType != "cli" || len(a.Recorded) != 1 || a.Recorded[0].Step != "parse" {
				t.Errorf("%s %+v", a.Input, x)
			}
		}
		if len(in) != files {
			t.Errorf("%s, want %d members", a.Input, files)
		}
		w.done(a.op("complete", nil))
		got := s.get("/api/v1/workflows/executions/" + x.ID + "?includeSteps=true").is(200)
		var long struct{ TriggerInput json.RawMessage }
		if got.into(&long); string(long.TriggerInput) != string(x.Input) {
			t.Errorf("%s", got.body)
		}
	}
}

func TestEigenpalFormRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{engine: func(c *engine.Config) { c.MaxFile = 1000 }})
	s.workflow("file")
	file := formPart{"document", "a.pdf", "application/pdf", "%PDF"}
	side := func(text string) formPart { return formPart{"_json", "", "", text} }
	const path = "/api/v1/workflows/file/run"
	s.form(path, nil, file, side(`nonsense`)).issues(400, "body._json", "invalid_json")
	s.form(path, nil, file, side(``)).issues(400, "body._json", "invalid_json")
	s.form(path, nil, side(`[]`), file).issues(400, "body._json", "invalid_value")
	s.form(path, nil, side(`{"input":5}`), file).issues(400, "body._json.input", "invalid_value")
	s.form(path, nil, side(`{"trigger":"x"}`), file).issues(400, "body._json.trigger", "invalid_value")
	s.form(path, nil, side(`{"note":1}`), file).issues(400, "body._json.note", "invalid_value")
	s.form(path, nil, side(`{"input":{"document":1}}`), file).issues(400, "body.input.document", "invalid_value")
	s.form(path, nil, file, formPart{"note", "", "", "text"}).issues(400, "body.note", "invalid_value")
	s.form(path, nil, formPart{"big", "big", "", strings.Repeat("x", 1001)}).issues(413, "<root>", "payload_too_large")
	s.form("/api/v1/workflows/nope/run", nil, file).issues(404, "<root>", "not_found")
	s.form(path+"?wait_for_completion=61", nil, file).issues(400, "query.wait_for_completion", "invalid_value")
	s.send(request{key: s.key, method: "POST", path: path, body: "x", header: map[string]string{"Content-Type": "multipart/form-data"}}).issues(400, "body.Content-Type", "invalid_value")
	s.post(path, `{"input":{"document":{"fileId":"file_01jd7x0m8ke9tb3a0r6v5n2w4q"}}}`).is(400)
	if left := s.contents(); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	key := map[string]string{"Idempotency-Key": "k"}
	first := s.form(path, key, file).is(201)
	if again := s.form(path, key, file).is(201); string(again.body) != string(first.body) {
		t.Errorf("%s, first %s", again.body, first.body)
	}
	s.form(path, key, formPart{"document", "a.pdf", "application/pdf", "other"}).issues(422, "<root>", "idempotency_mismatch")
	if left := s.contents(); len(left) != 1 {
		t.Errorf("stored: %q", left)
	}
}

// An approval is shown as a step whose input is what its approver sees and whose output is the decision.
func TestEigenpalApproval(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(10, "buy")
	id := s.run("buy/run", `{}`)
	a := w.one()
	w.done(a.op("wait", map[string]any{"step": "manager", "wait": "approval", "payload": map[string]any{"amount": 7}}), a.op("suspend", nil))
	var x struct{ Steps []map[string]any }
	read := func() map[string]any {
		t.Helper()
		s.get("/api/v1/workflows/executions/" + id + "?includeSteps=true").is(200).into(&x)
		if len(x.Steps) != 1 {
			t.Fatalf("%+v", x)
		}
		return x.Steps[0]
	}
	if step := read(); step["status"] != "waiting" || step["id"] != "manager" || step["output"] != nil || step["input"].(map[string]any)["amount"] != 7.0 {
		t.Errorf("%v", step)
	}
	var status map[string]any
	if s.get("/api/v1/workflows/executions/" + id).into(&status); status["status"] != "waiting" {
		t.Errorf("%v", status)
	}
}
