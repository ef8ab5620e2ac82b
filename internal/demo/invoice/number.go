package invoice

import (
	"math/big"
	"regexp"
	"strings"
)

// A notation is how the document writes numbers and dates.
type notation struct {
	// comma says that decimals follow a comma.
	comma bool
	// monthFirst says that 03/04/2026 is the fourth of March.
	monthFirst bool
}

var (
	currencySigns = strings.NewReplacer(
		"A$", "", "C$", "", "US$", "", "NZ$", "", "€", "", "£", "", "¥", "", "$", "", "₹", "",
	)
	currencyCode = regexp.MustCompile(`\b(?:AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HUF|INR|JPY|MXN|NOK|NZD|PLN|RON|SEK|SGD|USD|ZAR)\b`)
	grouped      = regexp.MustCompile(`^\d{1,3}(?:([ '.,])\d{3})(?:[ '.,]\d{3})*(?:[.,]\d+)?$`)
	plain        = regexp.MustCompile(`^\d+(?:[.,]\d+)?$`)
	decimalVote  = regexp.MustCompile(`(?:^|[ (€£$¥])[-−]?\d[\d'’.,]*([.,])\d{1,2}(?:$|[ )%€£$¥])`)
	dateLike     = regexp.MustCompile(`\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}-\d{2}-\d{2}`)
)

// decideComma counts which decimal sign the numbers of the document use.
func decideComma(lines []line) bool {
	commas, points := 0, 0
	for _, l := range lines {
		for _, c := range l.cells {
			text := dateLike.ReplaceAllString(c.text, "x")
			for _, m := range decimalVote.FindAllStringSubmatch(text, -1) {
				if m[1] == "," {
					commas++
				} else {
					points++
				}
			}
		}
	}
	return commas > points
}

// number reads text as one number, with or without a currency and with a minus
// in any of the usual forms.
func (n notation) number(text string) (Decimal, bool) {
	if len(text) == 0 || len(text) > 60 {
		return "", false
	}
	text = strings.NewReplacer("’", "'", "−", "-", "–", "-", "\u00a0", " ").Replace(text)
	text = currencyCode.ReplaceAllString(text, "")
	text = strings.TrimSpace(currencySigns.Replace(text))
	negative := false
	if inner, ok := strings.CutPrefix(text, "("); ok && strings.HasSuffix(inner, ")") {
		text, negative = strings.TrimSuffix(inner, ")"), true
	}
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		text, negative = rest, !negative
	} else if rest, ok := strings.CutSuffix(text, "-"); ok {
		text, negative = rest, !negative
	}
	text = strings.TrimSpace(text)
	digits, ok := n.digits(text)
	if !ok || len(digits) > 30 {
		return "", false
	}
	if negative && strings.Trim(digits, "0.") != "" {
		digits = "-" + digits
	}
	return Decimal(digits), true
}

// digits brings an unsigned number into the form of a [Decimal].
func (n notation) digits(text string) (string, bool) {
	decimal := "."
	if n.comma {
		decimal = ","
	}
	switch {
	case plain.MatchString(text):
		whole, fraction, split := strings.Cut(strings.Replace(text, ",", ".", 1), ".")
		if split && len(fraction) == 3 && !strings.Contains(text, decimal) && len(whole) <= 3 && whole != "0" {
			// "1.234" where decimals follow a comma.
			whole, fraction, split = whole+fraction, "", false
		}
		return joinNumber(whole, fraction, split), true
	case grouped.MatchString(text):
		group := grouped.FindStringSubmatch(text)[1]
		whole, fraction, split := text, "", false
		if at := strings.LastIndexAny(text, ".,"); at >= 0 && string(text[at]) != group {
			whole, fraction, split = text[:at], text[at+1:], true
		}
		if strings.Trim(whole, "0123456789"+group) != "" {
			return "", false
		}
		return joinNumber(strings.ReplaceAll(whole, group, ""), fraction, split), true
	}
	return "", false
}

func joinNumber(whole, fraction string, split bool) string {
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		whole = "0"
	}
	if !split {
		return whole
	}
	return whole + "." + fraction
}

var percent = regexp.MustCompile(`(\d{1,2}(?:[.,]\d{1,3})?) ?%`)

// rate returns the percentage in text, without zeros at its end.
func (n notation) rate(text string) (Decimal, bool) {
	m := percent.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	return trimRate(strings.Replace(m[1], ",", ".", 1)), true
}

func trimRate(digits string) Decimal {
	whole, fraction, _ := strings.Cut(digits, ".")
	fraction = strings.TrimRight(fraction, "0")
	return Decimal(joinNumber(whole, fraction, fraction != ""))
}

func (d Decimal) rat() *big.Rat {
	r, ok := new(big.Rat).SetString(string(d))
	if !ok {
		return new(big.Rat)
	}
	return r
}

// decimals is the number of digits after the point.
func (d Decimal) decimals() int {
	_, fraction, _ := strings.Cut(string(d), ".")
	return len(fraction)
}
