// Package sojourntest runs a real Sojourn server inside a test, with a clock that the test moves.
//
// A test makes a server, gives it workers, starts executions and moves the time:
//
//	func TestReminder(t *testing.T) {
//		srv := sojourntest.New(t)
//		srv.Worker(registerWorkflows)
//		client := srv.Client()
//
//		x, err := client.Executions.Start(t.Context(), sojourn.StartParams{Workflow: "remind", Input: order})
//		if err != nil {
//			t.Fatal(err)
//		}
//		srv.Await(x.ID, sojourn.StatusWaiting) // it sleeps until tomorrow
//		srv.Advance(24 * time.Hour)
//		sent, err := sojourn.Result[Sent](t.Context(), client, x.ID)
//		…
//	}
//
// Nothing is simulated but the time: it is the server that runs in production, on a database in a temporary directory
// that is not synchronised to the disk. [Worker.Kill] and [Server.Restart] show what a handler does when its process
// or the server dies. A server takes about 20 ms to start, so each test can have its own.
//
// # Time
//
// The server's clock runs as the system's does, and [Server.Advance] puts it ahead. What waits on the server follows
// it: sleeps of more than two seconds, retries after longer delays, start times, deadlines, retention. What waits in
// the worker's memory does not: sleeps and delays of up to two seconds take their real time, as do timers of the
// handler's own. Let an execution reach its sleep before moving the clock, with [Server.Await]: a sleep that begins
// after an Advance ends that much later.
package sojourntest
