package postgres

import (
	"cmp"
	"slices"

	"github.com/sojournhq/sojourn/internal/store"
)

// write queues everything that the changes write. What several servers write to the same rows comes last, in the same
// order in each transaction: its locks are held shortest, and no two wait for each other.
func (t *transaction) write() error {
	c, b := t.changes, t.save
	t.makeRoom()
	b.check(fenceStatement, newArgs().int64(int64(t.s.epoch)), errFenced)
	if err := t.saveEvents(); err != nil {
		return err
	}
	t.saveInserts()
	if err := t.saveUpdates(); err != nil {
		return err
	}
	b.saveMetadata(c)
	b.saveFiles(c)
	b.saveLogs(c)
	t.releaseKeys()
	b.saveDeliveries(c)
	b.saveLinks(c)
	b.redact(c, t.result.Now)
	b.deleteRows(c)
	b.removeFiles(c)
	b.saveTombstones(c)
	t.sweepKeys()
	if c.SweepLinks != 0 {
		b.sweepLinks(c.SweepLinks)
	}
	t.saveSessions()
	t.saveCatalog()
	t.saveCounts()
	t.saveFeed()
	t.keepSeat()
	return nil
}

// saveCatalog writes projects, workflows, versions, API keys, endpoints and secrets, and counts a change of the catalog,
// unless it follows from another version than the one there is.
func (t *transaction) saveCatalog() {
	c, b := t.changes, t.save
	for i := range c.KeyUses {
		b.saveKeyUse(&c.KeyUses[i])
	}
	if len(c.Projects)+len(c.Workflows)+len(c.Versions)+len(c.Keys)+len(c.Endpoints)+len(c.Secrets) == 0 && c.Basis == 0 {
		return
	}
	b.check(moveCatalog, newArgs().int64(c.Basis), store.ErrOvertaken)
	for i := range c.Projects {
		b.saveProject(&c.Projects[i])
	}
	for i := range c.Workflows {
		b.saveWorkflow(&c.Workflows[i])
	}
	for i := range c.Versions {
		b.saveVersion(&c.Versions[i])
	}
	for i := range c.Keys {
		b.saveKey(&c.Keys[i])
	}
	for i := range c.Endpoints {
		b.saveEndpoint(&c.Endpoints[i])
	}
	for i := range c.Secrets {
		b.saveSecrets(&c.Secrets[i])
	}
}

var moveCatalog = prepare("WITH changed AS (UPDATE meta SET value = value + 1 WHERE name = 'catalog' AND $1 IN (0, value) RETURNING 1) " +
	"SELECT 1 / count(*)::integer FROM changed")

// saveSessions writes worker sessions in the order of their keys, and removes those that are gone.
func (t *transaction) saveSessions() {
	c := t.changes
	sessions := make([]*store.Session, len(c.Sessions))
	for i := range c.Sessions {
		sessions[i] = &c.Sessions[i]
	}
	slices.SortStableFunc(sessions, func(a, b *store.Session) int { return cmp.Compare(a.Key, b.Key) })
	for _, x := range sessions {
		t.save.saveSession(x)
	}
	if len(c.Gone) > 0 {
		gone := slices.Clone(c.Gone)
		slices.Sort(gone)
		t.save.add(removeSessions, newArgs().int64s(len(gone), func(i int) int64 { return gone[i] }), nil, nil)
	}
}
