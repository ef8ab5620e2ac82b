package invoice

import (
	"math"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A column is a kind of value in the table of items.
type column int

// The columns of the table of items.
const (
	columnPosition column = iota
	columnCode
	columnDescription
	columnQuantity
	columnUnit
	columnPrice
	columnTax
	columnDiscount
	columnAmount
)

// numeric reports whether the column holds numbers that take part in the sums.
func (c column) numeric() bool { return c >= columnQuantity && c != columnUnit }

// maxColumns is the most headings that a table of items has.
const maxColumns = 16

var columnLabels = map[column][]label{
	columnPosition: labels(
		"en", "pos", "position", "no", "#", "line", "line no", "item no",
		"de", "pos", "position", "nr", "lfd. nr", "lfd nr",
		"fr", "n°", "ligne",
		"es", "nº", "n.º", "línea",
		"it", "n", "riga",
		"nl", "regel", "nr",
	),
	columnCode: labels(
		"en", "code", "sku", "item code", "product code", "part no", "part number", "article no", "art. no", "item #", "ref",
		"de", "artikel-nr", "artikelnummer", "art.-nr", "artnr", "art-nr", "bestellnr",
		"fr", "référence", "réf", "code article",
		"es", "código", "referencia", "ref",
		"it", "codice", "cod", "rif",
		"nl", "artikelnummer", "artikelnr", "code",
	),
	columnDescription: labels(
		"en", "description", "description of goods", "description of services", "item", "items", "item description", "product", "product description", "product/service", "service", "services", "details", "particulars", "goods", "work", "activity", "task",
		"de", "bezeichnung", "beschreibung", "leistung", "leistungen", "artikel", "artikelbezeichnung", "text", "produkt", "leistungsbeschreibung", "tätigkeit",
		"fr", "désignation", "description", "libellé", "prestation", "prestations", "article", "produit", "intitulé",
		"es", "concepto", "descripción", "artículo", "producto", "servicio", "detalle", //nolint:misspell // Spanish
		"it", "descrizione", "prodotto", "articolo", "prestazione", "servizio",
		"nl", "omschrijving", "beschrijving", "artikel", "product", "dienst",
	),
	columnQuantity: labels(
		"en", "qty", "quantity", "hours", "hrs", "days", "units", "count",
		"de", "menge", "anzahl", "stunden", "std", "tage", "stück",
		"fr", "quantité", "qté", "qte", "nombre", "heures", "jours",
		"es", "cantidad", "cant", "uds", "horas", "unidades",
		"it", "quantità", "q.tà", "qtà", "ore",
		"nl", "aantal", "uren", "hoeveelheid",
	),
	columnUnit: labels(
		"en", "unit", "uom", "per",
		"de", "einheit", "einh", "me", "eh",
		"fr", "unité", "u",
		"es", "unidad", "ud",
		"it", "unità", "um", "u.m",
		"nl", "eenheid",
	),
	columnPrice: labels(
		"en", "unit price", "price", "price each", "price per unit", "unit cost", "rate", "hourly rate", "cost", "price ex. vat", "net price", "each",
		"de", "einzelpreis", "e-preis", "ep", "preis", "stückpreis", "einzelpreis netto", "preis/einheit", "ansatz", "stundensatz", "satz",
		"fr", "prix unitaire", "prix unitaire ht", "prix unit. ht", "prix unit", "pu", "p.u", "pu ht", "p.u. ht", "prix", "tarif", "taux horaire",
		"es", "precio unitario", "precio", "precio unit", "p. unitario", "p.u", "tarifa",
		"it", "prezzo unitario", "prezzo", "prezzo unit", "p. unitario", "importo unitario",
		"nl", "prijs", "stukprijs", "eenheidsprijs", "prijs per stuk", "tarief", "uurtarief",
	),
	columnTax: labels(
		"en", "vat", "vat rate", "vat %", "tax", "tax rate", "tax %", "gst", "gst %",
		"de", "ust", "mwst", "ust-satz", "mwst-satz", "ust. %", "mwst. %", "ust %", "mwst %", "steuersatz",
		"fr", "tva", "taux tva", "taux de tva", "tva %",
		"es", "iva", "iva %", "% iva", "tipo iva",
		"it", "iva", "aliquota", "aliquota iva", "iva %", "% iva",
		"nl", "btw", "btw %", "btw-tarief",
	),
	columnDiscount: labels(
		"en", "discount", "disc", "disc. %", "discount %",
		"de", "rabatt", "rabatt %",
		"fr", "remise", "remise %", "rem",
		"es", "descuento", "dto", "% dto", "dto. %",
		"it", "sconto", "sconto %",
		"nl", "korting", "korting %",
	),
	columnAmount: labels(
		"en", "amount", "total", "line total", "net amount", "net", "total price", "amount net", "subtotal", "value", "net total", "total net", "extended price", "ext. price", "total ex. vat",
		"de", "gesamt", "gesamtpreis", "betrag", "summe", "gesamtbetrag", "nettobetrag", "netto", "g-preis", "gp", "gesamt netto", "gesamtpreis netto", "total", "betrag netto",
		"fr", "montant", "montant ht", "total", "total ht", "prix total", "prix total ht", "montant net ht",
		"es", "importe", "total", "subtotal", "importe neto", "precio total",
		"it", "importo", "totale", "imponibile", "prezzo totale",
		"nl", "bedrag", "totaal", "totaal excl. btw", "regeltotaal",
	),
}

var (
	bracketed  = regexp.MustCompile(`\([^)]*\)|\[[^\]]*\]`)
	inCurrency = regexp.MustCompile(`(?i)^in\s*$|\s+in\s*$`)
	leading    = regexp.MustCompile(`^([-−]?\d[\d.,'’]*(?: \d{3}(?:[.,]\d+)?)*) ?(\pL[\pL.²³/]{0,11})$`)
)

// A heading is a column label where it stands.
type heading struct {
	cell
	column column
}

// A table is the headings of the table of items.
type table []heading

func (t table) at(kind column) (heading, bool) {
	for _, h := range t {
		if h.column == kind {
			return h, true
		}
	}
	return heading{}, false
}

// readTable recognises the headings of a table of items in a line, and in the
// next one when the headings are broken over two. It returns how many lines it
// took, 0 when there is no table.
func readTable(lines []line, i int) (table, int) {
	if i+1 < len(lines) {
		if joined, ok := joinHeadings(lines[i], lines[i+1]); ok {
			if t := classify(joined); len(t) >= len(joined) {
				return t, 2
			}
		}
	}
	if t := classify(lines[i].cells); t != nil {
		return t, 1
	}
	return nil, 0
}

// joinHeadings puts the second line of headings under the first.
func joinHeadings(upper, lower line) ([]cell, bool) {
	if lower.gap || lower.page != upper.page || len(lower.cells) > len(upper.cells) {
		return nil, false
	}
	joined := append([]cell(nil), upper.cells...)
	for _, c := range lower.cells {
		if hasDigit.MatchString(c.text) {
			return nil, false
		}
		found := false
		for k := range joined {
			if joined[k].apart(c) == 0 {
				joined[k] = newCell(min(joined[k].start, c.start), max(joined[k].end, c.end), joined[k].text+" "+c.text)
				found = true
				break
			}
		}
		if !found {
			return nil, false
		}
	}
	return joined, true
}

// classify returns the table that the cells head, or nil. It needs what is sold,
// and a price or an amount.
func classify(cells []cell) table {
	var t table
	unknown := 0
	for _, c := range cells {
		if hasDigit.MatchString(c.text) || utf8.RuneCountInString(c.text) > 60 {
			return nil
		}
		headings := splitHeading(c)
		if headings == nil {
			unknown++
			continue
		}
		t = append(t, headings...)
	}
	if unknown > len(t) {
		return nil
	}
	t.disambiguate()
	_, sold := t.at(columnDescription)
	_, priced := t.at(columnPrice)
	_, summed := t.at(columnAmount)
	if !sold || !priced && !summed || len(t) < 2 || len(t) > maxColumns {
		return nil
	}
	return t
}

// disambiguate settles labels that mean different things in different company:
// "Item" beside "Description" is a code, and a code alone is what is sold.
func (t table) disambiguate() {
	sold := -1
	for i := range t {
		if t[i].column == columnDescription {
			if sold >= 0 {
				if t[sold].folded == "item" || t[sold].folded == "artikel" || t[sold].folded == "article" {
					t[sold].column = columnCode
				} else {
					continue
				}
			}
			sold = i
		}
	}
	if sold >= 0 {
		return
	}
	for i := range t {
		if t[i].column == columnCode {
			t[i].column = columnDescription
			return
		}
	}
}

// splitHeading reads a cell as one heading, or as several that stand so close
// together that they became one cell.
func splitHeading(c cell) []heading {
	text := bracketed.ReplaceAllString(c.folded, " ")
	text = strings.ToLower(currencyCode.ReplaceAllString(strings.ToUpper(text), " "))
	text = strings.NewReplacer("€", " ", "£", " ", "$", " ").Replace(text)
	text = inCurrency.ReplaceAllString(strings.TrimSpace(text), "")
	words := strings.Fields(text)
	var out []heading
	column := c.start
	for len(words) > 0 {
		n, kind := 0, columnPosition
		for k := len(words); k > 0; k-- {
			if found, ok := columnNamed(strings.Join(words[:k], " ")); ok {
				n, kind = k, found
				break
			}
		}
		if n == 0 {
			return nil
		}
		name := strings.Join(words[:n], " ")
		width := utf8.RuneCountInString(name)
		out = append(out, heading{cell: newCell(column, column+width, name), column: kind})
		column += width + 1
		words = words[n:]
	}
	if len(out) == 1 {
		out[0].start, out[0].end = c.start, c.end
	}
	return out
}

func columnNamed(text string) (column, bool) {
	text = strings.TrimRight(text, ".:")
	for kind := columnPosition; kind <= columnAmount; kind++ {
		for _, l := range columnLabels[kind] {
			if l.text == text {
				return kind, true
			}
		}
	}
	return 0, false
}

// tableStart returns the number of lines before the first table of items, or
// the lines in which a header may stand when there is none.
func tableStart(lines []line) int {
	for i := range lines {
		if t, _ := readTable(lines, i); t != nil {
			return i
		}
	}
	return min(len(lines), maxHeaderLines)
}

// FindItems looks for the table of goods and services and returns its lines, in
// order, over all pages. It is empty, not nil, when there is none.
func FindItems(pages []string) []Item {
	lines := readLines(pages)
	r := rowReader{notation: notation{comma: decideComma(lines)}}
	items := []Item{}
	var t table
	fresh := false
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		if found, taken := readTable(lines, i); found != nil {
			t, fresh = found, false
			i += taken - 1
			continue
		}
		if t == nil {
			continue
		}
		if l.gap {
			fresh = false
		}
		item, ok := r.item(t, l)
		if kind, _, isTotal := totalOf(r.notation, l); isTotal && !r.isItem(t, l, kind) {
			t = nil
			continue
		}
		switch {
		case ok && !carried(l):
			items = append(items, item)
			fresh = true
		case fresh && continuation(t, l):
			last := &items[len(items)-1]
			last.Description = strings.TrimSpace(last.Description + " " + l.text())
		default:
			fresh = false
		}
	}
	return items
}

