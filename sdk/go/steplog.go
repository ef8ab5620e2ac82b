package sojourn

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

const (
	// maxUnsentLines bounds the memory that lines take while the server is away; more are dropped and counted.
	maxUnsentLines = 1000
	maxLine        = 8 << 10
	maxLineFields  = 16 << 10
)

// lineBudget counts the lines that were dropped. It is guarded by the attempt's mu.
type lineBudget struct{ dropped int }

// Log keeps a line with the execution, at level info; args are key-value pairs as for slog. Use Logger in steps, and
// for other levels. It does not block.
func (c *Context) Log(message string, args ...any) {
	Logger(c).Info(message, args...) //nolint:sloglint // the caller's constant
}

// Logger returns a logger whose lines are kept with the execution, under the step that ctx belongs to and its try. ctx
// is that of a handler or step, or derived from one; otherwise the logger discards. Lines are sent in batches and never
// block; while the server is away at most 1,000 wait.
func Logger(ctx context.Context) *slog.Logger {
	c := handlerContext(ctx)
	if c == nil {
		return slog.New(slog.DiscardHandler)
	}
	h := &lineHandler{a: c.a}
	if s := currentStep(ctx); s != nil {
		h.step = s.step
	}
	return slog.New(h)
}

// lineHandler sends slog records as log operations.
type lineHandler struct {
	a      *attempt
	step   string
	attrs  []slog.Attr // with the names of their groups in front
	prefix string
}

// Enabled is true from debug up.
func (h *lineHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelDebug
}

// WithAttrs returns a handler that adds attrs to each line.
func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	n := *h
	n.attrs = append([]slog.Attr(nil), h.attrs...)
	for _, attr := range attrs {
		attr.Key = h.prefix + attr.Key
		n.attrs = append(n.attrs, attr)
	}
	return &n
}

// WithGroup returns a handler that puts the group's name before keys.
func (h *lineHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	n := *h
	n.prefix += name + "."
	return &n
}

// Handle queues a line.
func (h *lineHandler) Handle(_ context.Context, record slog.Record) error {
	fields := h.fields(record)
	at := record.Time
	if at.IsZero() {
		at = time.Now()
	}
	a := h.a
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state != attemptActive || a.returned {
		return nil
	}
	if a.unsentLines.Load() >= maxUnsentLines {
		a.lines.dropped++
		return nil
	}
	if n := a.lines.dropped; n > 0 {
		a.lines.dropped = 0
		a.line(h.step, slog.LevelWarn, strconv.Itoa(n)+" lines were dropped here: the server could not be reached", nil, at)
	}
	a.line(h.step, record.Level, record.Message, fields, at)
	return nil
}

// line queues one log operation. mu is locked.
func (a *attempt) line(step string, level slog.Level, message string, fields []byte, at time.Time) {
	a.unsentLines.Add(1)
	b := a.reporter.begin(a, "log")
	if step != "" {
		b.buf = append(b.buf, `,"step":`...)
		b.buf = appendText(b.buf, step)
	}
	b.buf = append(b.buf, `,"level":"`...)
	b.buf = append(b.buf, levelName(level)...)
	b.buf = append(b.buf, `","message":`...)
	b.buf = appendText(b.buf, clip(message, maxLine))
	if len(fields) > 0 {
		b.buf = append(b.buf, `,"fields":`...)
		b.buf = append(b.buf, fields...)
	}
	b.buf = append(b.buf, `,"at":"`...)
	b.buf = a.s.serverTime(at).UTC().AppendFormat(b.buf, "2006-01-02T15:04:05.000Z")
	b.buf = append(b.buf, '"')
	a.reporter.end(b, opLog, nil)
}

func levelName(level slog.Level) string {
	switch {
	case level < slog.LevelInfo:
		return "debug"
	case level < slog.LevelWarn:
		return "info"
	case level < slog.LevelError:
		return "warn"
	default:
		return "error"
	}
}

// fields encodes the attributes of a line as an object; groups become dotted keys.
func (h *lineHandler) fields(record slog.Record) []byte {
	if len(h.attrs) == 0 && record.NumAttrs() == 0 {
		return nil
	}
	members := map[string]any{}
	for _, attr := range h.attrs {
		addField(members, "", attr)
	}
	record.Attrs(func(attr slog.Attr) bool {
		addField(members, h.prefix, attr)
		return true
	})
	b, err := encode(members)
	if err != nil {
		// One value that does not encode must not lose the others.
		for name, value := range members {
			if _, err := encode(value); err != nil {
				members[name] = "!" + strings.ToValidUTF8(err.Error(), "")
			}
		}
		b, _ = encode(members)
	}
	if len(b) > maxLineFields {
		b, _ = encode(map[string]string{"fields_error": "the fields took " + strconv.Itoa(len(b)) + " bytes of at most " + strconv.Itoa(maxLineFields)})
	}
	return b
}

func addField(members map[string]any, prefix string, attr slog.Attr) {
	value := attr.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if attr.Key != "" {
			prefix += attr.Key + "."
		}
		for _, inner := range value.Group() {
			addField(members, prefix, inner)
		}
		return
	}
	if attr.Key == "" {
		return
	}
	switch value.Kind() {
	case slog.KindDuration:
		members[prefix+attr.Key] = value.Duration().String()
	case slog.KindAny:
		if err, ok := value.Any().(error); ok {
			members[prefix+attr.Key] = err.Error()
			return
		}
		members[prefix+attr.Key] = value.Any()
	default:
		members[prefix+attr.Key] = value.Any()
	}
}
