package invoice

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A field is something that a label names.
type field int

// The fields of the header.
const (
	fieldNumber field = iota
	fieldTitle
	fieldDate
	fieldDue
	fieldSeller
	fieldBuyer
	fieldTaxID
)

// A label is a text, in lower case, that names a field in a language.
type label struct {
	text     string
	language string
}

// headerLabels are in the order in which they are preferred, best first.
var headerLabels = map[field][]label{
	fieldNumber: labels(
		"en", "tax invoice number", "invoice number", "invoice no", "invoice nr", "invoice num", "invoice id", "invoice #", "inv no", "bill number", "credit note number",
		"de", "rechnungsnummer", "rechnungs-nummer", "rechnungs-nr", "rechnungsnr", "rechnung nr", "rechnung-nr", "rechnung nummer", "beleg-nr", "belegnummer",
		"fr", "numéro de facture", "numéro de la facture", "n° de facture", "n° facture", "facture n°", "facture no", "facture numéro", "facture nº",
		"es", "número de factura", "n.º de factura", "nº de factura", "nº factura", "factura n.º", "factura nº", "factura n°", "factura número", "factura núm",
		"it", "numero fattura", "numero della fattura", "fattura n°", "fattura n", "fattura numero", "n. fattura",
		"nl", "factuurnummer", "factuurnr", "factuur nr", "factuur-nr", "factuur nummer",
	),
	fieldTitle: labels(
		"en", "tax invoice", "sales invoice", "invoice", "credit note",
		"de", "rechnung", "gutschrift", "honorarrechnung",
		"fr", "facture", "avoir",
		"es", "factura",
		"it", "fattura",
		"nl", "factuur", "creditnota",
	),
	fieldDate: labels(
		"en", "invoice date", "date of invoice", "date of issue", "issue date", "issued on", "issued", "tax point", "date", "dated",
		"de", "rechnungsdatum", "rechnungs-datum", "ausstellungsdatum", "belegdatum", "datum", "vom",
		"fr", "date de facturation", "date de la facture", "date de facture", "date d'émission", "date facture", "date", "émise le", "en date du",
		"es", "fecha de factura", "fecha factura", "fecha de emisión", "fecha de expedición", "fecha",
		"it", "data fattura", "data della fattura", "data di emissione", "data documento", "data",
		"nl", "factuurdatum", "datum",
	),
	fieldDue: labels(
		"en", "payment due date", "due date", "payment due by", "payment due on", "payment due", "date due", "due by", "due on", "pay by", "payable by", "due",
		"de", "fälligkeitsdatum", "fällig am", "fällig bis", "fälligkeit", "fällig", "zahlbar bis zum", "zahlbar bis", "zahlungsziel", "zu zahlen bis",
		"fr", "date d'échéance", "date limite de paiement", "échéance", "à régler avant le", "payable avant le",
		"es", "fecha de vencimiento", "fecha vencimiento", "vencimiento", "vence el",
		"it", "data di scadenza", "data scadenza", "scadenza", "scadenza pagamento",
		"nl", "vervaldatum", "uiterste betaaldatum", "te betalen voor", "betalen voor",
	),
	fieldSeller: labels(
		"en", "from", "seller", "supplier", "vendor", "issued by", "bill from", "sold by", "payee",
		"de", "von", "verkäufer", "lieferant", "rechnungssteller", "rechnungsaussteller", "leistungserbringer", "absender",
		"fr", "vendeur", "émetteur", "fournisseur", "prestataire",
		"es", "emisor", "vendedor", "proveedor", "datos del emisor",
		"it", "da", "venditore", "fornitore", "cedente", "emittente",
		"nl", "van", "verkoper", "leverancier", "afzender",
	),
	fieldBuyer: labels(
		"en", "bill to", "billed to", "billing address", "invoice to", "invoiced to", "invoice address", "sold to", "customer", "client", "buyer", "to",
		"de", "rechnung an", "rechnungsadresse", "rechnungsanschrift", "rechnungsempfänger", "empfänger", "kunde", "auftraggeber", "käufer", "an",
		"fr", "facturé à", "facturer à", "adresse de facturation", "destinataire", "acheteur", "client", "à",
		"es", "facturar a", "facturado a", "cliente", "comprador", "datos del cliente", "destinatario",
		"it", "fatturare a", "cliente", "destinatario", "spettabile", "spett.le", "cessionario", "acquirente",
		"nl", "factuur aan", "factuuradres", "gefactureerd aan", "klant", "koper", "afnemer", "aan",
	),
	fieldTaxID: labels(
		"en", "vat registration number", "vat registration no", "vat reg. no", "vat reg no", "vat reg", "vat number", "vat no", "vat id", "tax id", "tax no", "tax number", "ein", "gstin", "gst no", "abn",
		"de", "ust-idnr", "ust-id-nr", "ust-id", "ust.-id", "ustid", "uid-nr", "uid", "mwst-nr", "mwst.-nr", "steuernummer", "steuer-nr", "st.-nr",
		"fr", "n° tva intracommunautaire", "n° de tva intracommunautaire", "n° tva", "n° de tva", "tva intracommunautaire", "numéro de tva", "siret", "siren",
		"es", "nif", "cif", "n.i.f", "c.i.f", "nif/cif",
		"it", "partita iva", "p. iva", "p.iva", "p.i", "codice fiscale",
		"nl", "btw-nummer", "btw-nr", "btw nummer", "btw nr", "btw-id", "kvk-nummer",
	),
}

