package api

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// maxRate is the highest rate limit a key can have; a higher one limits nothing.
const maxRate = 1_000_000

func appendKey(b []byte, k *engine.KeyView, secret string) []byte {
	b = appendID(b, `{"id":`, execution.PrefixKey, k.ID)
	b = append(b, `,"name":`...)
	b = jsonx.AppendString(b, k.Name)
	b = appendText(b, `,"key":`, secret)
	b = append(b, `,"last4":`...)
	b = jsonx.AppendString(b, k.Last4)
	b = append(b, `,"project":`...)
	b = jsonx.AppendString(b, k.Project)
	b = appendStrings(b, `,"scopes":`, k.Scopes.Names())
	if k.Workflows != nil {
		b = appendStrings(b, `,"workflows":`, k.Workflows)
	}
	if k.RateLimit > 0 {
		b = append(b, `,"rate_limit":`...)
		b = jsonx.AppendFloat(b, k.RateLimit)
	}
	b = appendTime(b, `,"created_at":`, k.CreatedAt)
	b = appendTime(b, `,"expires_at":`, k.ExpiresAt)
	b = appendTime(b, `,"revoked_at":`, k.RevokedAt)
	b = appendTime(b, `,"last_used_at":`, k.LastUsedAt)
	return append(b, '}')
}

func readKey(p *jsonx.Parser, k *engine.KeySpec, now time.Time) {
	if !p.Object() {
		return
	}
	given := false
	for p.Next() {
		switch string(p.Name()) {
		case "name":
			k.Name, _ = p.String(maxName)
		case "scopes":
			given = true
			readScopes(p, k)
		case "workflows":
			k.Workflows = readStrings(p, maxServed, maxName)
		case "rate_limit":
			k.RateLimit = readRate(p)
		case "expires_at":
			if t, ok := readInstant(p); ok {
				if !t.After(now) {
					p.ReportRead(jsonx.CodeInvalidValue, "must lie in the future")
				}
				k.ExpiresAt = t
			}
		case "project":
			k.Project = readName(p, maxName)
		default:
			p.Unknown([]string{"name", "scopes", "workflows", "rate_limit", "expires_at", "project"})
		}
	}
	if !given {
		p.ReportMember("", "scopes", jsonx.CodeRequired, "is required: at least one of "+strings.Join(engine.ScopeNames(), ", "))
	}
	if k.Workflows != nil && k.Scopes != 0 && k.Scopes != engine.ScopeWorkersRun {
		p.ReportMember("", "workflows", jsonx.CodeInvalidValue, "can only bind a worker key, whose one scope is workers:run")
	}
}

func readScopes(p *jsonx.Parser, k *engine.KeySpec) {
	if !p.Array() {
		return
	}
	n := 0
	for ; p.Next(); n++ {
		name, ok := p.String(64)
		if !ok {
			continue
		}
		s, ok := engine.ParseScope(name)
		if !ok {
			message := "must be one of " + strings.Join(engine.ScopeNames(), ", ") + ", not " + quote(name)
			if near := jsonx.Nearest(name, engine.ScopeNames()); near != "" {
				message += `; did you mean "` + near + `"?`
			}
			p.ReportRead(jsonx.CodeInvalidValue, message)
		}
		k.Scopes |= s
	}
	if n == 0 {
		p.ReportRead(jsonx.CodeInvalidValue, "must name at least one of "+strings.Join(engine.ScopeNames(), ", "))
	}
}

// readRate reads requests per second: a number, or a text such as 10/s or 600/m.
func readRate(p *jsonx.Parser) float64 {
	if p.Peek() == jsonx.Number {
		f, ok := p.Float(0, maxRate)
		if ok && f < minRate {
			p.ReportRead(jsonx.CodeOutOfRange, "must be at least one request per hour; leave it out for no limit")
		}
		return f
	}
	s, ok := p.String(32)
	if !ok {
		return 0
	}
	f, ok := parseRate(s)
	if !ok {
		p.ReportRead(jsonx.CodeInvalidValue, "must be requests per second as a number, or a text such as 10/s, 600/m or 3600/h, not "+quote(s))
	}
	return f
}

const minRate = 1.0 / 3600

func parseRate(s string) (float64, bool) {
	count, unit, ok := strings.Cut(s, "/")
	f, err := strconv.ParseFloat(strings.TrimSpace(count), 64)
	if !ok || err != nil || math.IsNaN(f) {
		return 0, false
	}
	switch strings.TrimSpace(unit) {
	case "s":
	case "m":
		f /= 60
	case "h":
		f /= 3600
	default:
		return 0, false
	}
	return f, f >= minRate && f <= maxRate
}

func (a *API) createKey(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	var spec engine.KeySpec
	if err := x.decode(func(p *jsonx.Parser) { readKey(p, &spec, x.start) }); err != nil {
		return err
	}
	if spec.Project != "" && !x.caller.Scopes.Has(engine.ScopeAdmin) {
		return &engine.Error{Code: engine.CodeForbidden, Message: "only a key with the scope admin may name a project; leave project out for this key's own"}
	}
	k, secret, err := a.engine.CreateKey(x.ctx, x.caller, spec)
	if err != nil {
		return err
	}
	x.out = appendKey(x.out, k, secret)
	return x.json(http.StatusCreated)
}

func (a *API) listKeys(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	keys, err := a.engine.Keys(x.ctx, x.caller)
	if err != nil {
		return err
	}
	b := append(x.out, `{"data":[`...)
	for i := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendKey(b, &keys[i], "")
	}
	x.out = append(b, `],"has_more":false,"next_cursor":null}`...)
	return x.json(http.StatusOK)
}

func (a *API) revokeKey(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	id, ok := execution.ParseID(execution.PrefixKey, x.params[0])
	if !ok {
		return notFound("key")
	}
	if err := a.engine.RevokeKey(x.ctx, x.caller, id); err != nil {
		return err
	}
	return x.empty(http.StatusNoContent)
}

func appendProject(b []byte, p *engine.ProjectView) []byte {
	b = appendID(b, `{"id":`, execution.PrefixProject, p.ID)
	b = append(b, `,"name":`...)
	b = jsonx.AppendString(b, p.Name)
	b = appendTime(b, `,"created_at":`, p.CreatedAt)
	return append(b, '}')
}

func (a *API) createProject(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	name, given := "", false
	err := x.decode(func(p *jsonx.Parser) {
		if !p.Object() {
			return
		}
		for p.Next() {
			if string(p.Name()) != "name" {
				p.Unknown([]string{"name"})
				continue
			}
			given = true
			name = readSlug(p)
		}
		if !given {
			p.ReportMember("", "name", jsonx.CodeRequired, "is required")
		}
	})
	if err != nil {
		return err
	}
	project, err := a.engine.CreateProject(x.ctx, x.caller, name)
	if err != nil {
		return err
	}
	x.out = appendProject(x.out, project)
	return x.json(http.StatusCreated)
}

func (a *API) listProjects(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	projects, err := a.engine.Projects(x.ctx, x.caller)
	if err != nil {
		return err
	}
	b := append(x.out, `{"data":[`...)
	for i := range projects {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendProject(b, &projects[i])
	}
	x.out = append(b, `],"has_more":false,"next_cursor":null}`...)
	return x.json(http.StatusOK)
}
