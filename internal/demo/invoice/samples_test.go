package invoice

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the JSON beside the samples anew; read the diff before committing it")

const samples = "../../../examples/invoices"

func readSample(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(samples, name))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// TestSamples extracts every sample and compares it with the JSON beside it.
func TestSamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(samples, "*.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".pdf")
		if name == "scanned" {
			continue
		}
		compared++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pages, err := Text(readSample(t, name+".pdf"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(Extract(pages), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join(samples, name+".json")
			if *update {
				if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			var want, found any
			if err := json.Unmarshal(readSample(t, name+".json"), &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(got, &found); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, found); diff != "" {
				t.Errorf("extraction differs from %s (-want +got):\n%s", golden, diff)
			}
		})
	}
	if compared < 9 {
		t.Errorf("compared %d samples, expected at least 9", compared)
	}
}

// TestStepsSurviveJSON runs the steps as a workflow does: what one step returns
// reaches the next one through JSON.
func TestStepsSurviveJSON(t *testing.T) {
	pages, err := Text(readSample(t, "browser-de.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	pages = throughJSON(t, pages)
	header := throughJSON(t, FindHeader(pages))
	items := throughJSON(t, FindItems(pages))
	totals := throughJSON(t, FindTotals(pages))
	got := Invoice{Header: header, Items: items, Totals: totals, Findings: throughJSON(t, Check(header, items, totals))}
	if diff := cmp.Diff(Extract(pages), got); diff != "" {
		t.Errorf("steps differ from Extract (-Extract +steps):\n%s", diff)
	}
}

func throughJSON[T any](t *testing.T, v T) T {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out T
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestScanHasNoText(t *testing.T) {
	pages, err := Text(readSample(t, "scanned.pdf"))
	if !errors.Is(err, ErrNoText) {
		t.Fatalf("Text of a scan = %q, %v; want ErrNoText", pages, err)
	}
	if !strings.Contains(err.Error(), "scan") {
		t.Errorf("the message %q does not say what the matter is", err)
	}
}

func TestWrongInvoiceIsFound(t *testing.T) {
	pages, err := Text(readSample(t, "browser-wrong-total.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	v := Extract(pages)
	if v.OK() {
		t.Fatal("the wrong invoice passed")
	}
	var failed []string
	for _, f := range v.Findings {
		if !f.OK {
			failed = append(failed, f.Check)
			if f.Message == "" || f.Expected == f.Found {
				t.Errorf("failed finding without an explanation: %+v", f)
			}
		}
	}
	if diff := cmp.Diff([]string{"line_amount", "items_sum", "gross"}, failed); diff != "" {
		t.Errorf("failed checks (-want +got):\n%s", diff)
	}
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	sound := readSample(t, "office-ch.pdf")
	tests := map[string]struct {
		data []byte
		want error
	}{
		"empty":            {nil, ErrNotPDF},
		"text":             {[]byte("Invoice No. 12"), ErrNotPDF},
		"header only":      {[]byte("%PDF-1.7\n"), ErrCorrupt},
		"first half":       {sound[:len(sound)/2], ErrCorrupt},
		"encrypted":        {[]byte("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n3 0 obj<</Filter/Standard/V 1>>endobj\ntrailer<</Root 1 0 R/Encrypt 3 0 R>>"), ErrEncrypted},
		"no pages":         {[]byte("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>"), ErrCorrupt},
		"more than 20 MiB": {append([]byte("%PDF-1.4\n"), make([]byte, 20<<20)...), ErrTooLarge},
		"more than 200 pages": {[]byte("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[" +
			strings.Repeat("<</Type/Page>>", 201) + "]>>endobj\ntrailer<</Root 1 0 R>>"), ErrTooLarge},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Text(test.data); !errors.Is(err, test.want) {
				t.Errorf("Text() error = %v, want %v", err, test.want)
			}
		})
	}
}

// TestBrokenTables reads a file whose cross-reference tables are gone, which is
// repaired by searching for its objects.
func TestBrokenTables(t *testing.T) {
	for _, name := range []string{"browser-us.pdf", "office-fr.pdf", "tex-uk.pdf", "typst-nl.pdf"} {
		sound := readSample(t, name)
		want, err := Text(sound)
		if err != nil {
			t.Fatal(err)
		}
		broken := []byte(strings.ReplaceAll(string(sound), "startxref", "startxxxx"))
		got, err := Text(broken)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s reads differently when repaired:\n%s", name, diff)
		}
	}
}

// TestDamaged reads the samples with random bytes changed. Whatever the damage,
// the answer is text or a typed error.
func TestDamaged(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"browser-us", "office-ch", "tex-uk", "typst-nl", "scanned"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sound := readSample(t, name+".pdf")
			random := rand.New(rand.NewPCG(1, 2))
			for round := range 24 {
				data := bytes.Clone(sound)
				for range 1 + round {
					data[random.IntN(len(data))] = byte(random.IntN(256))
				}
				if round%4 == 0 {
					data = data[:random.IntN(len(data))]
				}
				pages, err := Text(data)
				if err != nil && !typed(err) {
					t.Fatalf("round %d: untyped error: %v", round, err)
				}
				if err != nil && strings.Contains(err.Error(), "runtime error") {
					t.Errorf("round %d: a panic was caught: %v", round, err)
				}
				Extract(pages)
			}
		})
	}
}

func typed(err error) bool {
	for _, known := range []error{ErrNoText, ErrNotPDF, ErrEncrypted, ErrCorrupt, ErrTooLarge} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

func FuzzText(f *testing.F) {
	// The small samples only: the fuzzer is slow on long inputs. The large ones are
	// damaged at random by TestDamaged, and pdftext has a fuzz target of its own.
	f.Add(readSample(f, "scanned.pdf"))
	f.Add(readSample(f, "typst-es.pdf"))
	f.Fuzz(func(t *testing.T, data []byte) {
		pages, err := Text(data)
		if err != nil && !typed(err) {
			t.Fatalf("untyped error: %v", err)
		}
		if _, err := json.Marshal(Extract(pages)); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzExtract(f *testing.F) {
	for _, name := range []string{"browser-us", "browser-de", "office-fr", "office-ch", "typst-es", "letter"} {
		pages, err := Text(readSample(f, name+".pdf"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(pages[0])
	}
	f.Fuzz(func(t *testing.T, page string) {
		pages := []string{page}
		first := Extract(pages)
		if diff := cmp.Diff(first, Extract(pages)); diff != "" {
			t.Fatalf("two runs differ:\n%s", diff)
		}
		for _, item := range first.Items {
			if item.Description == "" {
				t.Errorf("item without a description: %+v", item)
			}
		}
	})
}
