package invoice

import (
	"fmt"
	"math/big"
)

// Check compares the printed values with each other and returns one finding for
// each comparison that they allow, in a fixed order. Products are rounded half
// away from zero to the decimals of the printed amount; tax may be one unit of
// its last decimal off, since sellers round it per line or in sum.
func Check(h Header, items []Item, t Totals) []Finding {
	c := checker{header: h, items: items, totals: t, findings: []Finding{}}
	c.lines()
	c.itemsSum()
	c.net()
	c.taxes()
	c.gross()
	c.due()
	c.dates()
	return c.findings
}

type checker struct {
	header   Header
	items    []Item
	totals   Totals
	findings []Finding
}

// compare records whether the computed value, rounded, is the printed one.
func (c *checker) compare(check string, item *int, expected *big.Rat, found Decimal, units int64, what string) {
	decimals := found.decimals()
	rounded := decimalOf(expected, decimals)
	difference := new(big.Rat).Sub(rounded.rat(), found.rat())
	tolerance := new(big.Rat).Quo(big.NewRat(units, 1), power10(decimals))
	f := Finding{
		Check:    check,
		Item:     item,
		OK:       difference.Abs(difference).Cmp(tolerance) <= 0,
		Expected: string(rounded),
		Found:    string(found),
	}
	if !f.OK {
		f.Message = fmt.Sprintf("%s is %s but %s is printed", what, f.Expected, f.Found)
	}
	c.findings = append(c.findings, f)
}

func (c *checker) lines() {
	for i, item := range c.items {
		if item.Quantity == nil || item.UnitPrice == nil || item.Amount == nil {
			continue
		}
		n := i + 1
		product := new(big.Rat).Mul(item.Quantity.rat(), item.UnitPrice.rat())
		if item.DiscountRate != nil {
			product.Sub(product, percentOf(product, *item.DiscountRate))
		}
		if item.Discount != nil {
			product.Sub(product, item.Discount.rat())
		}
		c.compare("line_amount", &n, product, *item.Amount, 0, fmt.Sprintf("quantity times unit price, less discount, of line %d", n))
	}
}

// itemsSum compares the sum of the lines with the first sum under them. Lines
// that add up to the gross amount are prices with tax in them.
func (c *checker) itemsSum() {
	if len(c.items) == 0 {
		return
	}
	sum := new(big.Rat)
	for _, item := range c.items {
		if item.Amount == nil {
			return
		}
		sum.Add(sum, item.Amount.rat())
	}
	t := c.totals
	target := t.Subtotal
	if target == nil {
		target = t.Net
	}
	if t.Gross != nil && (target == nil || sum.Cmp(target.rat()) != 0 && sum.Cmp(t.Gross.rat()) == 0) {
		target = t.Gross
	}
	if target == nil {
		return
	}
	c.compare("items_sum", nil, sum, *target, 0, "the sum of the lines")
}

func (c *checker) net() {
	t := c.totals
	if t.Subtotal == nil || t.Net == nil || len(t.Adjustments) == 0 {
		return
	}
	c.compare("net", nil, add(t.Subtotal.rat(), t.adjusted()), *t.Net, 0, "the subtotal with its adjustments")
}

func (c *checker) taxes() {
	t := c.totals
	bases := new(big.Rat)
	all := len(t.Taxes) > 0
	for _, tax := range t.Taxes {
		base := c.taxBase(tax)
		if tax.Base == nil {
			all = false
		} else {
			bases.Add(bases, tax.Base.rat())
		}
		if base == nil || tax.Rate == nil {
			continue
		}
		amount := percentOf(base, *tax.Rate)
		// Where the net amount does not hold the charges, they may be taxed too.
		if t.Subtotal == nil && tax.Base == nil && len(t.Taxes) == 1 && len(t.Adjustments) > 0 {
			with := percentOf(add(base, t.adjusted()), *tax.Rate)
			if closer(with, amount, tax.Amount.rat()) {
				amount = with
			}
		}
		c.compare("tax", nil, amount, tax.Amount, 1, fmt.Sprintf("tax at %s %%", *tax.Rate))
	}
	if all && t.Net != nil {
		c.compare("tax_base", nil, bases, *t.Net, 0, "the sum of the taxed amounts")
	}
}

