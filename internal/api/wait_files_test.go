package api

import (
	"encoding/json"
	"strings"
	"testing"
)

// What is shown to an approver, a decision and a signal refer to files as inputs and outputs do: checked, filled in, and
// in use by the execution from then on.
func TestReferencesInWaits(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(5, "file")
	shown, decided, sent, free := s.upload("shown", "text/plain", "s"), s.upload("decided", "text/plain", "dd"),
		s.upload("sent", "text/plain", "sss"), s.upload("free", "text/plain", "f")
	ref := func(id string) map[string]any { return map[string]any{"doc": map[string]any{"fileId": id}} }
	missing := sent.ID[:len(sent.ID)-4] + "0000"
	filled := func(what string, raw json.RawMessage, f fileBody) {
		t.Helper()
		var got struct{ Doc referenceBody }
		if err := json.Unmarshal(raw, &got); err != nil || got.Doc != f.reference() {
			t.Errorf("%s: %s, want %+v", what, raw, f.reference())
		}
	}

	x := s.start("file", map[string]any{})
	a := w.one()
	bad := w.report(a.op("wait", map[string]any{"step": "boss", "wait": "approval", "payload": ref(missing)}))
	if bad[0].OK || bad[0].Code != "invalid_request" || !strings.Contains(bad[0].Message, "payload.doc.fileId") {
		t.Errorf("%+v", bad)
	}
	w.done(
		a.op("wait", map[string]any{"step": "boss", "wait": "approval", "payload": ref(shown.ID)}),
		a.op("wait", map[string]any{"step": "news", "wait": "signal"}),
		a.op("suspend", nil),
	)
	path := "/v1/executions/" + x.ID
	s.post(path+"/signals/news", map[string]any{"payload": ref(missing)}).field(400, "invalid_request", "payload.doc.fileId", "invalid_value")
	s.post(path+"/approve", map[string]any{"payload": ref("file_x")}).field(400, "invalid_request", "payload.doc.fileId", "invalid_value")
	var list struct{ Data []fileBody }
	if s.get("/v1/files?execution_id=" + x.ID).is(200).into(&list); len(list.Data) != 1 || list.Data[0].ID != shown.ID {
		t.Errorf("a refused payload is in use: %+v", list)
	}
	// A repeat of a signal does nothing, whatever it carries.
	signal := func(id string) *answer {
		return s.send(request{key: s.key, method: "POST", path: path + "/signals/news", body: map[string]any{"payload": ref(id)}, header: map[string]string{"Idempotency-Key": "k"}})
	}
	signal(sent.ID).is(202)
	signal(free.ID).is(200)
	s.post(path+"/approve", map[string]any{"payload": ref(decided.ID)}).is(200)

	got := s.get(path + "?include=steps").is(200).execution()
	for _, step := range got.Steps {
		var end waitEnd
		if err := json.Unmarshal(step.Output, &end); err != nil {
			t.Fatal(err)
		}
		switch step.Name {
		case "boss":
			filled("what the approver saw", step.Input, shown)
			filled("the decision", end.Payload, decided)
		case "news":
			filled("the signal", end.Payload, sent)
		}
	}
	if s.get("/v1/files?execution_id=" + x.ID).is(200).into(&list); len(list.Data) != 3 {
		t.Errorf("%+v", list)
	}
	for _, f := range []fileBody{shown, decided, sent} {
		s.send(request{key: s.key, method: "DELETE", path: "/v1/files/" + f.ID}).problem(409, "file_in_use")
	}
	s.send(request{key: s.key, method: "DELETE", path: "/v1/files/" + free.ID}).is(204)
}
