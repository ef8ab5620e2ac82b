package store

import (
	"context"
	"errors"
)

// Source is a store whose whole content can be read, to be taken into a store of another kind.
type Source interface {
	// Export reads everything in one snapshot and hands it on in portions of bounded size, each valid until into returns:
	// what an execution refers to before it, and what belongs to it in its portion. An error of into ends it.
	Export(ctx context.Context, into func(*Portion) error) error
}

// Portion is a part of a store's content. Everything in its Changes is new: executions are in Insert with all their
// events, their counts in Counts.
type Portion struct {
	Changes
	// Reserved are idempotency keys that are taken.
	Reserved []Reservation
	// Drawn is the highest integer key that was ever drawn, in the last portion; 0 before.
	Drawn int64
}

// Target is a Store that can be filled with the content of another one, by ordinary commits between Fill and Filled. A
// server refuses to run on it meanwhile.
type Target interface {
	Store
	// Fill begins. ErrNotEmpty: there is something in the store that no fill put there. What a fill that never ended put
	// there is removed.
	Fill(ctx context.Context) error
	// Filled ends it; integer keys up to drawn are not drawn again.
	Filled(ctx context.Context, drawn int64) error
}

// ErrNotEmpty is a store that was to be filled and has content of its own.
var ErrNotEmpty = errors.New("the store is not empty")
