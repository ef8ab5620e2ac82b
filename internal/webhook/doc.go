// Package webhook sends the messages of the outbox to their receivers.
//
// The outbox is part of the store: a message is written in the transaction of the change that it tells of. The
// dispatcher takes messages whose time has come for a short lease, sends each and records how it went. A message that
// was sent without being recorded, because the server died in between, is sent again under the same id.
package webhook
