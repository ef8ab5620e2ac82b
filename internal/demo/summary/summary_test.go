package summary

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the expected summary anew; read the diff before committing it")

const (
	opticks  = "../../../examples/texts/newton-opticks.txt"
	expected = "../../../examples/texts/newton-opticks.json"
)

func readFile(tb testing.TB, path string) string {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

func TestOpticks(t *testing.T) {
	t.Parallel()
	got, err := Summarize(readFile(t, opticks), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		data, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(expected, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var want Summary
	if err := json.Unmarshal([]byte(readFile(t, expected)), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	for _, word := range []string{"light", "colour", "refraction", "prism"} {
		if !slices.Contains(got.Keywords, word) {
			t.Errorf("%q is no keyword of a book on light: %q", word, got.Keywords)
		}
	}
	if got.Title == nil || !strings.Contains(*got.Title, "OPTICKS") {
		t.Errorf("title = %v", got.Title)
	}
}

// TestSteps runs the steps as a workflow does, with each result carried as JSON,
// and the chunks counted and scored in another order.
func TestSteps(t *testing.T) {
	t.Parallel()
	text := readFile(t, opticks)
	want, err := Summarize(text, Options{Sentences: 5})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := Split(text)
	if err != nil {
		t.Fatal(err)
	}
	chunks := doc.Chunks()
	if len(chunks) != doc.Outline().Chunks || len(chunks) < 10 {
		t.Fatalf("%d chunks, the outline says %d", len(chunks), doc.Outline().Chunks)
	}
	slices.Reverse(chunks)
	var counts []Vocabulary
	for _, c := range chunks {
		counts = append(counts, throughJSON(t, Count(throughJSON(t, c))))
	}
	vocabulary := throughJSON(t, Merge(counts...))
	var candidates []Candidate
	for _, c := range chunks {
		scored := throughJSON(t, ScoreChunk(c, vocabulary))
		if len(scored) == 0 || len(scored) > candidatesPerChunk {
			t.Errorf("chunk %d gave %d candidates", c.Number, len(scored))
		}
		candidates = append(candidates, scored...)
	}
	ranked := throughJSON(t, Rank(candidates, Options{Sentences: 5}))
	got := throughJSON(t, Compose(throughJSON(t, doc.Outline()), vocabulary, ranked, Options{Sentences: 5}))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps differ from Summarize (-Summarize +steps):\n%s", diff)
	}
}

func throughJSON[T any](t *testing.T, v T) T {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 1<<20 {
		t.Errorf("the result of a step has %d bytes", len(data))
	}
	var out T
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// checkSummary asserts what holds for the summary of any text.
func checkSummary(t *testing.T, text string, options Options) {
	t.Helper()
	s, err := Summarize(text, options)
	if err != nil {
		if !errors.Is(err, ErrEmpty) && !errors.Is(err, ErrTooLong) && !errors.Is(err, ErrNotText) {
			t.Fatalf("untyped error: %v", err)
		}
		return
	}
	again, err := Summarize(text, options)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, again); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
	limits := options.withDefaults()
	if len(s.Sentences) > limits.Sentences || len(s.Keywords) > limits.Keywords || utf8.RuneCountInString(s.Text) > limits.Characters {
		t.Errorf("beyond %+v: %d sentences, %d keywords, %d characters", limits, len(s.Sentences), len(s.Keywords), utf8.RuneCountInString(s.Text))
	}
	doc, err := Split(text)
	if err != nil {
		t.Fatal(err)
	}
	last := -1
	for _, c := range s.Sentences {
		if c.Index <= last {
			t.Errorf("sentence %d stands after %d", c.Index, last)
		}
		last = c.Index
		if doc.Sentences[c.Index] != c.Sentence {
			t.Errorf("sentence %d is not that of the text: %+v", c.Index, c.Sentence)
		}
		if c.Score < 0 || c.Score > 1.000001 {
			t.Errorf("score %v", c.Score)
		}
	}
	if utf8.ValidString(text) && !utf8.ValidString(s.Text) {
		t.Error("the summary is not valid UTF-8")
	}
}

func TestProperties(t *testing.T) {
	t.Parallel()
	text := readFile(t, opticks)
	for _, options := range []Options{
		{},
		{Sentences: 1},
		{Sentences: 40, Characters: 500, Keywords: 3},
		{Sentences: 1000, Characters: 1 << 30, Keywords: 1000},
	} {
		checkSummary(t, text, options)
		checkSummary(t, text[:20_000], options)
		checkSummary(t, strings.ReplaceAll(text[:50_000], "\n", "\r\n"), options)
	}
}

func TestRankLeavesRepetitionsOut(t *testing.T) {
	t.Parallel()
	s := func(i int, score float64, text string) Candidate {
		return Candidate{Sentence: Sentence{Index: i, Text: text}, Score: score}
	}
	got := Rank([]Candidate{
		s(0, 0.5, "Rivers carry sand and mud down to the sea."),
		s(1, 0.9, "The river carries mud and sand to the sea every spring."),
		s(2, 0.4, "Towns grew where merchants crossed the water."),
		s(3, 0.4, "Bridges came centuries later and cost a fortune."),
	}, Options{Sentences: 3})
	var order []int
	for _, c := range got {
		order = append(order, c.Index)
	}
	if diff := cmp.Diff([]int{1, 2, 3}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestBadTexts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want error
	}{
		"empty":        {"", ErrEmpty},
		"blanks":       {" \n\t\n", ErrEmpty},
		"only heading": {"CHAPTER ONE", ErrEmpty},
		"only numbers": {"1 2 3\n4 5 6", ErrEmpty},
		"not UTF-8":    {"Gr\xfc\xdfe aus Wien.", ErrNotText},
		"NUL":          {"One.\x00Two.", ErrNotText},
		"too long":     {strings.Repeat("Word. ", MaxBytes/6+1), ErrTooLong},
	} {
		if _, err := Summarize(test.text, Options{}); !errors.Is(err, test.want) {
			t.Errorf("%s: error = %v, want %v", name, err, test.want)
		}
	}
}

// A few words alone are no heading of nothing.
func TestAFewWords(t *testing.T) {
	t.Parallel()
	s, err := Summarize("Hello world", Options{})
	if err != nil || len(s.Sentences) != 1 || s.Text != "Hello world" {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := Summarize("# Hello world", Options{}); !errors.Is(err, ErrEmpty) {
		t.Errorf("a heading: %v", err)
	}
}

func TestSentences(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"One. Two! Three? Four": {"One.", "Two!", "Three?", "Four"},
		`Mr. Smith met Dr. Jones at 3.5 p.m. on St. James St. in No. 7.`: {
			`Mr. Smith met Dr. Jones at 3.5 p.m. on St. James St. in No. 7.`,
		},
		`"Stop!" he said. "Why?" She left.`:                      {`"Stop!" he said.`, `"Why?"`, "She left."},
		"He came (late.) She went.":                              {"He came (late.)", "She went."},
		"J. R. R. Tolkien wrote it. See point F. The line ends.": {"J. R. R. Tolkien wrote it.", "See point F.", "The line ends."},
		"In Part II. Sect. 4 it says so. Louis XIV. died.":       {"In Part II. Sect. 4 it says so.", "Louis XIV. died."},
		"Am 3. Oktober kam er, d. h. z.B. gestern. Er blieb bis 1990. Dann ging er.": {
			"Am 3. Oktober kam er, d. h. z.B. gestern.", "Er blieb bis 1990.", "Dann ging er.",
		},
		"Bring apples, pears, etc. Then go. He has pens etc. and ink.": {"Bring apples, pears, etc.", "Then go.", "He has pens etc. and ink."},
		"Well... maybe. Wait… No.":                                     {"Well... maybe.", "Wait…", "No."},
		"Visit example.com today. Now.":                                {"Visit example.com today.", "Now."},
		"今日は晴れ。明日は雨！":                                                  {"今日は晴れ。", "明日は雨！"},
		"Il vint, p. ex. hier. « Oui. » Elle partit.":                  {"Il vint, p. ex. hier.", "« Oui. »", "Elle partit."},
	} {
		if diff := cmp.Diff(want, sentences(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	endless := sentences(strings.Repeat("word ", 1000))
	if len(endless) != 3 {
		t.Errorf("a text without stops was cut into %d", len(endless))
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	title := "The Voyage"
	for name, test := range map[string]struct {
		text      string
		title     *string
		headings  []string
		sentences []string
	}{
		"hard line breaks": {
			"THE VOYAGE\n\nWe sailed at dawn, when the\nwind was _fair_ and the well-\nknown coast lay behind.[A] It\nrained.\n\n[A] Off Norway.\n",
			new("THE VOYAGE"),
			[]string{"THE VOYAGE"},
			[]string{"We sailed at dawn, when the wind was fair and the well-known coast lay behind.", "It rained."},
		},
		"Markdown": {
			"# The Voyage\n\nWe **sailed** at [dawn](http://x).\n\n## Day two\n\n- It rained.\n- It cleared.\n\n```\ncode. More code.\n```\n\n| a | 1 |\n|---|---|\n",
			&title,
			[]string{"The Voyage", "Day two"},
			[]string{"We sailed at dawn.", "It rained.", "It cleared."},
		},
		"a paragraph in each line": {
			strings.Repeat("A long line that goes on and on and on and on and on. ", 5) + "\n" + strings.Repeat("Another line that goes on and on and on and on and on. ", 5) + "\nShort end.",
			nil,
			[]string{},
			append(slices.Repeat([]string{"A long line that goes on and on and on and on and on."}, 5),
				append(slices.Repeat([]string{"Another line that goes on and on and on and on and on."}, 5), "Short end.")...),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, err := Split(test.text)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range doc.Sentences {
				got = append(got, s.Text)
			}
			if diff := cmp.Diff(test.sentences, got); diff != "" {
				t.Errorf("sentences (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.headings, doc.Headings); diff != "" {
				t.Errorf("headings (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.title, doc.Title); diff != "" {
				t.Errorf("title (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTerms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"The Sun's rays, and all Bodies": {"sun", "ray", "body"},
		"observ'd glasses":               {"observed", "glass"},
		"L'église de Chartres":           {"église", "chartre"},
		"Die Züge fahren über Brücken":   {"züge", "fahren", "brücken"},
		"it is as it was":                nil,
	} {
		if diff := cmp.Diff(want, terms(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func FuzzSummarize(f *testing.F) {
	f.Add("A TITLE\n\nOne sentence stands here. Another one follows it, and says more about sentences.\n\n- A list.\n", 3)
	f.Add("Am 3. Oktober. z.B. 今日は。 \"Ja!\" [A] _x_ ** *a* `", 0)
	f.Add("AAA00AAAAAAAA00A0A0A今日は。!!Aa", -2)
	f.Add(readFile(f, opticks)[3000:6000], 2)
	f.Fuzz(func(t *testing.T, text string, sentences int) {
		checkSummary(t, text, Options{Sentences: sentences, Characters: 200})
	})
}
