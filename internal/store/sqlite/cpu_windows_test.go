package sqlite

import "time"

// cpu is unknown here: benchmarks report none.
func cpu() time.Duration { return 0 }
