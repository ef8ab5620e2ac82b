// Package invoice reads the fields of an invoice out of a PDF file in separate
// steps, each a pure function that a durable workflow can run and record on its
// own: [Text], [FindHeader], [FindItems], [FindTotals] and [Check].
//
// It looks for labels in English, German, French, Spanish, Italian and Dutch and
// works out from the document whether numbers and dates are written the
// American, British or continental way. It guesses from layout, not from a model
// of any one supplier, so it returns what it found and leaves the rest null.
//
// Amounts are decimal strings with a point and no grouping ("1234.50"), with as
// many decimals as were printed: exact, free of the rounding of binary floats
// and of any assumption about how many decimals a currency has. Dates are ISO
// 8601 ("2026-03-14").
package invoice
