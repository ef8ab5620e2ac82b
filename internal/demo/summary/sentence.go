package summary

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// abbreviations never end a sentence: a name or a number follows them.
var abbreviations = wordSet(`mr mrs ms mx dr prof rev hon st mt sr jr messrs mme mlle m gen col capt lt sgt
	sen rep gov pres fig figs eq eqs no nos nr vol vols ed eds p pp ch chap sec sect art par prop exper obs ax
	defin def theor prob lect optic qu ex cf vgl viz vs approx ca circa e.g i.e z.b d.h u.a o.ä s.o s.u bzw bzgl
	evtl ggf inkl exkl abs hr fr frl dipl ing tel str jan feb mar apr jun jul aug sep sept oct nov dec okt dez
	janv févr avr juil lib cap tab op bd hrsg geb gest sog sr sra srta dª pág núm ej`)

// mayEnd are abbreviations that do end a sentence when a capital follows.
var mayEnd = wordSet(`etc usw al co corp inc ltd a.m p.m u.s u.k u.s.a b.c a.d bc ad usf ff`)

// starters are words that begin sentences and are no names: after an initial or a
// Roman number they show that the sentence is over.
var starters = wordSet(`the then there therefore these this those that thus to and but for if in it is its on or
	so such some since let now when where whence whilst while what which who why how he she they we you i at as
	all also another any because before after both by each from hence here his her my our your their no not of
	one upon with without der die das den dem des ein eine und aber wenn so dann es er sie wir ich in im auf le la
	les un une et mais si il elle nous vous ce cette el los las una y pero`)

func wordSet(list string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(list) {
		set[word] = true
	}
	return set
}

var (
	roman   = regexp.MustCompile(`^[IVXLC]{1,6}$`)
	ordinal = regexp.MustCompile(`^\d{1,3}$`)
)

// closers may follow the stop of a sentence and still belong to it.
const closers = `"'”’»)]}`

// openers may come before the first word of a sentence.
const openers = `"'“‘„«([{¿¡—–-`

// sentences splits a paragraph in one line.
func sentences(text string) []string {
	var out []string
	start, words := 0, 0
	cut := func(end int) {
		if s := strings.TrimSpace(text[start:end]); s != "" {
			out = append(out, s)
		}
		start, words = end, 0
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		switch r {
		case ' ':
			if words++; words >= maxWords {
				cut(i)
			}
		case '。', '！', '？':
			i += closing(text[i:])
			cut(i)
		case '.', '!', '?', '…':
			end := i + closing(text[i:])
			if ends(text[start:i], text[i:end], text[end:]) {
				cut(end)
				i = end
			}
		}
	}
	cut(len(text))
	return out
}

// closing is the length of the quotes and brackets, and of further stops, that
// text begins with.
func closing(text string) int {
	n := 0
	for n < len(text) {
		// French sets a blank before its closing quotes.
		if strings.HasPrefix(text[n:], " »") {
			n += len(" »")
			continue
		}
		r, size := utf8.DecodeRuneInString(text[n:])
		if !strings.ContainsRune(closers+".!?…", r) {
			break
		}
		n += size
	}
	return n
}

// ends decides whether a sentence is over. before ends with the stop, closed is
// what belongs to it, and after is the rest of the paragraph.
func ends(before, closed, after string) bool {
	if after == "" {
		return true
	}
	next, spaced := strings.CutPrefix(after, " ")
	if !spaced {
		return false
	}
	next = strings.TrimLeft(next, openers+" ")
	first, _ := utf8.DecodeRuneInString(next)
	if unicode.IsLower(first) || !unicode.IsLetter(first) && !unicode.IsDigit(first) {
		return false
	}
	if !strings.HasSuffix(before, ".") || strings.ContainsAny(closed, ".!?…") {
		return true
	}
	nextWord := strings.ToLower(word(next))
	last := strings.TrimLeft(before[strings.LastIndexByte(before, ' ')+1:len(before)-1], openers)
	// A stop within quotes or brackets is that of a sentence, unless an
	// abbreviation stands there.
	lower := strings.ToLower(strings.TrimRight(last, closers))
	switch {
	case abbreviations[lower]:
		return false
	case mayEnd[lower]:
		return !unicode.IsDigit(first)
	case utf8.RuneCountInString(last) == 1 && unicode.IsUpper(firstRune(last)), roman.MatchString(last):
		return starters[nextWord]
	case ordinal.MatchString(last):
		// "3. Oktober", and the number that a paragraph begins with.
		alone := strings.TrimSpace(before) == last+"."
		_, month := monthNames[nextWord]
		return !alone && !month
	case strings.Contains(last, ".") && allInitials(last):
		return starters[nextWord]
	}
	return true
}

var monthNames = map[string]bool{
	"januar": true, "februar": true, "märz": true, "april": true, "mai": true, "juni": true, "juli": true,
	"august": true, "september": true, "oktober": true, "november": true, "dezember": true, "jahrhundert": true,
}

// word is the run of letters that text begins with.
func word(text string) string {
	end := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsLetter(r) })
	if end < 0 {
		return text
	}
	return text[:end]
}

func firstRune(text string) rune {
	r, _ := utf8.DecodeRuneInString(text)
	return r
}

// allInitials is true for "J.R.R" and "U.S".
func allInitials(text string) bool {
	for part := range strings.SplitSeq(text, ".") {
		if utf8.RuneCountInString(part) != 1 {
			return false
		}
	}
	return true
}
