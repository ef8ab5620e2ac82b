package telemetry

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"

	"go.opentelemetry.io/otel/trace"
)

// NewLogger writes a log: JSON lines for machines, or short lines for people. Records that belong to a trace carry its
// id.
func NewLogger(w io.Writer, level slog.Level, forPeople bool) *slog.Logger {
	var h slog.Handler
	if forPeople {
		h = newTextHandler(w, level)
	} else {
		h = slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})
	}
	return slog.New(traced{h})
}

// traced adds the ids of the context's span to each record.
type traced struct{ slog.Handler }

func (t traced) Handle(ctx context.Context, r slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return t.Handler.Handle(ctx, r)
}

func (t traced) WithAttrs(attrs []slog.Attr) slog.Handler { return traced{t.Handler.WithAttrs(attrs)} }

func (t traced) WithGroup(name string) slog.Handler { return traced{t.Handler.WithGroup(name)} }

// textHandler writes "15:04:05 INFO  message key=value".
type textHandler struct {
	shared *textOutput
	attrs  slog.Handler // writes the attributes into the shared buffer
}

type textOutput struct {
	mu  sync.Mutex
	w   io.Writer
	buf bytes.Buffer
}

func newTextHandler(w io.Writer, level slog.Level) *textHandler {
	o := &textOutput{w: w}
	return &textHandler{shared: o, attrs: slog.NewTextHandler(&o.buf, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
				return slog.Attr{}
			}
			return a
		},
	})}
}

func (h *textHandler) Enabled(ctx context.Context, l slog.Level) bool { return h.attrs.Enabled(ctx, l) }

func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &textHandler{h.shared, h.attrs.WithAttrs(attrs)}
}

func (h *textHandler) WithGroup(name string) slog.Handler {
	return &textHandler{h.shared, h.attrs.WithGroup(name)}
}

func (h *textHandler) Handle(ctx context.Context, r slog.Record) error {
	o := h.shared
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf.Reset()
	if !r.Time.IsZero() {
		o.buf.WriteString(r.Time.Format("15:04:05 "))
	}
	level := r.Level.String()
	o.buf.WriteString(level)
	for range max(6-len(level), 1) {
		o.buf.WriteByte(' ')
	}
	// A message is a constant of ours, but a text from outside must not begin a line of its own.
	o.buf.Write(bytes.ReplaceAll([]byte(r.Message), []byte("\n"), []byte("⏎")))
	o.buf.WriteByte(' ')
	if err := h.attrs.Handle(ctx, r); err != nil {
		return err
	}
	line := append(bytes.TrimRight(o.buf.Bytes(), " \n"), '\n')
	_, err := o.w.Write(line)
	return err
}
