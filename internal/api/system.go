package api

import (
	"net/http"
	"runtime"
	"strconv"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// system tells how the servers and their data are.
func (a *API) system(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	s, err := a.engine.System(x.ctx, x.caller)
	if err != nil {
		return err
	}
	b := append(x.out, `{"version":`...)
	b = jsonx.AppendString(b, a.cfg.Version)
	b = append(b, `,"go_version":`...)
	b = jsonx.AppendString(b, runtime.Version())
	b = appendTime(b, `,"started_at":`, s.StartedAt)
	b = appendInt(b, `,"uptime_ms":`, max(0, s.Now.Sub(s.StartedAt).Milliseconds()))
	b = append(b, `,"servers":[`...)
	for i := range s.Servers {
		if i > 0 {
			b = append(b, ',')
		}
		n := &s.Servers[i]
		b = append(b, `{"name":`...)
		b = jsonx.AppendString(b, n.Name)
		b = appendText(b, `,"version":`, n.Version)
		b = appendTime(b, `,"started_at":`, n.StartedAt)
		b = appendTime(b, `,"last_seen_at":`, n.SeenAt)
		b = append(b, `,"self":`...)
		b = append(strconv.AppendBool(b, n.Self), '}')
	}
	b = append(b, `],"stores":[`...)
	for i := range s.Stores {
		if i > 0 {
			b = append(b, ',')
		}
		n := &s.Stores[i]
		b = append(b, `{"kind":`...)
		b = jsonx.AppendString(b, n.Kind)
		b = appendText(b, `,"name":`, n.Cell)
		b = appendInt(b, `,"schema_version":`, int64(n.Schema))
		if n.Bytes >= 0 {
			b = appendInt(b, `,"bytes":`, n.Bytes)
		}
		b = append(appendInt(b, `,"shards":`, int64(n.Shards)), '}')
	}
	b = appendInt(b, `],"commits":{"over_ms":`, s.Pace.Over.Milliseconds())
	b = appendNumber(b, `,"per_second":`, float64(s.Pace.Commits)/s.Pace.Over.Seconds())
	b = appendNumber(b, `,"commands_per_second":`, float64(s.Pace.Commands)/s.Pace.Over.Seconds())
	if s.Pace.Commits > 0 {
		b = appendMillis(b, `,"p50_ms":`, s.Pace.P50)
		b = appendMillis(b, `,"p99_ms":`, s.Pace.P99)
	}
	b = append(b, `},"queues":[`...)
	for i := range s.Queues {
		if i > 0 {
			b = append(b, ',')
		}
		q := &s.Queues[i]
		b = appendID(b, `{"project":{"id":`, execution.PrefixProject, q.ID)
		b = append(b, `,"name":`...)
		b = append(jsonx.AppendString(b, q.Name), '}')
		b = appendInt(b, `,"pending":`, q.Pending)
		b = append(appendTime(b, `,"oldest_pending_at":`, q.Waiting), '}')
	}
	x.out = append(b, ']', '}')
	return x.json(http.StatusOK)
}
