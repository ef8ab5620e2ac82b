package postgres

import (
	"slices"
	"strconv"
	"strings"
)

// exactly makes a statement that ends with RETURNING 1 fail unless it returns as many rows as its last parameter says,
// which has the number after the highest one in the statement. The failure ends the transaction before the COMMIT that
// is under way behind it.
func exactly(statement string) string {
	last := 0
	for n := 1; strings.Contains(statement, "$"+strconv.Itoa(n)); n++ {
		last = n
	}
	return "WITH changed AS (" + statement + ") SELECT 1 / (count(*) = $" + strconv.Itoa(last+1) + ")::int FROM changed"
}

// clone is the same parameters, to which others are added without a trace in the first.
func (a *args) clone() *args {
	return &args{values: slices.Clip(a.values), types: slices.Clip(a.types), buf: slices.Clip(a.buf)}
}
