package limitserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Path is where starts are posted to, as in the real server.
const Path = "/v1/executions"

// maxBody is the longest request body, in bytes.
const maxBody = 1 << 20

// startRequest is the body of a start. The idempotency key costs its decoding
// and no more.
type startRequest struct {
	WorkflowID     string          `json:"workflow_id"`
	Input          json.RawMessage `json:"input"`
	IdempotencyKey string          `json:"idempotency_key"`
}

// startResponse is the answer, about 250 bytes.
type startResponse struct {
	ID         string    `json:"id"`
	Object     string    `json:"object"`
	WorkflowID string    `json:"workflow_id"`
	Status     string    `json:"status"`
	Revision   int64     `json:"revision"`
	Attempt    int       `json:"attempt"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
	Href       string    `json:"href"`
}

// Server is the limit server. It is an http.Handler.
type Server struct {
	mux       *http.ServeMux
	store     *store
	committer *committer
	closing   sync.Once
	closeErr  error
}

// Open makes a new database at path and a server that stores into it.
func Open(path string) (*Server, error) {
	st, err := openStore(path)
	if err != nil {
		return nil, fmt.Errorf("limitserver: %w", err)
	}
	s := &Server{mux: http.NewServeMux(), store: st, committer: newCommitter(st)}
	s.mux.HandleFunc("POST "+Path, s.start)
	return s, nil
}

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Close commits what is under way and closes the database. Further calls
// return what the first one did.
func (s *Server) Close() error {
	s.closing.Do(func() {
		s.committer.close()
		if err := s.store.close(); err != nil {
			s.closeErr = fmt.Errorf("limitserver: close: %w", err)
		}
	})
	return s.closeErr
}

// starts are reused with their channels.
var starts = sync.Pool{New: func() any { return &start{done: make(chan error, 1)} }}

func (s *Server) start(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		status := http.StatusBadRequest
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, err.Error(), status)
		return
	}
	var req startRequest
	if err := json.Unmarshal(body, &req); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if req.WorkflowID == "" {
		http.Error(w, "workflow_id is required", http.StatusBadRequest)
		return
	}
	if req.Input == nil {
		req.Input = json.RawMessage("null")
	}
	st := starts.Get().(*start)
	st.row = row{workflow: req.WorkflowID, input: req.Input}
	s.committer.submit(st)
	err = <-st.done
	saved := st.row
	st.row = row{}
	starts.Put(st)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	id, at := saved.id.String(), time.UnixMicro(saved.createdAt).UTC()
	answer, err := json.Marshal(startResponse{
		ID: id, Object: "execution", WorkflowID: saved.workflow, Status: "pending", Revision: 1,
		CreatedAt: at, UpdatedAt: at, Href: Path + "/" + id,
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(answer))}
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(answer) // a client that is gone is no error of ours
}
