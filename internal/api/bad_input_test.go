package api

import (
	"fmt"
	"strings"
	"testing"
)

// Bad starts each get their typed error naming the field, and leave nothing behind.
func TestBadStarts(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	s.start("echo", map[string]any{})
	state := s.state()
	many := func(n int) string {
		var parts []string
		for i := range n {
			parts = append(parts, fmt.Sprintf(`"k%d":"v"`, i))
		}
		return strings.Join(parts, ",")
	}
	start := func(rest string) string { return `{"workflow_id":"echo","input":{}` + rest + `}` }
	for body, want := range map[string]string{
		``:                                      "invalid_json  invalid_value",
		` `:                                     "invalid_json  invalid_value",
		`{"workflow_id":"echo","input":{"a":}}`: "invalid_json input.a invalid_value",
		`{"workflow_id":"echo","input":{}} x`:   "invalid_json  invalid_value",
		`{"workflow_id":"echo","input":{}}{}`:   "invalid_json  invalid_value",
		`<xml/>`:                                "invalid_json  invalid_value",
		`workflow_id=echo`:                      "invalid_json  invalid_value",
		"\ufeff" + start(""):                    "invalid_json  invalid_value",
		`{"workflow_id":"echo","input":{"lines":[{},{},{"qty":"` + "\xff" + `"}]}}`:                      "invalid_json input.lines[2].qty invalid_value",
		`{"workflow_id":"echo","input":{"a":"\ud800"}}`:                                                  "invalid_json input.a invalid_value",
		`{"workflow_id":"echo","input":{"a":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}}`: "invalid_request input.a" + strings.Repeat("[0]", 62) + " too_deep",
		`{"workflow_id":"echo","input":` + strings.Repeat(`{"a":`, 200_000):                              "invalid_request input" + strings.Repeat(".a", 63) + " too_deep",
		`{"workflow_id":"echo","input":{"a":1,"\u0061":2}}`:                                              "invalid_request input.a duplicate_key",
		`{"workflow_id":"echo","workflow_id":"echo","input":{}}`:                                         "invalid_request workflow_id duplicate_key",
		`[]`: "invalid_request  invalid_type", `null`: "invalid_request  invalid_type",
		`{}`: "invalid_request workflow_id required", `{"workflow_id":"echo"}`: "invalid_request input required", `{"input":{}}`: "invalid_request workflow_id required",
		`{"workflow_id":"","input":{}}`: "invalid_request workflow_id invalid_value", `{"workflow_id":7,"input":{}}`: "invalid_request workflow_id invalid_type",
		`{"workflow_id":null,"input":{}}`: "invalid_request workflow_id invalid_type", `{"workflow_id":"` + strings.Repeat("x", 101) + `","input":{}}`: "invalid_request workflow_id too_long",
		`{"workflow_id":"echo","input":[]}`: "invalid_request input invalid_type", `{"workflow_id":"echo","input":"text"}`: "invalid_request input invalid_type", `{"workflow_id":"echo","input":null}`: "invalid_request input invalid_type",
		start(`,"timeout_ms":0`): "invalid_request timeout_ms out_of_range", start(`,"timeout_ms":-5`): "invalid_request timeout_ms out_of_range", start(`,"timeout_ms":"5s"`): "invalid_request timeout_ms invalid_type",
		start(`,"timeout_ms":1.5`): "invalid_request timeout_ms invalid_type", start(`,"timeout_ms":1e300`): "invalid_request timeout_ms out_of_range", start(`,"timeout_ms":99999999999999999999`): "invalid_request timeout_ms out_of_range",
		start(`,"delay_ms":-1`): "invalid_request delay_ms out_of_range", start(`,"delay_ms":1,"start_at":"2030-01-01T00:00:00Z"`): "invalid_request delay_ms invalid_value",
		start(`,"start_at":"tomorrow"`): "invalid_request start_at invalid_value", start(`,"start_at":"2030-13-01T00:00:00Z"`): "invalid_request start_at invalid_value", start(`,"start_at":1700000000`): "invalid_request start_at invalid_type",
		start(`,"start_at":"0001-01-01T00:00:00Z"`): "invalid_request start_at invalid_value",
		start(`,"metadata":[]`):                     "invalid_request metadata invalid_type", start(`,"metadata":{"a":1}`): "invalid_request metadata.a invalid_type", start(`,"metadata":{"":"x"}`): `invalid_request metadata[""] too_long`,
		start(`,"metadata":{"` + strings.Repeat("k", 65) + `":"x"}`): "invalid_request metadata." + strings.Repeat("k", 65) + " too_long", start(`,"metadata":{"a":"` + strings.Repeat("v", 257) + `"}`): "invalid_request metadata.a too_long",
		start(`,"metadata":{` + many(33) + `}`): "invalid_request metadata.k32 too_long", start(`,"metadata":{` + many(5000) + `}`): "invalid_request metadata.k32 too_long",
		start(`,"priority":101`): "invalid_request priority out_of_range", start(`,"priority":"high"`): "invalid_request priority invalid_type", start(`,"version":true`): "invalid_request version invalid_type", start(`,"version":-1`): "invalid_request version out_of_range",
		start(`,"queue_ttl_ms":0`): "invalid_request queue_ttl_ms out_of_range", start(`,"idempotency_key":""`): "invalid_request idempotency_key invalid_value", start(`,"idempotency_key":"` + strings.Repeat("k", 256) + `"`): "invalid_request idempotency_key too_long",
		start(`,"trigger":"cron"`): "invalid_request trigger invalid_value", start(`,"trigger":"scheduled"`): "invalid_request trigger invalid_value",
		start(`,"callback":"https://example.com"`): "invalid_request callback unknown_field", start(`,"Timeout_ms":5`): "invalid_request Timeout_ms unknown_field", start(`,"wait":5`): "invalid_request wait unknown_field",
		`{"workflow_id":"nope","input":{}}`: "not_found workflow_id not_found", `{"workflow_id":"wf_00000000000000000000000000","input":{}}`: "not_found workflow_id not_found", `{"workflow_id":"../echo","input":{}}`: "not_found workflow_id not_found",
		`{"workflow_id":"echo\u0000","input":{}}`: "not_found workflow_id not_found",
		start(`,"version":"nope"`):                "not_found version not_found",
	} {
		parts := strings.SplitN(want, " ", 2)
		code, rest := parts[0], parts[1]
		cut := strings.LastIndexByte(rest, ' ')
		field, item := rest[:cut], rest[cut+1:]
		status := 400
		if code == "not_found" {
			status = 404
		}
		a := s.post("/v1/executions", []byte(body))
		if p := a.problem(status, code); len(field) > maxPathShown {
			if len(p.Errors) == 0 || p.Errors[0].Code != item {
				t.Errorf("%.60s: %+v", body, p)
			}
			continue
		}
		p := a.field(status, code, field, item)
		if field != "" && code == "invalid_request" && item != "duplicate_key" && item != "too_deep" && !strings.Contains(p.Detail, field) && len(p.Errors) == 1 {
			t.Errorf("%.60s: the message does not name the field: %s", body, p.Detail)
		}
		if len(p.Detail) > 1000 {
			t.Errorf("%.60s: a message of %d bytes", body, len(p.Detail))
		}
	}
	if s.state() != state {
		t.Error("a refused start changed something")
	}
	// Everything that is wrong is told at once.
	p := s.post("/v1/executions", `{"input":5,"timeout_ms":-1,"prority":3,"metadata":{"a":1}}`).problem(400, "invalid_request")
	if len(p.Errors) != 5 || !strings.Contains(p.Detail, "and 4 more") {
		t.Errorf("%+v", p)
	}
}

