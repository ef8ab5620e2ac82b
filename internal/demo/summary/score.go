package summary

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// candidatesPerChunk is how many sentences a chunk sends on to [Rank].
const candidatesPerChunk = 12

// A Candidate is a sentence that may get into the summary. Its score is only
// comparable within one text.
type Candidate struct {
	Sentence
	Score float64 `json:"score"`
}

// Weights of the parts of a score, each of which is between 0 and 1.
const (
	weightCentral = 0.45
	weightTerms   = 0.35
	weightPlace   = 0.20
)

// Lengths in words between which a sentence reads well in a summary.
const (
	shortest = 8
	longest  = 45
)

// ScoreChunk returns the best sentences of a chunk, the best first. vocabulary
// is that of the whole text.
func ScoreChunk(chunk Chunk, vocabulary Vocabulary) []Candidate {
	n := len(chunk.Sentences)
	all := make([][]term, n)
	for i, s := range chunk.Sentences {
		all[i] = distinct(terms(s.Text))
	}
	central := centrality(all, vocabulary)
	weights := make([]float64, n)
	for i := range all {
		weights[i] = meanRarity(all[i], vocabulary)
	}
	normalize(central)
	normalize(weights)
	out := []Candidate{}
	for i, s := range chunk.Sentences {
		fit := shape(s.Text)
		if fit == 0 {
			if chunk.Total > 1 {
				continue
			}
			fit = 0.1 // the only sentence says what there is to say
		}
		score := weightCentral*central[i] + weightTerms*weights[i] + weightPlace*place(s, chunk.Total)
		out = append(out, Candidate{Sentence: s, Score: rounded(score * fit)})
	}
	slices.SortFunc(out, better)
	return out[:min(len(out), candidatesPerChunk)]
}

// better orders candidates by score, then by place.
func better(a, b Candidate) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Index, b.Index))
}

// meanRarity is how much the terms of a sentence say. Terms that stand only once
// in the text say nothing about it.
func meanRarity(list []term, v Vocabulary) float64 {
	if len(list) == 0 {
		return 0
	}
	sum := 0.0
	for _, t := range list {
		if n := v.Terms[t]; n > 1 {
			sum += v.rarity(t) * math.Log(float64(n))
		}
	}
	return sum / float64(len(list)+4)
}

// centrality is TextRank: a sentence counts as much as those count that share
// terms with it.
func centrality(all [][]term, v Vocabulary) []float64 {
	n := len(all)
	links := make([][]float64, n)
	for i := range links {
		links[i] = make([]float64, n)
	}
	for i := range n {
		for j := range i {
			w := likeness(all[i], all[j], v)
			links[i][j], links[j][i] = w, w
		}
	}
	out := make([]float64, n)
	sums := make([]float64, n)
	for i := range n {
		out[i] = 1
		for j := range n {
			sums[i] += links[i][j]
		}
	}
	const damping, rounds = 0.85, 20
	for range rounds {
		next := make([]float64, n)
		for i := range n {
			next[i] = 1 - damping
			for j := range n {
				if links[j][i] > 0 {
					next[i] += damping * out[j] * links[j][i] / sums[j]
				}
			}
		}
		out = next
	}
	return out
}

// likeness is the weight of the terms that two sentences share, against their
// lengths. Both are sorted.
func likeness(a, b []term, v Vocabulary) float64 {
	if len(a) < 2 || len(b) < 2 {
		return 0
	}
	shared := 0.0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch c := cmp.Compare(a[i], b[j]); {
		case c < 0:
			i++
		case c > 0:
			j++
		default:
			shared += v.rarity(a[i])
			i++
			j++
		}
	}
	return shared / (math.Log(float64(len(a))+1) + math.Log(float64(len(b))+1))
}

// normalize scales scores to at most 1.
func normalize(scores []float64) {
	top := 0.0
	for _, s := range scores {
		top = math.Max(top, s)
	}
	if top == 0 {
		return
	}
	for i := range scores {
		scores[i] /= top
	}
}

// place favours the opening sentences of paragraphs, and the beginning and the
// end of the text.
func place(s Sentence, total int) float64 {
	score := 0.0
	if s.First {
		score += 0.6
	}
	at := float64(s.Index) / float64(max(1, total-1))
	score += 0.4 * math.Abs(2*at-1)
	return score
}

// dependent are the words with which a sentence leans on the one before it.
var dependent = wordSet(`but for this these those that it they he she such so thus then therefore hence whence also
	and or yet nor which here there again moreover however besides his her their its same former latter
	aber denn dies diese dieser dieses er es sie so also und oder doch dabei dazu daher darum deshalb
	mais car ce cet cette ces il elle ils elles donc ainsi et pero y esto este esta ello`)

// shape is a factor for how well a sentence stands alone: 0 when it does not.
func shape(text string) float64 {
	if url.MatchString(text) || !strings.ContainsFunc(text, unicode.IsLetter) {
		return 0
	}
	words := len(strings.Fields(text))
	fit := 1.0
	switch {
	case words < 4:
		return 0
	case words < shortest:
		fit = 0.5
	case words > 2*longest:
		fit = 0.25
	case words > longest:
		fit = 0.7
	}
	if dependent[strings.ToLower(word(strings.TrimLeft(text, openers)))] {
		fit *= 0.75
	}
	last, _ := utf8.DecodeLastRuneInString(strings.TrimRight(text, closers))
	if !strings.ContainsRune(".!。！…", last) {
		// Questions, headings that were not seen, and what goes on after a colon.
		fit *= 0.6
	}
	if first := firstRune(strings.TrimLeft(text, openers)); unicode.IsLower(first) {
		fit *= 0.6
	}
	// Letters that name points of a figure, and numbers, need what is not there.
	odd := 0
	for w := range strings.FieldsSeq(text) {
		w = strings.Trim(w, ".,;:()[]'\"")
		if len(w) == 1 && w != "a" && w != "I" && w != "A" && w != "O" || strings.ContainsAny(w, "0123456789/=+") ||
			len(w) > 1 && len(w) <= 4 && w == strings.ToUpper(w) && strings.ContainsFunc(w, unicode.IsLetter) {
			odd++
		}
	}
	return fit * math.Max(0.1, 1-4*float64(odd)/float64(words))
}
