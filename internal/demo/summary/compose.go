package summary

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Options say how long a summary is. A zero field means its default.
type Options struct {
	// Sentences is the largest number of sentences. Default 7, at most 100.
	Sentences int `json:"sentences"`
	// Characters is the largest length of the text in characters; the sentences
	// with the lowest scores are left out for it. Default 3,000.
	Characters int `json:"characters"`
	// Keywords is the largest number of keywords. Default 10, at most 100.
	Keywords int `json:"keywords"`
}

func (o Options) withDefaults() Options {
	set := func(field *int, value, most int) {
		if *field <= 0 {
			*field = value
		}
		*field = min(*field, most)
	}
	set(&o.Sentences, 7, 100)
	set(&o.Characters, 3000, 1<<20)
	set(&o.Keywords, 10, 100)
	return o
}

// A Summary is what a long text says in short.
type Summary struct {
	// Title is nil when the text has no headings.
	Title    *string  `json:"title"`
	Keywords []string `json:"keywords"`
	// Text is the sentences, in the order of the text, with a blank between two.
	Text      string      `json:"text"`
	Sentences []Candidate `json:"sentences"`
	// Source is what was read.
	Source Outline `json:"source"`
}

// tooLike is the share of terms from which a sentence repeats another.
const tooLike = 0.45

// Rank picks the best sentences that do not repeat each other, the best first.
func Rank(candidates []Candidate, options Options) []Candidate {
	options = options.withDefaults()
	candidates = slices.Clone(candidates)
	slices.SortFunc(candidates, better)
	picked := []Candidate{}
	var seen [][]term
	for _, c := range candidates {
		if len(picked) == options.Sentences {
			break
		}
		list := distinct(terms(c.Text))
		if slices.ContainsFunc(seen, func(other []term) bool { return overlap(list, other) >= tooLike }) {
			continue
		}
		picked = append(picked, c)
		seen = append(seen, list)
	}
	return picked
}

// overlap is the number of shared terms against that of the shorter list.
func overlap(a, b []term) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	shared := 0
	for _, t := range a {
		if _, found := slices.BinarySearch(b, t); found {
			shared++
		}
	}
	return float64(shared) / float64(min(len(a), len(b)))
}

// Compose puts the ranked sentences in the order of the text, as many as fit.
func Compose(source Outline, vocabulary Vocabulary, ranked []Candidate, options Options) Summary {
	options = options.withDefaults()
	kept := []Candidate{}
	room := options.Characters
	for _, c := range ranked[:min(len(ranked), options.Sentences)] {
		length := utf8.RuneCountInString(c.Text)
		if len(kept) > 0 {
			length++
		}
		if length <= room {
			kept = append(kept, c)
			room -= length
		}
	}
	slices.SortFunc(kept, func(a, b Candidate) int { return cmp.Compare(a.Index, b.Index) })
	texts := make([]string, len(kept))
	for i, c := range kept {
		texts[i] = c.Text
	}
	return Summary{
		Title:     source.Title,
		Keywords:  vocabulary.Keywords(options.Keywords),
		Text:      strings.Join(texts, " "),
		Sentences: kept,
		Source:    source,
	}
}
