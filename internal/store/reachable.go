package store

import "github.com/sojournhq/sojourn/internal/execution"

// Reachable are the states in which one transaction may leave an execution that it found in the given state: the state
// itself while it is open, and all that follow from it by one or more edges, since a transaction may fold several
// changes of one execution into one write of its row.
func Reachable(from execution.Status) execution.StatusSet {
	if from.Final() {
		return 0
	}
	set := execution.SetOf(from)
	for grown := true; grown; {
		grown = false
		for s := range execution.Status(execution.Statuses) {
			if next := execution.States[s].Next; set.Has(s) && set|next != set {
				set |= next
				grown = true
			}
		}
	}
	return set
}
