package summary

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// stopWords carry no subject. They are of all the languages together: a word that
// is one in any of them rarely is the subject in another.
var stopWords = wordSet(`a about above after again against all almost alone along already also although always am
	among an and another any are as at away be became because become been before being below between both but by came
	can cannot come could did do does doing done down during each either else even ever every few first for four
	five found from further gave get give given go goes great had has hath have having he her here hers herself him
	himself his how however i if in indeed into is it its itself just know last least less let like made make makes
	manner many may me might mine more most much must my myself near neither never next no none nor not nothing now
	of off often old on once one only or other others otherwise our ours out over own perhaps put rather said same
	saw say second see seem seemed seems several shall she should show since so some something such take taken than
	that the thee their theirs them themselves then thence there thereby therefore therein these they thing things
	third this those thou though three through thus thy till to together too towards two under unless until unto up
	upon us use used very was way we well went were what whatever when whence where whereby wherefore wherein
	whereof whether which while whilst who whole whom whose why will with within without would yet you your yours
	aber alle als also am an auch auf aus bei bin bis da dann das dass daß dem den denn der des die dies diese dieser
	dieses doch dort du durch ein eine einem einen einer eines er es für gegen hat hatte hier ich ihm ihn ihr ihre im
	in ist ja jede jeder kann kein keine können man mehr mein mit nach nicht noch nun nur ob oder ohne schon sehr sein
	seine sich sie sind so über um und uns unter vom von vor war waren was weil wenn wer werden wie wieder wir wird
	wo wurde wurden zu zum zur zwischen
	au aux avec ce ces cette comme dans de des donc du elle elles en est et eux fut il ils je la le les leur leurs lui
	mais même mes moi mon ne nos notre nous on ou où par pas plus pour qu que qui sa sans se ses son sont sur tout
	très tu un une vos votre vous y était
	al algo como con cuando de del desde donde el ella ellas ellos en era eran es esta este esto fue ha hay la las lo
	los más me mi muy no nos o para pero por porque que se ser si sin sobre su sus también te todo tu un una uno y ya`)

// A term is a word in the form in which it is counted.
type term = string

// terms returns the words of a sentence that may carry its subject, stemmed.
func terms(sentence string) []term {
	var out []term
	for w := range strings.FieldsFuncSeq(strings.ToLower(sentence), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && r != '\'' && r != '’'
	}) {
		w = strings.Trim(w, "'’")
		if at := strings.IndexAny(w, "'’"); at >= 0 {
			w = possessive(w, at)
		}
		if utf8.RuneCountInString(w) < 3 || stopWords[w] {
			continue
		}
		out = append(out, stem(w))
	}
	return out
}

// possessive keeps the half of "Sun's" and "l'église" that has the meaning.
func possessive(w string, at int) string {
	before, after := w[:at], strings.TrimLeft(w[at:], "'’")
	if utf8.RuneCountInString(before) <= 2 && utf8.RuneCountInString(after) > 2 {
		return after
	}
	if after == "d" {
		// "observ'd", as older books spell it.
		return before + "ed"
	}
	return before
}

// stem takes the most common English endings off, no more: it may only join words
// that a reader would join too.
func stem(w string) term {
	n := len(w)
	switch {
	case n > 5 && strings.HasSuffix(w, "ies"):
		return w[:n-3] + "y"
	case n > 5 && (strings.HasSuffix(w, "sses") || strings.HasSuffix(w, "shes") || strings.HasSuffix(w, "ches") || strings.HasSuffix(w, "xes")):
		return w[:n-2]
	case n > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") && !strings.HasSuffix(w, "us") && !strings.HasSuffix(w, "is"):
		return w[:n-1]
	}
	return w
}

// maxTerms bounds the vocabulary that is handed from step to step. The rarest
// terms beyond it are dropped; they would not change the ranking.
const maxTerms = 20_000

// A Vocabulary counts in how many sentences each term stands.
type Vocabulary struct {
	Sentences int            `json:"sentences"`
	Terms     map[string]int `json:"terms"`
}

// Count counts the terms of one chunk.
func Count(chunk Chunk) Vocabulary {
	v := Vocabulary{Sentences: len(chunk.Sentences), Terms: map[string]int{}}
	for _, s := range chunk.Sentences {
		for _, t := range distinct(terms(s.Text)) {
			v.Terms[t]++
		}
	}
	return v
}

// Merge adds up the counts of chunks, in any order.
func Merge(parts ...Vocabulary) Vocabulary {
	sum := Vocabulary{Terms: map[string]int{}}
	for _, part := range parts {
		sum.Sentences += part.Sentences
		for t, n := range part.Terms {
			sum.Terms[t] += n
		}
	}
	if len(sum.Terms) > maxTerms {
		for _, t := range sum.byCount()[maxTerms:] {
			delete(sum.Terms, t)
		}
	}
	return sum
}

// byCount returns the terms, the most frequent first.
func (v Vocabulary) byCount() []term {
	out := make([]term, 0, len(v.Terms))
	for t := range v.Terms {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b term) int {
		return cmp.Or(cmp.Compare(v.Terms[b], v.Terms[a]), cmp.Compare(a, b))
	})
	return out
}

// rarity is the inverse document frequency of a term, never negative.
func (v Vocabulary) rarity(t term) float64 {
	n := v.Terms[t]
	if n == 0 {
		return 0
	}
	return math.Log(1 + float64(v.Sentences)/float64(n))
}

// Keywords returns the n terms that the text is about: frequent, and not so
// frequent that they are in every sentence.
func (v Vocabulary) Keywords(n int) []string {
	type weighed struct {
		term   term
		weight float64
	}
	var all []weighed
	for t, count := range v.Terms {
		if count >= 2 && utf8.RuneCountInString(t) > 3 {
			all = append(all, weighed{t, rounded(float64(count) * v.rarity(t))})
		}
	}
	slices.SortFunc(all, func(a, b weighed) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.term, b.term))
	})
	out := []string{}
	for _, w := range all[:min(n, len(all))] {
		out = append(out, w.term)
	}
	return out
}

// distinct returns the terms in order of the alphabet, each once.
func distinct(list []term) []term {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// rounded drops the digits in which machines may differ.
func rounded(score float64) float64 { return math.Round(score*1e6) / 1e6 }