// continuation reports whether the line only goes on with a description.
func continuation(t table, l line) bool {
	if len(l.cells) != 1 {
		return false
	}
	h, _ := t.at(columnDescription)
	d := l.cells[0].start - h.start
	return l.cells[0].apart(h.cell) == 0 || d >= -sameStart && d <= sameStart
}

var carriedLabels = labels(
	"en", "carried forward", "brought forward", "balance forward", "carry forward",
	"de", "übertrag", "zwischenübertrag", "zwischensumme",
	"fr", "à reporter", "report", "sous-total à reporter",
	"es", "suma y sigue", "suma anterior",
	"it", "a riportare", "riporto",
	"nl", "transport", "over te brengen",
)

func carried(l line) bool {
	_, _, ok := startsWith(l.cells[0].text, carriedLabels)
	return ok && len(l.cells) <= 2
}

// A rowReader reads the rows of a table.
type rowReader struct{ notation notation }

// described reports whether the first text of the line stands where descriptions
// do.
func (r rowReader) described(t table, l line) bool {
	h, _ := t.at(columnDescription)
	d := l.cells[0].start - h.start
	return d >= -sameStart && d <= sameStart
}

// isItem reports whether a line with the label of a total is a row of the table
// all the same: it has a quantity, or it is a charge among the descriptions.
func (r rowReader) isItem(t table, l line, kind total) bool {
	item, ok := r.item(t, l)
	return ok && (item.Quantity != nil || kind == totalAdjustment && r.described(t, l))
}

