package invoice

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLayouts reads layouts that no sample file has, as text.
func TestLayouts(t *testing.T) {
	t.Parallel()
	str := func(s string) *string { return &s }
	date := func(s string) *Date { d := Date(s); return &d }
	dec := func(s string) *Decimal { d := Decimal(s); return &d }
	tests := map[string]struct {
		page   string
		header Header
		items  []Item
		net    *Decimal
		tax    *Decimal
		gross  *Decimal
		ok     bool
	}{
		"labels in running text, no parties": {
			page: "Rechnung Nr. 4711/26 vom 5.3.2026\n\n" +
				"Menge   Artikel             Preis       Summe\n" +
				"2       Schrauben        1.250,00    2.500,00\n\n" +
				"                   Netto:     2.500,00 EUR\n" +
				"                   MwSt 19%:    475,00 EUR\n" +
				"                   Brutto:    2.975,00 EUR",
			header: Header{Number: str("4711/26"), Date: date("2026-03-05"), Currency: str("EUR"), Language: str("de")},
			items:  []Item{{Description: "Schrauben", Quantity: dec("2"), UnitPrice: dec("1250.00"), Amount: dec("2500.00")}},
			net:    dec("2500.00"), tax: dec("475.00"), gross: dec("2975.00"), ok: true,
		},
		"yen, no decimals, ISO date, no tax": {
			page: "Invoice number: JP-7   Issue date: 2026-02-28\n\n" +
				"Description          Hours     Rate      Amount\n" +
				"Translation            12    ¥4,500    ¥54,000\n\n" +
				"                              Total    ¥54,000",
			header: Header{Number: str("JP-7"), Date: date("2026-02-28"), Currency: str("JPY"), Language: str("en")},
			items:  []Item{{Description: "Translation", Quantity: dec("12"), UnitPrice: dec("4500"), Amount: dec("54000")}},
			gross:  dec("54000"), ok: true,
		},
		"Italian with long dates and a table without quantities": {
			page: "Fattura n. 18/A\nData: 4 marzo 2026\nScadenza: 3 aprile 2026\n\n" +
				"Descrizione                        Importo\n" +
				"Consulenza                       1.000,00 €\n" +
				"Trasferta                           80,50 €\n\n" +
				"Imponibile                       1.080,50 €\n" +
				"IVA 22%                            237,71 €\n" +
				"Totale                           1.318,21 €",
			header: Header{Number: str("18/A"), Date: date("2026-03-04"), DueDate: date("2026-04-03"), Currency: str("EUR"), Language: str("it")},
			items: []Item{
				{Description: "Consulenza", Amount: dec("1000.00")},
				{Description: "Trasferta", Amount: dec("80.50")},
			},
			net: dec("1080.50"), tax: dec("237.71"), gross: dec("1318.21"), ok: true,
		},
		"discounts in the lines": {
			page: "Invoice No. 10\nDate: 2026-03-04\n\n" +
				"Description       Qty      Price   Disc. %     Amount\n" +
				"Paint               2     100.00       10      180.00\n" +
				"Brush               1      50.00                50.00\n\n" +
				"Net                                            230.00\n" +
				"VAT 20%                                         46.00\n" +
				"Total                                          276.00",
			header: Header{Number: str("10"), Date: date("2026-03-04"), Language: str("en")},
			items: []Item{
				{Description: "Paint", Quantity: dec("2"), UnitPrice: dec("100.00"), DiscountRate: dec("10"), Amount: dec("180.00")},
				{Description: "Brush", Quantity: dec("1"), UnitPrice: dec("50.00"), Amount: dec("50.00")},
			},
			net: dec("230.00"), tax: dec("46.00"), gross: dec("276.00"), ok: true,
		},
		"tax off by more than a cent": {
			page: "Invoice No. 9\nDate: March 4th, 2026\n\n" +
				"Item            Amount\n" +
				"Paint           100.00\n\n" +
				"Subtotal        100.00\n" +
				"VAT 20%          20.02\n" +
				"Total           120.02",
			header: Header{Number: str("9"), Date: date("2026-03-04"), Language: str("en")},
			items:  []Item{{Description: "Paint", Amount: dec("100.00")}},
			net:    dec("100.00"), tax: dec("20.02"), gross: dec("120.02"), ok: false,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := Extract([]string{test.page})
			// What stands above a table without an address is no party worth testing.
			v.Seller, v.Buyer = nil, nil
			if diff := cmp.Diff(test.header, v.Header); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.items, v.Items); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]*Decimal{test.net, test.tax, test.gross}, []*Decimal{v.Totals.Net, v.Totals.TaxAmount, v.Totals.Gross}); diff != "" {
				t.Errorf("net, tax, gross (-want +got):\n%s", diff)
			}
			if v.OK() != test.ok {
				t.Errorf("OK() = %v; findings: %+v", v.OK(), v.Findings)
			}
			if len(v.Findings) == 0 && test.net != nil {
				t.Error("nothing was checked")
			}
		})
	}
}

