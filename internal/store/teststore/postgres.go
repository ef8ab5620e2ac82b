package teststore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/postgres"
)

// template is the database that others are copies of: it has the schema and nothing else.
const template = "template_of_tests"

// running is the database server of this process.
var running struct {
	sync.Mutex // for commands of the server, which come one by one
	server     *pgtest.Server
	made       int
	dead       chan string   // databases that nobody needs any more
	buried     chan struct{} // closed when all of them are removed
	errs       []error
}

// start starts the server.
func start(k kind) error {
	ctx := context.Background()
	s, err := pgtest.Run(ctx, pgtest.Options{Version: k.version, Settings: map[string]string{"max_connections": "400"}})
	if err != nil {
		return err
	}
	if err = s.Exec(ctx, "postgres", "CREATE DATABASE "+template+" TEMPLATE template0"); err == nil {
		_, _, err = postgres.Migrate(ctx, postgres.Options{DSN: s.DSN(template)})
	}
	if err != nil {
		return errors.Join(err, s.Close())
	}
	running.server, running.dead, running.buried = s, make(chan string, 10_000), make(chan struct{})
	go func() {
		defer close(running.buried)
		for name := range running.dead {
			if err := command("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
				running.errs = append(running.errs, err)
			}
		}
	}()
	return nil
}

// stop ends the server, if there is one.
func stop() error {
	if running.server == nil {
		return nil
	}
	close(running.dead)
	<-running.buried
	err := errors.Join(append(running.errs, running.server.Close())...)
	running.server = nil
	return err
}

func command(sql string) error {
	running.Lock()
	defer running.Unlock()
	return running.server.Exec(context.Background(), "postgres", sql)
}

// Address is the address of an empty database of the test's own, with the schema; empty when the tests run on SQLite.
func Address(t testing.TB) string {
	t.Helper()
	if k, err := chosen(); err != nil {
		t.Fatal(err)
	} else if k.version == "" {
		return ""
	}
	running.Lock()
	server := running.server
	running.made++
	name := fmt.Sprintf("store_%d", running.made)
	running.Unlock()
	if server == nil {
		t.Fatal("no database server runs: TestMain must run the tests by teststore.Main")
	}
	if err := command("CREATE DATABASE " + name + " TEMPLATE " + template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { running.dead <- name })
	return server.DSN(name)
}

// openDatabase opens a store in a database of its own.
func openDatabase(t testing.TB, k kind, o options) (store.Store, error) {
	t.Helper()
	p := postgres.Options{DSN: Address(t), Clock: o.clock, NoNotify: k.distributed, NoSkipLocked: k.distributed}
	if k.distributed {
		p.Conflict = func() bool { return rand.IntN(50) == 0 }
	}
	if inBubble() {
		// Rows have the bubble's time, and nobody waits for the network in vain: the bubble's time would stand still.
		p.NoNotify = true
		if p.Clock == nil {
			p.Clock = time.Now
		}
	}
	return postgres.Open(t.Context(), p)
}

// inBubble reports whether the goroutine is in a bubble of testing/synctest, where time begins with the year 2000.
func inBubble() bool { return time.Now().Year() < 2020 }

// At opens the database at the address that Address gave, as one of several servers does, in real time. The end of the
// test closes it.
func At(t testing.TB, address string) store.Shared {
	t.Helper()
	k, err := chosen()
	if err != nil {
		t.Fatal(err)
	}
	p := postgres.Options{DSN: address, NoNotify: k.distributed, NoSkipLocked: k.distributed}
	if k.distributed {
		p.Conflict = func() bool { return rand.IntN(50) == 0 }
	}
	s, err := postgres.Open(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return s
}