// other names things that stand where a party's address might go on: they end it.
var other = labels(
	"en", "ship to", "deliver to", "delivery address", "account", "account no", "customer no", "customer number", "customer id", "order", "order no", "p.o. number", "po number", "purchase order", "reference", "your reference", "terms", "payment terms", "subject", "page", "project",
	"de", "lieferadresse", "lieferanschrift", "kunden-nr", "kundennummer", "kundennr", "bestellnummer", "lieferdatum", "leistungsdatum", "leistungszeitraum", "zeichen", "betreff", "seite", "ansprechpartner", "auftrag", "projekt",
	"fr", "adresse de livraison", "livré à", "réf. client", "référence", "n° client", "objet", "page", "conditions",
	"es", "dirección de entrega", "enviar a", "referencia", "n.º de cliente", "pedido", "página", "asunto",
	"it", "destinazione", "riferimento", "oggetto", "pagina", "ordine",
	"nl", "afleveradres", "uw referentie", "referentie", "klantnummer", "ordernummer", "betreft", "pagina",
)

// labels takes languages, each followed by its texts.
func labels(list ...string) []label {
	var out []label
	language := ""
	for _, text := range list {
		if len(text) == 2 && slices.Contains(languages, text) {
			language = text
			continue
		}
		out = append(out, label{text, language})
	}
	return out
}

// languages are those that labels are known in, in the order in which a draw is
// decided.
var languages = []string{"en", "de", "fr", "es", "it", "nl"}

// fold brings text into the form that labels are compared in.
func fold(text string) string {
	return strings.ToLower(strings.NewReplacer("’", "'", "\u2011", "-", "–", "-").Replace(text))
}

// findLabel returns where label stands in text as whole words, both folded.
func findLabel(text, label string) (at int, ok bool) {
	for from := 0; ; {
		i := strings.Index(text[from:], label)
		if i < 0 {
			return 0, false
		}
		at = from + i
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[at+len(label):])
		last, _ := utf8.DecodeLastRuneInString(label)
		if !isWord(before) && (!isWord(after) || !isWord(last)) {
			return at, true
		}
		from = at + 1
	}
}

func isWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// startsWith reports whether text begins with one of the labels, and returns the
// longest and what follows it.
func startsWith(text string, list []label) (rest string, found label, ok bool) {
	folded := fold(text)
	for _, l := range list {
		if !strings.HasPrefix(folded, l.text) || len(l.text) <= len(found.text) {
			continue
		}
		after, _ := utf8.DecodeRuneInString(folded[len(l.text):])
		last, _ := utf8.DecodeLastRuneInString(l.text)
		if isWord(after) && isWord(last) {
			continue
		}
		found, ok = l, true
	}
	if !ok {
		return "", label{}, false
	}
	// Folding keeps the number of runes, not of bytes.
	runes := []rune(text)
	return trimLabel(string(runes[min(len(runes), utf8.RuneCountInString(found.text)):])), found, true
}

// trimLabel drops the punctuation between a label and its value.
func trimLabel(text string) string {
	return strings.TrimLeft(text, " .:#°º\t")
}
