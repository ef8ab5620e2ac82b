package invoice

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// A total is a kind of line under the table of items.
type total int

// The lines under the table, in the order in which a label is tried: the more
// telling words come first.
const (
	totalPrepaid total = iota
	totalDue
	totalGross
	totalNet
	totalTax
	totalAdjustment
	totalSubtotal
	totalSum
)

var totalLabels = map[total][]label{
	totalPrepaid: labels(
		"en", "deposit", "less deposit", "amount paid", "already paid", "paid", "prepaid", "prepayment", "advance payment", "down payment", "payment received",
		"de", "anzahlung", "abzgl. anzahlung", "bereits gezahlt", "bereits bezahlt", "abschlagszahlung", "vorauszahlung",
		"fr", "acompte", "acompte versé", "déjà payé", "déjà réglé",
		"es", "anticipo", "a cuenta", "pagado",
		"it", "acconto", "già pagato",
		"nl", "aanbetaling", "reeds betaald", "voldaan",
	),
	totalDue: labels(
		"en", "amount due", "total due", "balance due", "amount payable", "total payable", "please pay", "balance",
		"de", "zu zahlen", "zahlbetrag", "zu zahlender betrag", "restbetrag", "offener betrag", "noch zu zahlen",
		"fr", "net à payer", "reste à payer", "montant dû", "solde dû", "à payer",
		"es", "total a pagar", "importe a pagar", "pendiente de pago",
		"it", "totale da pagare", "da pagare", "netto a pagare",
		"nl", "te betalen", "openstaand bedrag", "nog te betalen", "te voldoen",
	),
	totalGross: labels(
		"en", "total incl. vat", "total incl vat", "total including vat", "total inc. vat", "total inc vat", "total inc. gst", "total inc gst", "total including gst", "total including tax", "total incl. tax", "grand total", "invoice total", "gross total", "total gross", "gross amount", "gross",
		"de", "gesamtbetrag", "rechnungsbetrag", "gesamtsumme", "rechnungssumme", "rechnungstotal", "bruttobetrag", "gesamt brutto", "summe brutto", "brutto", "endbetrag", "endsumme", "total inkl. mwst", "gesamtbetrag brutto", "gesamtpreis",
		"fr", "total ttc", "montant ttc", "total t.t.c", "montant total ttc", "montant total", "total général",
		"es", "total factura", "importe total", "total con iva", "total iva incluido",
		"it", "totale fattura", "totale documento", "totale complessivo", "totale ivato", "totale iva inclusa",
		"nl", "totaal incl. btw", "totaal inclusief btw", "factuurbedrag", "totaalbedrag", "eindtotaal",
	),
	totalNet: labels(
		"en", "total net", "net total", "net amount", "net after discount", "total excl. vat", "total excl vat", "total excluding vat", "total ex vat", "total ex. vat", "total ex gst", "total before tax", "subtotal excl. vat", "taxable amount", "net",
		"de", "nettobetrag", "gesamt netto", "summe netto", "netto", "nettosumme", "total netto", "warenwert netto", "zwischensumme netto", "rechnungsbetrag netto",
		"fr", "total ht", "montant ht", "total h.t", "net ht", "total net ht", "montant total ht", "sous-total ht",
		"es", "base imponible", "total neto", "importe neto",
		"it", "imponibile", "totale imponibile", "totale netto",
		"nl", "totaal excl. btw", "totaal exclusief btw", "subtotaal excl. btw", "subtotaal exclusief btw", "netto",
	),
	totalTax: labels(
		"en", "sales tax", "value added tax", "vat", "gst", "hst", "pst", "tax", "total tax", "total vat",
		"de", "mehrwertsteuer", "umsatzsteuer", "mwst", "ust", "mwst-betrag", "steuer", "mwst.", "ust.",
		"fr", "tva", "total tva", "montant tva", "t.v.a",
		"es", "iva", "cuota iva", "i.v.a", "igic",
		"it", "iva", "imposta", "totale iva",
		"nl", "btw", "totaal btw",
	),
	totalAdjustment: labels(
		"en", "discount", "less discount", "trade discount", "shipping", "shipping & handling", "shipping and handling", "delivery", "delivery charge", "postage", "postage & packing", "freight", "handling", "carriage", "surcharge", "rounding",
		"de", "rabatt", "abzgl. rabatt", "nachlass", "versand", "versandkosten", "porto", "fracht", "frachtkosten", "lieferkosten", "rundung", "zuschlag", "verpackung",
		"fr", "remise", "rabais", "frais de port", "port", "livraison", "frais de livraison", "escompte",
		"es", "descuento", "gastos de envío", "portes", "envío", "recargo",
		"it", "sconto", "spese di spedizione", "trasporto", "spedizione",
		"nl", "korting", "verzendkosten", "verzending", "bezorgkosten", "toeslag",
	),
	totalSubtotal: labels(
		"en", "subtotal", "sub-total", "sub total", "total goods", "goods total",
		"de", "zwischensumme", "summe positionen", "warenwert",
		"fr", "sous-total", "sous total", "total brut ht",
		"es", "subtotal", "sub-total", "suma",
		"it", "subtotale", "totale parziale", "totale merce",
		"nl", "subtotaal", "sub-totaal",
	),
	totalSum: labels(
		"en", "total", "total amount",
		"de", "gesamt", "summe", "total", "betrag",
		"fr", "total",
		"es", "total",
		"it", "totale",
		"nl", "totaal",
	),
}

