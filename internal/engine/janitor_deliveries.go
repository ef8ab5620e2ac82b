package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// deliveryRetention is how long deliveries to endpoints are kept after they ended; callbacks, one for each execution, are
// kept with it.
const deliveryRetention = 30 * 24 * time.Hour

// deliveries removes deliveries that ended before the instant.
func (j *janitor) deliveries(ctx context.Context, before execution.Time) error {
	for _, x := range j.e.catalog.Load().endpoints {
		for range janitorRounds {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			ids, err := j.e.store.EndedDeliveries(ctx, x.Key, before, janitorSlice)
			if err == nil && len(ids) > 0 {
				err = j.removeDeliveries(ids)
			}
			if err != nil {
				return fmt.Errorf("deliveries of endpoint %s: %w", x.ID.Text(execution.PrefixEndpoint), err)
			}
			if len(ids) < janitorSlice {
				break
			}
		}
	}
	return nil
}

func (j *janitor) removeDeliveries(ids []execution.ID) error {
	list := make([]store.Delivery, len(ids))
	for i, id := range ids {
		list[i].ID = id
	}
	return j.e.writeDeliveries(0, list, func(t *tx, d *store.Delivery) {
		if d.State != store.DeliveryPending && !slices.Contains(t.changes.DeliveriesGone, d.ID) {
			t.changes.DeliveriesGone = append(t.changes.DeliveriesGone, d.ID)
		}
	})
}
