// Package demo holds the workflows that `sojourn dev` offers, one file each: small handlers to try the server with and
// to learn from. They use nothing but the SDK, as a user's own worker would.
package demo

import (
	"errors"

	"github.com/sojournhq/sojourn/sdk/go"
)

// Register gives the worker all workflows of the package.
func Register(w *sojourn.Worker) {
	registerEcho(w)
	registerSleep(w)
	registerFail(w)
	registerSteps(w)
	registerApproval(w)
	registerSummarize(w)
	registerExtractInvoice(w)
	registerFile(w)
}

// Unserved are workflows that are offered without a worker: their executions stay pending, to show what that looks
// like. Whoever sets up the demo creates them through the API.
var Unserved = []string{"queued"}

// Examples are commands that show the workflows, the quickest first. The last ones read files of this repository.
var Examples = []string{
	`sojourn run echo -f name=Ada`,
	`sojourn run steps -F number=20`,
	`sojourn run sleep -F seconds=5`,
	`sojourn run extract-invoice -F document=@examples/invoices/browser-us.pdf`,
	`sojourn run summarize -F text=@examples/texts/newton-opticks.txt`,
}

// cause is an error of a step and the code that programs know it by.
type cause struct {
	err  error
	code string
}

// permanent gives an error the code of the first cause that it wraps, and keeps it from being tried again: reading the
// same input once more finds the same. Any other error stays as it is.
func permanent(err error, causes []cause) error {
	for _, c := range causes {
		if errors.Is(err, c.err) {
			return sojourn.NonRetryable(sojourn.Coded(c.code, err))
		}
	}
	return err
}