// item reads a line as a row of the table. It needs a description and an amount
// or a price.
func (r rowReader) item(t table, l line) (Item, bool) {
	var item Item
	cells := r.splitUnits(t, l.cells)
	places := assign(t, cells, r.isNumber)
	if places == nil {
		return item, false
	}
	var description []string
	for i, c := range cells {
		text := c.text
		switch t[places[i]].column {
		case columnPosition:
			item.Position = &text
		case columnCode:
			item.Code = &text
		case columnDescription:
			description = append(description, text)
		case columnQuantity:
			item.Quantity = r.number(text)
		case columnUnit:
			item.Unit = &text
		case columnPrice:
			item.UnitPrice = r.number(text)
		case columnTax:
			item.TaxRate = r.taxRate(text)
		case columnDiscount:
			item.DiscountRate, item.Discount = r.discount(text, t[places[i]])
		case columnAmount:
			item.Amount = r.number(text)
		}
	}
	item.Description = strings.Join(description, " ")
	return item, item.Description != "" && (item.Amount != nil || item.UnitPrice != nil)
}

func (r rowReader) isNumber(c cell) bool {
	if _, ok := r.notation.number(c.text); ok {
		return true
	}
	return percent.MatchString(c.text) && utf8.RuneCountInString(c.text) <= 8
}

