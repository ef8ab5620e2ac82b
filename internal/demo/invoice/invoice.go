package invoice

// An Invoice is all that was found in a document and how its sums turned out.
type Invoice struct {
	Header
	Items    []Item    `json:"items"`
	Totals   Totals    `json:"totals"`
	Findings []Finding `json:"findings"`
}

// A Decimal is an exact number: an optional minus, digits, and the decimals that
// were printed after a point. Example: "-1234.50".
type Decimal string

// A Date is a day in ISO 8601. Example: "2026-03-14".
type Date string

// A Header says who bills whom, when and under which number. What the document
// does not show is nil.
type Header struct {
	Number  *string `json:"number"`
	Date    *Date   `json:"date"`
	DueDate *Date   `json:"due_date"`
	// Currency is the ISO 4217 code.
	Currency *string `json:"currency"`
	// Language is the ISO 639-1 code of the language of the labels.
	Language *string `json:"language"`
	Seller   *Party  `json:"seller"`
	Buyer    *Party  `json:"buyer"`
}

// A Party is the seller or the buyer.
type Party struct {
	Name string `json:"name"`
	// Address holds the lines under the name as they are printed.
	Address []string `json:"address"`
	// TaxID is the tax number with its label taken off.
	TaxID *string `json:"tax_id"`
}

// An Item is one line of the table of goods and services.
type Item struct {
	// Position is the number of the line that the seller gave it.
	Position *string `json:"position"`
	// Code is the article number.
	Code        *string  `json:"code"`
	Description string   `json:"description"`
	Quantity    *Decimal `json:"quantity"`
	Unit        *string  `json:"unit"`
	UnitPrice   *Decimal `json:"unit_price"`
	// DiscountRate, in per cent, and Discount are taken off in Amount.
	DiscountRate *Decimal `json:"discount_rate"`
	Discount     *Decimal `json:"discount"`
	// TaxRate is in per cent.
	TaxRate *Decimal `json:"tax_rate"`
	Amount  *Decimal `json:"amount"`
}

// Totals are the sums under the table.
type Totals struct {
	// Subtotal is the sum before adjustments, where the document prints both it
	// and the net amount.
	Subtotal *Decimal `json:"subtotal"`
	// Adjustments are discounts (negative) and charges such as shipping. They are
	// part of Net when Subtotal is set, and are added to it otherwise.
	Adjustments []Adjustment `json:"adjustments"`
	Net         *Decimal     `json:"net"`
	// TaxRate is the rate in per cent when there is just one.
	TaxRate *Decimal `json:"tax_rate"`
	// TaxAmount is the sum of Taxes.
	TaxAmount *Decimal `json:"tax_amount"`
	Taxes     []Tax    `json:"taxes"`
	Gross     *Decimal `json:"gross"`
	// Prepaid was paid before; Due is what is left to pay. Both are nil when the
	// whole gross amount is due.
	Prepaid *Decimal `json:"prepaid"`
	Due     *Decimal `json:"due"`
}

// An Adjustment is a discount or a charge on the whole invoice.
type Adjustment struct {
	Label  string  `json:"label"`
	Amount Decimal `json:"amount"`
}

// A Tax is one line of tax.
type Tax struct {
	Rate *Decimal `json:"rate"`
	// Base is the amount that is taxed, where it is printed.
	Base   *Decimal `json:"base"`
	Amount Decimal  `json:"amount"`
}

// A Finding is the outcome of one check that the printed values allow.
type Finding struct {
	// Check names what was compared: line_amount, items_sum, net, tax, tax_base,
	// gross, due or due_date.
	Check string `json:"check"`
	// Item is the number of the line, from 1, for line_amount.
	Item *int `json:"item"`
	OK   bool `json:"ok"`
	// Expected is computed from other values and Found is printed. They are
	// amounts; for due_date they are the earliest sensible day and the day.
	Expected string `json:"expected"`
	Found    string `json:"found"`
	// Message says in English what does not fit, and is empty when OK.
	Message string `json:"message"`
}

// OK reports whether all checks passed.
func (v Invoice) OK() bool {
	for _, f := range v.Findings {
		if !f.OK {
			return false
		}
	}
	return true
}

// Extract runs all steps after [Text] at once.
func Extract(pages []string) Invoice {
	v := Invoice{
		Header: FindHeader(pages),
		Items:  FindItems(pages),
		Totals: FindTotals(pages),
	}
	v.Findings = Check(v.Header, v.Items, v.Totals)
	return v
}