// reducing are the beginnings of adjustments that make the invoice smaller.
var reducing = regexp.MustCompile(`discount|rabatt|nachlass|remise|rabais|escompte|descuento|sconto|korting`)

var (
	taxBase  = regexp.MustCompile(`(?i)\b(?:on|of|auf|aus|von|sur|sobre|su|over|van)\b:? ?((?:[A-Z]{3} ?|[€£$] ?)?\d[\d.,'’ ]*\d)`)
	noLetter = regexp.MustCompile(`[^\pL&.'-]+`)
)

// maxTotalWords is the length from which a text is prose and no label of a sum.
const maxTotalWords = 7

// totalOf reads a line as a label and an amount. It returns the label.
func totalOf(n notation, l line) (kind total, labelled cell, ok bool) {
	if _, found := lastAmount(n, l); !found {
		return 0, cell{}, false
	}
	for _, c := range l.cells {
		if kind, ok := totalNamed(c); ok {
			return kind, c, true
		}
		if longWords.MatchString(c.text) {
			// Only the first text of a line can be its label.
			return 0, cell{}, false
		}
	}
	return 0, cell{}, false
}

// totalNamed recognises the label in a cell that may go on with a rate, a base or
// the amount itself.
func totalNamed(c cell) (total, bool) {
	text := taxBase.ReplaceAllString(c.folded, " ")
	text = strings.ToLower(currencyCode.ReplaceAllString(strings.ToUpper(text), " "))
	text = strings.TrimSpace(noLetter.ReplaceAllString(text, " "))
	words := strings.Fields(text)
	if len(words) == 0 || len(words) > maxTotalWords {
		return 0, false
	}
	for kind := totalPrepaid; kind <= totalSum; kind++ {
		for _, l := range totalLabels[kind] {
			at, ok := findLabel(text, l.text)
			if !ok {
				continue
			}
			// The label is most of the text, or begins it.
			used := len(strings.Fields(l.text))
			if at == 0 && len(words)-used <= 4 || len(words)-used <= 2 {
				return kind, true
			}
		}
	}
	return 0, false
}

// lastAmount returns the last amount of a line: its last cell, or what follows
// the label in the same cell.
func lastAmount(n notation, l line) (Decimal, bool) {
	last := l.cells[len(l.cells)-1]
	if d, ok := n.number(last.text); ok && (len(l.cells) > 1 || signedAmount.MatchString(last.text)) {
		return d, true
	}
	if len(l.cells) > 1 && !longWords.MatchString(last.text) {
		return "", false
	}
	// "Total: 12.50 EUR" in one cell.
	words := strings.Fields(last.text)
	for from := 1; from < len(words) && len(words) <= maxTotalWords+4; from++ {
		if d, ok := n.number(strings.Join(words[from:], " ")); ok && d.decimals() > 0 {
			return d, true
		}
	}
	return "", false
}