func (r rowReader) number(text string) *Decimal {
	if d, ok := r.notation.number(text); ok {
		return &d
	}
	return nil
}

func (r rowReader) taxRate(text string) *Decimal {
	if d, ok := r.notation.rate(text); ok {
		return &d
	}
	if d, ok := r.notation.number(text); ok {
		d = trimRate(string(d))
		return &d
	}
	return nil
}

// discount reads a reduction in per cent or as an amount.
func (r rowReader) discount(text string, h heading) (rate, amount *Decimal) {
	if percent.MatchString(text) || strings.Contains(h.folded, "%") {
		return r.taxRate(strings.TrimLeft(text, "-− ")), nil
	}
	amount = r.number(strings.TrimLeft(text, "-− "))
	return nil, amount
}

// splitUnits takes "40 boxes" in the columns of quantity and unit apart.
func (r rowReader) splitUnits(t table, cells []cell) []cell {
	quantity, ok := t.at(columnQuantity)
	if !ok {
		return cells
	}
	description, _ := t.at(columnDescription)
	out := make([]cell, 0, len(cells)+1)
	for _, c := range cells {
		m := leading.FindStringSubmatch(c.text)
		near := c.apart(quantity.cell) <= 3 && c.apart(description.cell) > 0
		if m == nil || !near || currencyCode.MatchString(m[2]) {
			out = append(out, c)
			continue
		}
		split := c.start + utf8.RuneCountInString(m[1])
		out = append(out, newCell(c.start, split, m[1]), newCell(split+1, c.end, m[2]))
	}
	return out
}

// Costs of putting a cell under a heading, in columns of distance.
const (
	costImpossible = 1e9
	costTextNumber = 1000
	costNumberText = 12
	costShared     = 3
)

// assign finds for each cell of a row the heading that it stands under, such that
// their order is kept and the sum of distances is least. Several cells may share
// the description. It returns nil when no such assignment exists.
func assign(t table, cells []cell, isNumber func(cell) bool) []int {
	if len(cells) == 0 || len(cells) > len(t)+4 {
		return nil
	}
	type step struct {
		cost float64
		from int
	}
	best := make([][]step, len(cells))
	for i, c := range cells {
		best[i] = make([]step, len(t))
		number := isNumber(c)
		for j, h := range t {
			own := distance(c, h, number)
			best[i][j] = step{costImpossible, -1}
			if i == 0 {
				best[i][j] = step{own, -1}
				continue
			}
			for k := 0; k <= j; k++ {
				cost := best[i-1][k].cost + own
				if k == j {
					if h.column != columnDescription {
						continue
					}
					cost += costShared
				}
				if cost < best[i][j].cost {
					best[i][j] = step{cost, k}
				}
			}
		}
	}
	last := len(cells) - 1
	end := 0
	for j := range t {
		if best[last][j].cost < best[last][end].cost {
			end = j
		}
	}
	if best[last][end].cost >= costTextNumber {
		return nil
	}
	out := make([]int, len(cells))
	for i, j := last, end; i >= 0; i-- {
		out[i] = j
		j = best[i][j].from
	}
	return out
}

// distance is how badly the cell fits under the heading. Alignment on either
// edge, or centred, counts as fitting.
func distance(c cell, h heading, number bool) float64 {
	d := float64(c.apart(h.cell))
	align := min(abs(c.start-h.start), abs(c.end-h.end), abs(c.mid()-h.mid()))
	d += math.Min(float64(align), 20) / 4
	switch {
	case !number && h.column.numeric():
		d += costTextNumber
	case number && (h.column == columnDescription || h.column == columnUnit):
		d += costNumberText
	}
	return d
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
