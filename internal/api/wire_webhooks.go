package api

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
	"github.com/sojournhq/sojourn/internal/signature"
)

// Limits of fields of endpoints.
const (
	maxSecret         = 100
	maxHooksWorkflows = 100
	maxGrace          = 30 * 24 * time.Hour
)

// endpointEvents are the names of what an endpoint can hear of, in the order in which they are shown.
var endpointEvents = []struct {
	name string
	kind engine.MessageType
}{
	{"created", engine.MessageCreated},
	{"status_changed", engine.MessageStatus},
	{"terminal", engine.MessageTerminal},
}

var deliveryStates = func() (names []string) {
	for s := range engine.DeliveryStates {
		names = append(names, engine.DeliveryState(s).String())
	}
	return names
}()

func appendEndpoint(b []byte, x *engine.EndpointView, secret string) []byte {
	b = appendID(b, `{"id":`, execution.PrefixEndpoint, x.ID)
	b = append(b, `,"url":`...)
	b = jsonx.AppendString(b, x.URL)
	b = append(b, `,"description":`...)
	b = jsonx.AppendString(b, x.Description)
	var events []string
	for _, e := range endpointEvents {
		if x.Events.Has(e.kind) {
			events = append(events, e.name)
		}
	}
	b = appendStrings(b, `,"events":`, events)
	if x.Workflows != nil {
		b = appendStrings(b, `,"workflows":`, x.Workflows)
	}
	b = append(b, `,"enabled":`...)
	b = strconv.AppendBool(b, x.Disabled == "")
	b = appendText(b, `,"disabled_reason":`, x.Disabled)
	b = appendTime(b, `,"created_at":`, x.CreatedAt)
	b = appendTime(b, `,"updated_at":`, x.UpdatedAt)
	b = appendStrings(b, `,"secret_hints":`, x.Hints)
	b = appendText(b, `,"secret":`, secret)
	return append(b, '}')
}

// readEndpoint reads the body of a create or an update.
func readEndpoint(p *jsonx.Parser, spec *engine.EndpointSpec, create bool) {
	if !p.Object() {
		return
	}
	known := []string{"url", "description", "events", "workflows", "enabled"}
	if create {
		known = append(known, "secret")
	}
	for p.Next() {
		name := string(p.Name())
		switch {
		case name == "url":
			s, _ := p.String(engine.MaxURL)
			spec.URL = &s
		case name == "description":
			s, _ := p.String(maxDescription)
			spec.Description = &s
		case name == "events":
			events := readEvents(p)
			spec.Events = &events
		case name == "workflows":
			list := readHookWorkflows(p)
			spec.Workflows = &list
		case name == "enabled":
			enabled, _ := p.Bool()
			spec.Enabled = &enabled
		case name == "secret" && create:
			if text, ok := p.String(maxSecret); ok {
				secret, err := signature.Parse(text)
				if err != nil {
					p.ReportRead(jsonx.CodeInvalidValue, "must be "+signature.Prefix+" and base64 of 24 to 64 bytes; leave it out to have one made")
				}
				spec.Secret, spec.HasSecret = secret, true
			}
		default:
			p.Unknown(known)
		}
	}
	if create && spec.URL == nil {
		p.ReportMember("", "url", jsonx.CodeRequired, "is required: where messages are sent")
	}
}

// readHookWorkflows reads the names of workflows; null is all.
func readHookWorkflows(p *jsonx.Parser) []string {
	if p.Peek() == jsonx.Null {
		p.Skip()
		return nil
	}
	list := readStrings(p, maxHooksWorkflows, maxName)
	if list != nil && len(list) == 0 {
		p.ReportRead(jsonx.CodeInvalidValue, "must name at least one workflow; leave it out, or send null, for all")
	}
	return list
}

func eventNames() string {
	var names []string
	for _, e := range endpointEvents {
		names = append(names, e.name)
	}
	return strings.Join(names, ", ")
}

