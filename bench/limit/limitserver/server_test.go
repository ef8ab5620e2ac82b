package limitserver_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/sojournhq/sojourn/bench/limit/limitserver"
)

func open(t *testing.T) (s *limitserver.Server, db string) {
	t.Helper()
	db = filepath.Join(t.TempDir(), "limit.db")
	s, err := limitserver.Open(db)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, db
}

func post(s http.Handler, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, limitserver.Path, strings.NewReader(body)))
	return w
}

// stored closes the server and returns its rows, as workflow, status and
// input by id.
func stored(t *testing.T, s *limitserver.Server, db string) []string {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	conn, err := sqlite.OpenConn(db, sqlite.OpenReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var rows []string
	err = sqlitex.ExecuteTransient(conn, "SELECT workflow, status, CAST(input AS TEXT) FROM executions ORDER BY pk", &sqlitex.ExecOptions{
		ResultFunc: func(q *sqlite.Stmt) error {
			rows = append(rows, fmt.Sprint(q.ColumnText(0), " ", q.ColumnInt64(1), " ", q.ColumnText(2)))
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestStartIsStoredAndAnswered(t *testing.T) {
	t.Parallel()
	s, db := open(t)
	before := time.Now().Truncate(time.Microsecond)
	w := post(s, `{"workflow_id":"noop","input":{"a": [1, 2]},"idempotency_key":"k1"}`)
	if w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if n := w.Body.Len(); n < 200 || n > 300 {
		t.Errorf("the answer has %d bytes, want about 250: %s", n, w.Body)
	}
	var got struct {
		ID         string
		WorkflowID string `json:"workflow_id"`
		Status     string
		Revision   int
		CreatedAt  time.Time `json:"created_at"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^exec_[0-9a-z]{26}$`).MatchString(got.ID) {
		t.Errorf("id %q", got.ID)
	}
	if got.WorkflowID != "noop" || got.Status != "pending" || got.Revision != 1 || got.CreatedAt.Before(before) || got.CreatedAt.After(time.Now()) {
		t.Errorf("answer %+v", got)
	}
	post(s, `{"workflow_id":"other"}`)
	if rows := fmt.Sprint(stored(t, s, db)); rows != `[noop 1 {"a": [1, 2]} other 1 null]` {
		t.Errorf("stored %s", rows)
	}
}

func TestBadStartsChangeNothing(t *testing.T) {
	t.Parallel()
	s, db := open(t)
	for body, status := range map[string]int{
		"":                   http.StatusBadRequest,
		"{":                  http.StatusBadRequest,
		`{"workflow_id":3}`:  http.StatusBadRequest,
		`{"input":{}}`:       http.StatusBadRequest,
		`{"workflow_id":"x"`: http.StatusBadRequest,
		`{"workflow_id":"x"} ` + strings.Repeat(" ", 1<<20): http.StatusRequestEntityTooLarge,
	} {
		if w := post(s, body); w.Code != status {
			t.Errorf("%.40q: got %d %s, want %d", body, w.Code, w.Body, status)
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, limitserver.Path, nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: got %d", w.Code)
	}
	if rows := stored(t, s, db); len(rows) != 0 {
		t.Errorf("stored %v", rows)
	}
	if w := post(s, `{"workflow_id":"x"}`); w.Code != http.StatusServiceUnavailable {
		t.Errorf("start after Close: got %d", w.Code)
	}
}

func TestManyAtOnceAreAllStoredOnce(t *testing.T) {
	t.Parallel()
	s, db := open(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]bool{}
	const clients, each = 32, 20
	for c := range clients {
		wg.Go(func() {
			for i := range each {
				w := post(s, fmt.Sprintf(`{"workflow_id":"w%d-%d","input":1}`, c, i))
				id := regexp.MustCompile(`exec_\w+`).FindString(w.Body.String())
				mu.Lock()
				ids[id] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	rows := map[string]bool{}
	for _, r := range stored(t, s, db) {
		rows[r] = true
	}
	if len(ids) != clients*each || len(rows) != clients*each {
		t.Errorf("%d ids and %d rows, want %d", len(ids), len(rows), clients*each)
	}
}

func TestOpenRefusesAnExistingDatabase(t *testing.T) {
	t.Parallel()
	s, db := open(t)
	post(s, `{"workflow_id":"x"}`)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := limitserver.Open(db); err == nil {
		t.Error("opened a database that has rows already")
	}
	if _, err := limitserver.Open(filepath.Join(t.TempDir(), "no", "such", "dir")); err == nil {
		t.Error("opened a database in no directory")
	}
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	s, db := open(t)
	web := httptest.NewServer(s)
	res, err := limitserver.Measure(t.Context(), web.Listener.Addr().String(), os.Getpid(), 4, 0, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if res.Requests == 0 || res.Errors != 0 {
		t.Errorf("%+v", res)
	}
	web.Close()
	if rows := stored(t, s, db); int64(len(rows)) < res.Requests || !strings.Contains(rows[0], "invoice") {
		t.Errorf("%d rows for %d requests; the first: %s", len(rows), res.Requests, rows[0])
	}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "fine, but not 201")
	}))
	defer other.Close()
	res, err = limitserver.Measure(t.Context(), other.Listener.Addr().String(), os.Getpid(), 1, 0, 20*time.Millisecond)
	if err != nil || res.Requests != 0 || res.Errors == 0 {
		t.Errorf("status 200: %+v, %v", res, err)
	}
}