// FindTotals looks for the sums below the table of items, or in the whole
// document when no table is known.
func FindTotals(pages []string) Totals {
	lines := readLines(pages)
	n := notation{comma: decideComma(lines)}
	r := rowReader{notation: n}
	t := Totals{Adjustments: []Adjustment{}, Taxes: []Tax{}}
	var sum *Decimal
	var table table
	for i := 0; i < len(lines); i++ {
		if found, taken := readTable(lines, i); found != nil {
			// A later page of the table: what looked like totals before was none.
			t, sum = Totals{Adjustments: []Adjustment{}, Taxes: []Tax{}}, nil
			table = found
			i += taken - 1
			continue
		}
		kind, c, ok := totalOf(n, lines[i])
		if !ok {
			continue
		}
		if table != nil && r.isItem(table, lines[i], kind) {
			continue
		}
		table = nil
		amount, _ := lastAmount(n, lines[i])
		t.add(n, kind, c, amount)
		if kind == totalSum {
			sum = &amount
		}
	}
	t.settle(sum)
	return t
}

// add records one line.
func (t *Totals) add(n notation, kind total, c cell, amount Decimal) {
	switch kind {
	case totalPrepaid:
		amount = Decimal(strings.TrimPrefix(string(amount), "-"))
		t.Prepaid = &amount
	case totalDue:
		t.Due = &amount
	case totalGross:
		t.Gross = &amount
	case totalNet:
		if t.Net != nil && t.Subtotal == nil {
			t.Subtotal = t.Net
		}
		t.Net = &amount
	case totalTax:
		tax := Tax{Amount: amount}
		if rate, ok := n.rate(c.text); ok {
			tax.Rate = &rate
		}
		if m := taxBase.FindStringSubmatch(c.text); m != nil && strings.Contains(c.text, "%") {
			if base, ok := n.number(m[1]); ok {
				tax.Base = &base
			}
		}
		t.Taxes = append(t.Taxes, tax)
	case totalAdjustment:
		if reducing.MatchString(c.folded) && !strings.HasPrefix(string(amount), "-") {
			amount = "-" + amount
		}
		t.Adjustments = append(t.Adjustments, Adjustment{Label: adjustmentLabel(c), Amount: amount})
	case totalSubtotal:
		t.Subtotal = &amount
	case totalSum:
		// What a plain "total" means is settled when all lines are known.
	}
}

// adjustmentLabel is the text of the cell without an amount at its end.
func adjustmentLabel(c cell) string {
	text := strings.TrimRight(c.text, " :")
	if utf8.RuneCountInString(text) > 60 {
		return string([]rune(text)[:60])
	}
	return text
}

// settle decides what the plain words mean: "total" is the gross amount when no
// better word names it, and so is the amount due; a subtotal is the net amount
// when nothing else is.
func (t *Totals) settle(sum *Decimal) {
	if t.Gross == nil {
		t.Gross = sum
	}
	if t.Gross == nil {
		t.Gross, t.Due = t.Due, nil
	}
	if t.Due != nil && t.Prepaid == nil && *t.Due == *t.Gross {
		t.Due = nil
	}
	if t.Net == nil {
		t.Net, t.Subtotal = t.Subtotal, nil
	}
	t.dropTaxSum()
	if len(t.Taxes) == 1 {
		t.TaxRate = t.Taxes[0].Rate
	}
	if len(t.Taxes) > 0 {
		amount := taxSum(t.Taxes)
		t.TaxAmount = &amount
	}
}

// dropTaxSum removes a line of tax without a rate that only adds up the others.
func (t *Totals) dropTaxSum() {
	for i, tax := range t.Taxes {
		if tax.Rate != nil || len(t.Taxes) < 3 {
			continue
		}
		rest := append(append([]Tax(nil), t.Taxes[:i]...), t.Taxes[i+1:]...)
		if taxSum(rest).rat().Cmp(tax.Amount.rat()) == 0 {
			t.Taxes = rest
			return
		}
	}
}
