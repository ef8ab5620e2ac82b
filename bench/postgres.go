package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sojournhq/sojourn/bench/rawhttp"
	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/torture/proxy"
)

// settings of PostgreSQL in the bench: memory as for a small machine, everything written through to the disk.
var settings = map[string]string{"shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "15min", "effective_cache_size": "4GB"}

// address is a database of the given name, made when it is first asked for.
func (b *bench) address(ctx context.Context, name string) (string, error) {
	if b.postgres == nil {
		s, err := pgtest.Run(ctx, pgtest.Options{Version: b.version, Durable: true, Settings: settings})
		if err != nil {
			return "", err
		}
		b.postgres = s
		b.figures["postgres"] = s.Version
	}
	if b.databases[name] == "" {
		if err := b.postgres.Exec(ctx, "postgres", "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
			return "", err
		}
		b.databases[name] = b.postgres.DSN(name)
	}
	return b.databases[name], nil
}

// cluster starts the given number of servers on the database of a name.
func (b *bench) cluster(ctx context.Context, name string, nodes int, extra ...string) (*process, error) {
	address, err := b.address(ctx, name)
	if err != nil {
		return nil, err
	}
	return b.clusterOn(ctx, address, nodes, extra...)
}

// clusterOn starts servers on an address. The first has the others as its peers.
func (b *bench) clusterOn(ctx context.Context, address string, nodes int, extra ...string) (*process, error) {
	var first *process
	for range nodes {
		p, err := b.serve(ctx, append([]string{"--database-url", address}, extra...)...)
		if err != nil {
			if first != nil {
				first.kill()
			}
			return nil, err
		}
		if first == nil {
			first = p
			first.database = address
		} else {
			first.peers = append(first.peers, p)
		}
	}
	return first, nil
}

// clusterThrough starts servers on an address, with a proxy on the way to it.
func (b *bench) clusterThrough(ctx context.Context, between *proxy.Proxy, address string, nodes int) (*process, error) {
	s, err := b.clusterOn(ctx, strings.ReplaceAll(address, b.postgres.Addr, between.Addr()), nodes)
	if err == nil {
		s.database = address
	}
	return s, err
}

// usage is what PostgreSQL and the way to it cost.
type usage struct {
	cpu          time.Duration
	wal          int64
	transactions int64
}

// consumed reads the counters of PostgreSQL as they stand. That the servers are not asked keeps them quiet. Processor time
// and log are those of all its databases; transactions are added up over those of the address.
func (b *bench) consumed(ctx context.Context, s *process) (usage, error) {
	u := usage{}
	err := b.ask(ctx, s.database, `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint, sum(xact_commit + xact_rollback)::bigint
		FROM pg_stat_database WHERE datname = ANY($1)`, &u.wal, &u.transactions)
	if err != nil {
		return u, err
	}
	u.cpu, err = treeCPU(b.postgres.PID())
	return u, err
}

// room is what the databases of an address take on the disk, in bytes.
func (b *bench) room(ctx context.Context, address string) (bytes int64, err error) {
	err = b.ask(ctx, address, "SELECT sum(pg_database_size(datname))::bigint FROM pg_database WHERE datname = ANY($1)", &bytes)
	return bytes, err
}

// ask reads one row about the databases of an address, whose names are the query's parameter.
func (b *bench) ask(ctx context.Context, address, query string, into ...any) error {
	addresses := strings.Fields(address)
	names := make([]string, len(addresses))
	for i, x := range addresses {
		c, err := pgx.ParseConfig(x)
		if err != nil {
			return err
		}
		names[i] = c.Database
	}
	conn, err := pgx.Connect(ctx, addresses[0])
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return conn.QueryRow(ctx, query, names).Scan(into...)
}

// mark makes what a load calls around the time that counts: it notes in the process what PostgreSQL used meanwhile.
func (b *bench) mark(s *process) func() {
	if s.database == "" {
		return nil
	}
	var before *usage
	return func() {
		now, err := b.consumed(context.Background(), s)
		switch {
		case err != nil:
			fmt.Fprintln(b.progress, "what PostgreSQL used is not known:", err)
		case before == nil:
			before = &now
			s.usage = nil
		default:
			s.usage = &usage{now.cpu - before.cpu, now.wal - before.wal, now.transactions - before.transactions}
		}
	}
}

// treeCPU is the processor time of a process, of its children that live and of those that have ended.
func treeCPU(pid int) (time.Duration, error) {
	sum, err := rawhttp.CPUTime(pid)
	if err != nil {
		return 0, err
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The 14th and 15th field after the name are the time of children that have ended, in hundredths of a second.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	for _, f := range fields[13:15] {
		n, err := strconv.Atoi(f)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(n) * 10 * time.Millisecond
	}
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return 0, err
	}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // a thread that has ended
		}
		for child := range strings.FieldsSeq(string(text)) {
			n, err := strconv.Atoi(child)
			if err != nil {
				return 0, err
			}
			if t, err := rawhttp.CPUTime(n); err == nil { // one that has ended meanwhile is among those that have
				sum += t
			}
		}
	}
	return sum, nil
}