// taxBase is the amount that a line of tax is computed from: printed, or the net
// amount for a single tax, or the lines of that rate.
func (c *checker) taxBase(tax Tax) *big.Rat {
	switch {
	case tax.Base != nil:
		return tax.Base.rat()
	case len(c.totals.Taxes) == 1 && c.totals.Net != nil:
		return c.totals.Net.rat()
	case tax.Rate == nil || len(c.totals.Adjustments) > 0:
		return nil
	}
	sum, found := new(big.Rat), false
	for _, item := range c.items {
		if item.TaxRate == nil || item.Amount == nil {
			return nil
		}
		if item.TaxRate.rat().Cmp(tax.Rate.rat()) == 0 {
			sum.Add(sum, item.Amount.rat())
			found = true
		}
	}
	if !found {
		return nil
	}
	return sum
}

func (c *checker) gross() {
	t := c.totals
	if t.Net == nil || t.Gross == nil {
		return
	}
	sum := t.Net.rat()
	if t.Subtotal == nil {
		sum = add(sum, t.adjusted())
	}
	if t.TaxAmount != nil {
		sum = add(sum, t.TaxAmount.rat())
	}
	c.compare("gross", nil, sum, *t.Gross, 0, "the net amount with tax and charges")
}

func (c *checker) due() {
	t := c.totals
	if t.Gross == nil || t.Due == nil || t.Prepaid == nil {
		return
	}
	c.compare("due", nil, new(big.Rat).Sub(t.Gross.rat(), t.Prepaid.rat()), *t.Due, 0, "what is left after the prepayment")
}

func (c *checker) dates() {
	date, due := c.header.Date, c.header.DueDate
	if date == nil || due == nil {
		return
	}
	f := Finding{Check: "due_date", OK: *due >= *date, Expected: string(*date), Found: string(*due)}
	if !f.OK {
		f.Message = fmt.Sprintf("the invoice of %s is due before that, on %s", *date, *due)
	}
	c.findings = append(c.findings, f)
}

// adjusted is the sum of the adjustments.
func (t Totals) adjusted() *big.Rat {
	sum := new(big.Rat)
	for _, a := range t.Adjustments {
		sum.Add(sum, a.Amount.rat())
	}
	return sum
}

// taxSum adds up lines of tax, with the decimals that they are printed with.
func taxSum(taxes []Tax) Decimal {
	sum, decimals := new(big.Rat), 0
	for _, tax := range taxes {
		sum.Add(sum, tax.Amount.rat())
		decimals = max(decimals, tax.Amount.decimals())
	}
	return decimalOf(sum, decimals)
}

func add(a, b *big.Rat) *big.Rat { return new(big.Rat).Add(a, b) }

func percentOf(base *big.Rat, rate Decimal) *big.Rat {
	return new(big.Rat).Mul(base, new(big.Rat).Quo(rate.rat(), big.NewRat(100, 1)))
}

// closer reports whether a is nearer to target than b is.
func closer(a, b, target *big.Rat) bool {
	da, db := new(big.Rat).Sub(a, target), new(big.Rat).Sub(b, target)
	return da.Abs(da).Cmp(db.Abs(db)) < 0
}

func power10(n int) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil))
}

// decimalOf rounds half away from zero.
func decimalOf(r *big.Rat, decimals int) Decimal {
	text := r.FloatString(decimals)
	if new(big.Rat).Abs(r).Cmp(new(big.Rat).Quo(big.NewRat(1, 2), power10(decimals))) < 0 {
		text = new(big.Rat).FloatString(decimals)
	}
	return Decimal(text)
}
