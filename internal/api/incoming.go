package api

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
)

// leastPace is how many bytes a second a client must send on average when it uploads.
const leastPace = 32 * kib

// incoming is the body of an upload. It may take as long as it keeps coming: there is a deadline for each part of it and
// for its average pace, none for the whole.
type incoming struct {
	x    *exchange
	read int64
	err  error // why it ended early, which a reader of forms may hide
}

func (in *incoming) Read(p []byte) (int, error) {
	x := in.x
	timeout := x.api.cfg.BodyTimeout
	now := x.api.cfg.Now()
	deadline := now.Add(timeout)
	if pace := x.start.Add(timeout + time.Duration(in.read/leastPace)*time.Second); pace.Before(deadline) {
		deadline = pace
	}
	_ = x.control.SetReadDeadline(deadline)
	n, err := x.r.Body.Read(p)
	in.read += int64(n)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	in.err = x.cutOff(err)
	return n, in.err
}

// deadline is until when a client may take to send or receive the next part of a body.
func (x *exchange) deadline() time.Time { return x.api.cfg.Now().Add(x.api.cfg.BodyTimeout) }

// cutOff is the refusal of a body that did not arrive whole.
func (x *exchange) cutOff(err error) error {
	if x.ctx.Err() != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return x.ctx.Err()
	}
	x.w.Header()["Connection"] = headerClose
	return &engine.Error{Code: engine.CodeInvalid, Message: "the body ended early or came too slowly; send it again", Err: err}
}

// uploaded ends an upload: the answer has its time anew, and a deadline for reading must not pass during a hold. After
// an upload that failed the deadline stays, for what the server reads of the rest before it closes the connection.
func (x *exchange) uploaded(failed bool) {
	if !failed {
		_ = x.control.SetReadDeadline(time.Time{})
	}
	_ = x.control.SetWriteDeadline(x.api.cfg.Now().Add(x.api.cfg.BodyTimeout + x.route.hold))
}
