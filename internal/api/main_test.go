package api

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"go.uber.org/goleak"

	"github.com/sojournhq/sojourn/internal/store/teststore"
)

// TestMain looks, after all tests, at what they have seen: every operation must have succeeded once and must have
// given every error below 500 that its documentation names, and no goroutine may be left.
func TestMain(m *testing.M) {
	code := teststore.Main(m).Run()
	all := true
	for _, name := range []string{"test.run", "test.fuzz", "test.skip", "test.list"} {
		f := flag.Lookup(name)
		all = all && (f == nil || f.Value.String() == "")
	}
	if code == 0 && all {
		for _, missing := range unseen() {
			fmt.Fprintln(os.Stderr, "no test has seen:", missing)
			code = 1
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// unseen lists the answers that the contract documents and no test has received.
func unseen() (missing []string) {
	seen.Lock()
	defer seen.Unlock()
	for _, load := range []func() (*openapi3.T, error){contract, eigenpalContract} {
		doc, err := load()
		if err != nil {
			return []string{err.Error()}
		}
		for path, item := range doc.Paths.Map() {
			for method, op := range item.Operations() {
				for status := range op.Responses.Map() {
					n, err := strconv.Atoi(status)
					if err == nil && n < 500 && !seen.statuses[op.OperationID][n] {
						missing = append(missing, method+" "+path+" "+status)
					}
				}
			}
		}
	}
	slices.Sort(missing)
	return missing
}
