package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sojournhq/sojourn/torture/proxy"
)

// comparedAt is how many executions are stored where several servers and several cells are compared with one.
const comparedAt = 100_000

// measureCurve shows what an execution costs, start to completion, with more and more stored, with more servers and with
// two cells. What takes long comes last.
func measureCurve(ctx context.Context, b *bench) error {
	sizes := []int{1_000}
	for _, size := range []int{comparedAt, 1_000_000, 5_000_000} {
		if size <= b.rows {
			sizes = append(sizes, size)
		}
	}
	compared := sizes[min(1, len(sizes)-1)]
	var rows []map[string]any
	for _, size := range sizes {
		began := time.Now()
		if err := b.stock(ctx, "curve", size); err != nil {
			return fmt.Errorf("store %d executions: %w", size, err)
		}
		fmt.Fprintf(b.progress, "  %d executions stored, %.1f s\n", size, time.Since(began).Seconds())
		counts := []int{1}
		if size == compared {
			counts = []int{1, 2, 3}
		}
		for _, nodes := range counts {
			measure := b.costOfCopy
			if size > compared && size == sizes[len(sizes)-1] {
				measure = b.costOf // nothing comes behind it, and the copy would be large
			}
			row, err := measure(ctx, "curve", size, nodes)
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
		if size == compared {
			row, err := b.costOfCells(ctx, size, 2)
			if err != nil {
				return fmt.Errorf("two cells: %w", err)
			}
			rows = append(rows, row)
		}
	}
	b.figures["curve"] = rows
	return b.drop(ctx, "curve")
}

// stock brings a database to the given number of executions that have ended. Servers make up to comparedAt of them, with
// idempotency keys, and the rest are copies of those.
func (b *bench) stock(ctx context.Context, name string, size int) error {
	address, err := b.address(ctx, name)
	if err != nil {
		return err
	}
	if err := b.makeUpTo(ctx, address, min(size, comparedAt)); err != nil {
		return err
	}
	if err := multiply(ctx, address, size); err != nil {
		return err
	}
	return tidy(ctx, address)
}

// makeUpTo has a server and a worker make executions until so many are stored, and packs their rows. Otherwise every new
// row would find a place in a page that was not written since the last checkpoint, and each of these pages would be
// written to the log in full: a load of seconds has a share of that as no hour has.
func (b *bench) makeUpTo(ctx context.Context, address string, size int) error {
	s, err := b.clusterOn(ctx, address, 1)
	if err != nil {
		return err
	}
	defer s.kill()
	there, err := b.stored(ctx, s)
	if err != nil || there >= size {
		return err
	}
	w, err := b.worker(s)
	if err != nil {
		return err
	}
	defer w.kill()
	if err := b.fill(ctx, s, size-there, true); err != nil {
		return err
	}
	if err := errors.Join(w.stop(), s.stop()); err != nil {
		return err
	}
	return executeOnEach(ctx, address, "VACUUM (FULL, ANALYZE)")
}

// stored is how many executions there are.
func (b *bench) stored(ctx context.Context, s *process) (int, error) {
	var counts struct {
		Total int `json:"total"`
	}
	err := b.call(ctx, s, "GET", "/v1/executions/counts", nil, &counts)
	return counts.Total, err
}

// tidy leaves databases as they are when nothing has been written for long, so that what they have yet to do about their
// past is not counted as cost of what comes.
func tidy(ctx context.Context, address string) error {
	return executeOnEach(ctx, address, "VACUUM (ANALYZE)", "CHECKPOINT")
}

// executeOnEach runs statements one by one on each database of an address.
func executeOnEach(ctx context.Context, address string, statements ...string) error {
	for x := range strings.FieldsSeq(address) {
		conn, err := pgx.Connect(ctx, x)
		if err != nil {
			return err
		}
		for _, q := range statements {
			if _, err = conn.Exec(ctx, q); err != nil {
				err = fmt.Errorf("%s: %w", q, err)
				break
			}
		}
		if err := errors.Join(err, conn.Close(context.WithoutCancel(ctx))); err != nil {
			return err
		}
	}
	return nil
}

// costOfCopy measures a point of the curve on a copy of a database, which stays as it is for the next one.
func (b *bench) costOfCopy(ctx context.Context, name string, size, nodes int) (map[string]any, error) {
	to := fmt.Sprintf("%s-%d-%d", name, size, nodes)
	// Copied as files the copy is not in the log, and has no part in checkpoints to come.
	err := b.postgres.Exec(ctx, "postgres", fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s STRATEGY file_copy",
		pgx.Identifier{to}.Sanitize(), pgx.Identifier{name}.Sanitize()))
	if err != nil {
		return nil, err
	}
	b.databases[to] = b.postgres.DSN(to)
	row, err := b.costOf(ctx, to, size, nodes)
	if err != nil {
		return nil, err
	}
	return row, b.drop(ctx, to)
}

