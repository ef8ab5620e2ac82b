package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

func appendWorkflow(b []byte, w *engine.WorkflowView) []byte {
	b = appendID(b, `{"id":`, execution.PrefixWorkflow, w.ID)
	b = append(b, `,"name":`...)
	b = jsonx.AppendString(b, w.Name)
	b = appendText(b, `,"description":`, w.Description)
	if w.Version > 0 {
		b = appendInt(b, `,"version":`, int64(w.Version))
	}
	b = appendText(b, `,"version_label":`, w.VersionLabel)
	b = appendRaw(b, `,"input_schema":`, notEmpty(w.InputSchema))
	if w.Retention != 0 {
		b = appendInt(b, `,"retention_ms":`, w.Retention.Milliseconds())
	}
	if w.Timeout != 0 {
		b = appendInt(b, `,"timeout_ms":`, w.Timeout.Milliseconds())
	}
	b = append(b, `,"api_trigger":`...)
	b = strconv.AppendBool(b, w.APITrigger)
	b = appendTime(b, `,"created_at":`, w.CreatedAt)
	b = appendTime(b, `,"updated_at":`, w.UpdatedAt)
	b = appendInt(b, `,"workers":`, int64(w.Workers))
	return append(b, '}')
}

func appendVersion(b []byte, v *engine.VersionView) []byte {
	b = appendID(b, `{"id":`, execution.PrefixVersion, v.ID)
	b = appendID(b, `,"workflow_id":`, execution.PrefixWorkflow, v.WorkflowID)
	b = appendInt(b, `,"version":`, int64(v.Number))
	b = appendText(b, `,"label":`, v.Label)
	b = appendText(b, `,"description":`, v.Description)
	b = appendRaw(b, `,"input_schema":`, notEmpty(v.InputSchema))
	b = appendTime(b, `,"created_at":`, v.CreatedAt)
	b = append(b, `,"is_current":`...)
	b = strconv.AppendBool(b, v.Current)
	return append(b, '}')
}

var workflowFields = []string{"name", "description", "input_schema", "version", "retention_ms", "timeout_ms", "api_trigger"}

// readWorkflow reads a workflow to create or to serve.
func readWorkflow(p *jsonx.Parser, w *engine.WorkflowSpec, parent string) {
	if !p.Object() {
		return
	}
	named := false
	for p.Next() {
		switch string(p.Name()) {
		case "name":
			named = true
			w.Name = readSlug(p)
		case "description":
			w.Description, _ = p.String(maxDescription)
		case "input_schema":
			w.InputSchema, _ = p.RawObject()
		case "version":
			w.Version = readVersion(p)
		case "retention_ms":
			w.Retention = readSetting(p)
		case "timeout_ms":
			w.Timeout = readSetting(p)
		case "api_trigger":
			w.APITrigger = readSwitch(p)
		default:
			p.Unknown(workflowFields)
		}
	}
	if !named {
		p.ReportMember(parent, "name", jsonx.CodeRequired, "is required")
	}
}

// readSlug reads the name of a workflow.
func readSlug(p *jsonx.Parser) string {
	s, ok := p.String(1000)
	if !ok {
		return ""
	}
	if s == "executions" {
		p.ReportRead(jsonx.CodeInvalidValue, `must not be "executions", which is reserved; choose another`)
		return ""
	}
	good := s != "" && len(s) <= maxName
	for i := range len(s) {
		c := s[i]
		alphanumeric := c-'a' < 26 || c-'0' < 10
		good = good && (alphanumeric || i > 0 && (c == '.' || c == '_' || c == '-'))
	}
	if !good {
		p.ReportRead(jsonx.CodeInvalidValue, "must be 1 to 100 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit, not "+quote(s))
		return ""
	}
	return s
}

// readSetting reads a duration of which 0 means the server's default.
func readSetting(p *jsonx.Parser) *time.Duration {
	d, ok := readMillis(p, 0, maxDurationMS)
	if !ok {
		return nil
	}
	return &d
}

// readSwitch reads a setting that is on or off.
func readSwitch(p *jsonx.Parser) *bool {
	on, ok := p.Bool()
	if !ok {
		return nil
	}
	return &on
}

func (a *API) listWorkflows(x *exchange) error {
	if err := x.query("search", "name", "limit", "cursor"); err != nil {
		return err
	}
	q, err := x.queryWorkflows()
	if err != nil {
		return err
	}
	page, more, next, err := a.engine.Workflows(x.ctx, x.caller, q)
	if err != nil {
		return err
	}
	b := append(x.out, `{"data":[`...)
	for i := range page {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendWorkflow(b, &page[i])
	}
	x.out = append(appendPage(b, more, cursorWorkflows, []byte(next)), '}')
	return x.json(http.StatusOK)
}