// maxPathShown is above which a path may be cut.
const maxPathShown = 100

// A body just at the limit is accepted, one byte more is not.
func TestBodyLimitIsExact(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	const frame = `{"workflow_id":"echo","input":{"x":""}}`
	fill := strings.Repeat("x", 1<<20-len(frame))
	s.post("/v1/executions", strings.Replace(frame, `""`, `"`+fill+`"`, 1)).is(201)
	s.post("/v1/executions", strings.Replace(frame, `""`, `"`+fill+`x"`, 1)).problem(413, "payload_too_large")
}

func TestBadIDs(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	x := s.start("echo", map[string]any{})
	state := s.state()
	for _, id := range []string{"x", "exec_", "exec_zzz", "wf_" + x.ID[5:], strings.ToUpper(x.ID), x.ID + "0", "exec_8" + x.ID[6:], "exec_" + strings.Repeat("u", 26), "%00", "exec_%F0%9F%98%80", strings.Repeat("a", 3000)} {
		s.get("/v1/executions/"+id).problem(404, "not_found")
		s.get("/v1/executions/"+id+"/logs").problem(404, "not_found")
		s.post("/v1/executions/"+id+"/cancel", nil).problem(404, "not_found")
		s.post("/v1/executions/"+id+"/terminate", nil).problem(404, "not_found")
		s.send(request{key: s.key, method: "DELETE", path: "/v1/executions/" + id}).problem(404, "not_found")
		s.get("/v1/workflows/"+id).problem(404, "not_found")
		s.send(request{key: s.key, method: "DELETE", path: "/v1/keys/" + id}).problem(404, "not_found")
		s.send(request{key: s.key, method: "DELETE", path: "/v1/worker/sessions/" + id}).problem(404, "session_lost")
	}
	if s.state() != state {
		t.Error("a bad id changed something")
	}
}