func TestNumber(t *testing.T) {
	point, comma := notation{}, notation{comma: true}
	tests := []struct {
		n    notation
		text string
		want Decimal
	}{
		{point, "1,234.50", "1234.50"},
		{comma, "1.234,50", "1234.50"},
		{point, "1,234", "1234"},
		{comma, "1,234", "1.234"},
		{comma, "1.234", "1234"},
		{point, "1.234", "1.234"},
		{comma, "12.345.678", "12345678"},
		{comma, "1 234,5 €", "1234.5"},
		{comma, "1\u202f234,5 €", ""},
		{point, "1’234.50", "1234.50"},
		{point, "(12.00)", "-12.00"},
		{point, "12.00-", "-12.00"},
		{point, "−$12.00", "-12.00"},
		{point, "$-12.00", "-12.00"},
		{point, "CHF 0.05", "0.05"},
		{point, "007", "7"},
		{point, "-0.00", "0.00"},
		{point, "1.2.3", ""},
		{point, "12.03.2026", ""},
		{point, "12 boxes", ""},
		{point, "1,23,4", ""},
		{point, "", ""},
	}
	for _, test := range tests {
		got, ok := test.n.number(test.text)
		if got != test.want || ok != (test.want != "") {
			t.Errorf("number(%q, comma %v) = %q, %v; want %q", test.text, test.n.comma, got, ok, test.want)
		}
	}
}

func TestDate(t *testing.T) {
	world, america := notation{}, notation{monthFirst: true}
	tests := []struct {
		n    notation
		text string
		want Date
	}{
		{world, "03/04/2026", "2026-04-03"},
		{america, "03/04/2026", "2026-03-04"},
		{world, "3.4.26", "2026-04-03"},
		{world, "2026-04-03", "2026-04-03"},
		{world, "3 April 2026", "2026-04-03"},
		{world, "3rd of April 2026", "2026-04-03"},
		{america, "April 3, 2026", "2026-04-03"},
		{world, "3. Dezember 2026", "2026-12-03"},
		{world, "1er août 2026", "2026-08-01"},
		{world, "5 de enero de 2026", "2026-01-05"},
		{world, "5 juin 2026", "2026-06-05"},
		{world, "5 juillet 2026", "2026-07-05"},
		{world, "14 maart 2026", "2026-03-14"},
		{world, "31.02.2026", ""},
		{world, "29.02.2026", ""},
		{world, "29.02.2028", "2028-02-29"},
		{world, "13/13/2026", ""},
		{world, "3 bananas 2026", ""},
		{world, "0/0/0000", ""},
	}
	for _, test := range tests {
		got, _, ok := test.n.date(test.text)
		if got != test.want || ok != (test.want != "") {
			t.Errorf("date(%q) = %q, %v; want %q", test.text, got, ok, test.want)
		}
	}
}