// costOf measures a point of the curve on a database itself.
func (b *bench) costOf(ctx context.Context, name string, size, nodes int) (map[string]any, error) {
	return b.cost(ctx, b.databases[name], size, nodes)
}

// drop removes a database and what its servers left connected.
func (b *bench) drop(ctx context.Context, name string) error {
	delete(b.databases, name)
	return b.postgres.Exec(ctx, "postgres", "DROP DATABASE "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
}

// costOfCells measures the point of the curve of one server with several databases, each with its share of the shards.
func (b *bench) costOfCells(ctx context.Context, size, cells int) (map[string]any, error) {
	names, addresses := make([]string, cells), make([]string, cells)
	for i := range cells {
		var err error
		names[i] = fmt.Sprintf("curve-cell-%d", i)
		if addresses[i], err = b.address(ctx, names[i]); err != nil {
			return nil, err
		}
	}
	address := strings.Join(addresses, " ")
	cmd := exec.CommandContext(ctx, b.programs["sojourn"], "cells", "balance", "--database-url", address)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("sojourn cells balance: %w\n%s", err, out)
	}
	if err := b.makeUpTo(ctx, address, size); err != nil {
		return nil, err
	}
	if err := tidy(ctx, address); err != nil {
		return nil, err
	}
	row, err := b.cost(ctx, address, size, 1)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := b.drop(ctx, name); err != nil {
			return nil, err
		}
	}
	return row, nil
}

// cost measures one point of the curve on an address with size executions.
func (b *bench) cost(ctx context.Context, address string, size, nodes int) (map[string]any, error) {
	s, err := b.clusterOn(ctx, address, nodes)
	if err != nil {
		return nil, err
	}
	defer s.kill()
	stored, err := b.stored(ctx, s)
	if err != nil {
		return nil, err
	}
	if stored != size {
		return nil, fmt.Errorf("%d executions are stored, not %d", stored, size)
	}
	w, err := b.worker(s)
	if err != nil {
		return nil, err
	}
	defer w.kill()
	before, err := b.room(ctx, address)
	if err != nil {
		return nil, err
	}
	r, err := b.load(ctx, s, "noop", "?wait=60", "completed", b.clients, b.second, w)
	if err != nil {
		return nil, err
	}
	if s.usage == nil {
		return nil, errors.New("what PostgreSQL used is not known")
	}
	room, err := b.room(ctx, address)
	if err != nil {
		return nil, err
	}
	after, err := b.stored(ctx, s)
	if err != nil {
		return nil, err
	}
	point := &bench{figures: map[string]any{}}
	point.cpu("x", r, s, w)
	row := map[string]any{
		"stored": stored, "stored_after": after, "nodes": nodes, "cells": len(strings.Fields(address)),
		"completed_per_s": round(r.PerSecond), "p99_ms": ms(r.Latency.P99), "disk_bytes": round(float64(room-before) / float64(max(after-stored, 1))),
	}
	for name, x := range point.figures {
		row[strings.TrimPrefix(name, "x_")] = x
	}
	w.kill()
	s.kill()
	row["round_trips"], err = b.roundTrips(ctx, address, nodes)
	fmt.Fprintf(b.progress, "  %v\n", row)
	return row, err
}

// roundTrips counts what an execution has the servers ask of the database, on the way there: once more, because the
// counting takes time too.
func (b *bench) roundTrips(ctx context.Context, address string, nodes int) (float64, error) {
	between, err := proxy.Listen(ctx, b.postgres.Addr)
	if err != nil {
		return 0, err
	}
	defer func() { _ = between.Close() }()
	s, err := b.clusterThrough(ctx, between, address, nodes)
	if err != nil {
		return 0, err
	}
	defer s.kill()
	w, err := b.worker(s)
	if err != nil {
		return 0, err
	}
	defer w.kill()
	var marks []int64
	r, err := b.loadMarked(ctx, s, "noop", "?wait=60", "completed", b.clients, b.second/2, func() { marks = append(marks, between.Asked()) }, w)
	if err != nil {
		return 0, err
	}
	return round3(float64(marks[1]-marks[0]) / float64(max(r.Requests, 1))), nil
}