func readEvents(p *jsonx.Parser) (set engine.MessageSet) {
	if !p.Array() {
		return 0
	}
	for p.Next() {
		name, ok := p.String(32)
		if !ok {
			set |= engine.MessageTerminal.Set() // one report is enough
			continue
		}
		found := false
		for _, e := range endpointEvents {
			if e.name == name {
				set |= e.kind.Set()
				found = true
			}
		}
		if !found {
			p.ReportRead(jsonx.CodeInvalidValue, "must be one of "+eventNames()+", not "+quote(name))
			set |= engine.MessageTerminal.Set()
		}
	}
	if set == 0 {
		p.ReportRead(jsonx.CodeInvalidValue, "must name at least one of "+eventNames())
	}
	return set
}

// readSecretGrace reads the body of a rotation.
func readSecretGrace(p *jsonx.Parser, grace *time.Duration) {
	if !p.Object() {
		return
	}
	for p.Next() {
		if string(p.Name()) != "grace_ms" {
			p.Unknown([]string{"grace_ms"})
			continue
		}
		if d, ok := readMillis(p, 0, int64(maxGrace/time.Millisecond)); ok {
			*grace = d
		}
	}
}

func appendSecrets(b []byte, secrets []engine.SecretView) []byte {
	b = append(b, `{"secrets":[`...)
	for i, s := range secrets {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"secret":`...)
		b = jsonx.AppendString(b, s.Secret.Reveal())
		b = appendTime(b, `,"created_at":`, s.CreatedAt)
		b = appendTime(b, `,"expires_at":`, s.ExpiresAt)
		b = append(b, '}')
	}
	return append(b, ']', '}')
}

func (a *API) appendDelivery(b []byte, v *engine.DeliveryView, whole bool) []byte {
	kind := "endpoint"
	switch {
	case v.Type == engine.MessageTest:
		kind = "test"
	case v.Endpoint == 0:
		kind = "callback"
	}
	b = appendID(b, `{"id":`, execution.PrefixEvent, v.ID)
	b = appendText(b, `,"kind":`, kind)
	if !v.EndpointID.IsZero() {
		b = appendID(b, `,"endpoint_id":`, execution.PrefixEndpoint, v.EndpointID)
	}
	if !v.Execution.IsZero() {
		b = appendID(b, `,"execution_id":`, execution.PrefixExecution, v.Execution)
		b = appendInt(b, `,"revision":`, v.Revision)
	}
	b = appendText(b, `,"type":`, messageType(&v.Delivery))
	b = appendText(b, `,"url":`, v.URL)
	b = appendText(b, `,"state":`, v.State.String())
	b = appendInt(b, `,"attempts":`, int64(v.Attempts))
	b = appendTime(b, `,"created_at":`, v.At)
	b = appendTime(b, `,"next_attempt_at":`, v.DueAt)
	if v.State == engine.DeliveryDelivered {
		b = appendTime(b, `,"delivered_at":`, v.EndedAt)
	}
	b = appendText(b, `,"last_error":`, v.Error)
	if !whole {
		return append(b, '}')
	}
	b = append(b, `,"attempt_log":[`...)
	for i := range v.Log {
		if i > 0 {
			b = append(b, ',')
		}
		t := &v.Log[i]
		b = append(b, `{"at":"`...)
		b = appendInstant(b, t.At)
		b = appendInt(b, `","duration_ms":`, t.Took.Milliseconds())
		if t.Status != 0 {
			b = appendInt(b, `,"status":`, int64(t.Status))
		}
		b = appendText(b, `,"error":`, t.Error)
		b = appendText(b, `,"response_excerpt":`, string(t.Excerpt))
		b = append(b, '}')
	}
	b = append(b, ']')
	if v.Message != nil {
		b = appendText(b, `,"body":`, string(a.Message(v.Message)))
	}
	return append(b, '}')
}

// readStates reads the states of deliveries to list.
func parseDeliveryStates(text string) ([]engine.DeliveryState, bool) {
	var states []engine.DeliveryState
	for name := range strings.SplitSeq(text, ",") {
		i := slices.Index(deliveryStates, name)
		if i < 0 {
			return nil, false
		}
		if s := engine.DeliveryState(i); !slices.Contains(states, s) {
			states = append(states, s)
		}
	}
	return states, true
}