// queryWorkflows reads which workflows are meant.
func (x *exchange) queryWorkflows() (q engine.WorkflowQuery, err error) {
	if q.Search, err = x.queryText("search", maxName); err != nil {
		return q, err
	}
	if q.Name, err = x.queryText("name", maxName); err != nil {
		return q, err
	}
	limit, err := x.queryInt("limit", 1, maxPage, defaultPage)
	if err != nil {
		return q, err
	}
	after, err := x.queryCursor(cursorWorkflows)
	q.Limit, q.After = int(limit), string(after)
	return q, err
}

func (a *API) createWorkflow(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	var spec engine.WorkflowSpec
	if err := x.decode(func(p *jsonx.Parser) { readWorkflow(p, &spec, "") }); err != nil {
		return err
	}
	w, err := a.engine.CreateWorkflow(x.ctx, x.caller, spec)
	if err != nil {
		return err
	}
	x.w.Header()["Location"] = []string{"/v1/workflows/" + w.ID.Text(execution.PrefixWorkflow)}
	x.out = appendWorkflow(x.out, w)
	return x.json(http.StatusCreated)
}

func (a *API) getWorkflow(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	w, err := a.engine.Workflow(x.ctx, x.caller, x.params[0])
	if err != nil {
		return err
	}
	x.out = appendWorkflow(x.out, w)
	return x.json(http.StatusOK)
}

func (a *API) updateWorkflow(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	var u engine.WorkflowUpdate
	err := x.decode(func(p *jsonx.Parser) {
		for ok := p.Object(); ok && p.Next(); {
			switch string(p.Name()) {
			case "retention_ms":
				u.Retention = readSetting(p)
			case "timeout_ms":
				u.Timeout = readSetting(p)
			case "api_trigger":
				u.APITrigger = readSwitch(p)
			default:
				p.Unknown([]string{"retention_ms", "timeout_ms", "api_trigger"})
			}
		}
	})
	if err != nil {
		return err
	}
	w, err := a.engine.UpdateWorkflow(x.ctx, x.caller, x.params[0], u)
	if err != nil {
		return err
	}
	x.out = appendWorkflow(x.out, w)
	return x.json(http.StatusOK)
}

func (a *API) deleteWorkflow(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	if err := a.engine.DeleteWorkflow(x.ctx, x.caller, x.params[0]); err != nil {
		return err
	}
	return x.empty(http.StatusNoContent)
}

func (a *API) listVersions(x *exchange) error {
	if err := x.query("limit", "cursor"); err != nil {
		return err
	}
	limit, err := x.queryInt("limit", 1, maxPage, defaultPage)
	if err != nil {
		return err
	}
	place, err := x.queryCursor(cursorVersions)
	if err != nil {
		return err
	}
	below := int64(1 << 32)
	if place != nil {
		if below, err = strconv.ParseInt(string(place), 10, 32); err != nil {
			return badCursor()
		}
	}
	versions, err := a.engine.Versions(x.ctx, x.caller, x.params[0])
	if err != nil {
		return err
	}
	b := append(x.out, `{"data":[`...)
	n, more, last := int64(0), false, int32(0)
	for i := range versions {
		v := &versions[i]
		if int64(v.Number) >= below {
			continue
		}
		if n == limit {
			more = true
			break
		}
		if n > 0 {
			b = append(b, ',')
		}
		b = appendVersion(b, v)
		n, last = n+1, v.Number
	}
	x.out = append(appendPage(b, more, cursorVersions, strconv.AppendInt(nil, int64(last), 10)), '}')
	return x.json(http.StatusOK)
}

func (a *API) createVersion(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	spec := engine.VersionSpec{Current: true}
	err := x.decode(func(p *jsonx.Parser) {
		for ok := p.Object(); ok && p.Next(); {
			switch string(p.Name()) {
			case "version":
				spec.Label = readVersion(p)
			case "description":
				spec.Description, _ = p.String(maxDescription)
			case "input_schema":
				spec.InputSchema, _ = p.RawObject()
			case "current":
				spec.Current, _ = p.Bool()
			default:
				p.Unknown([]string{"version", "description", "input_schema", "current"})
			}
		}
	})
	if err != nil {
		return err
	}
	v, err := a.engine.CreateVersion(x.ctx, x.caller, x.params[0], spec)
	if err != nil {
		return err
	}
	x.out = appendVersion(x.out, v)
	return x.json(http.StatusCreated)
}

func (a *API) setCurrentVersion(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	version, given := "", false
	err := x.decode(func(p *jsonx.Parser) {
		if !p.Object() {
			return
		}
		for p.Next() {
			if string(p.Name()) != "version" {
				p.Unknown([]string{"version"})
				continue
			}
			given = true
			version = readVersion(p)
		}
		if !given {
			p.ReportMember("", "version", jsonx.CodeRequired, "is required: the label or number of a version")
		}
	})
	if err != nil {
		return err
	}
	v, err := a.engine.SetCurrent(x.ctx, x.caller, x.params[0], version)
	if err != nil {
		return err
	}
	x.out = appendVersion(x.out, v)
	return x.json(http.StatusOK)
}
