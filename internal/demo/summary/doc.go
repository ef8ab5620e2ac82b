// Package summary picks the sentences that say most of a long text, in separate
// steps, each a pure function that a durable workflow can run and record on its
// own, with progress: [Split], [Document.Chunks], [Count] and [ScoreChunk] for
// each chunk, [Rank] and [Compose].
//
// The summary is extractive: every sentence of it stands in the text. A sentence
// scores by how rare and frequent its words are (TF-IDF), by how much the
// sentences around it share with it (TextRank within its chunk), and by its place
// and shape. The same text gives the same summary on every machine: scores are
// rounded before they are compared, and draws go to the earlier sentence.
package summary

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// The reasons for which [Split] refuses a text. Test for them with errors.Is.
var (
	// ErrEmpty means that the text has no sentence.
	ErrEmpty = errors.New("the text has no sentences")
	// ErrTooLong means that the text has more than [MaxBytes].
	ErrTooLong = errors.New("the text is too long")
	// ErrNotText means that the text is not UTF-8, or holds NUL.
	ErrNotText = errors.New("the text is not valid UTF-8")
)

// MaxBytes is the length of the longest text that [Split] takes.
const MaxBytes = 16 << 20

func validate(text string) error {
	if len(text) > MaxBytes {
		return fmt.Errorf("%w: it has %d bytes, the limit is %d", ErrTooLong, len(text), MaxBytes)
	}
	for at, r := range text {
		if r == 0 {
			return fmt.Errorf("%w: NUL at byte %d", ErrNotText, at)
		}
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[at:]); size == 1 {
				return fmt.Errorf("%w: byte %d", ErrNotText, at)
			}
		}
	}
	return nil
}

// Summarize runs all steps at once, as a workflow does one by one.
func Summarize(text string, options Options) (Summary, error) {
	doc, err := Split(text)
	if err != nil {
		return Summary{}, err
	}
	chunks := doc.Chunks()
	var counts []Vocabulary
	for _, chunk := range chunks {
		counts = append(counts, Count(chunk))
	}
	vocabulary := Merge(counts...)
	var candidates []Candidate
	for _, chunk := range chunks {
		candidates = append(candidates, ScoreChunk(chunk, vocabulary)...)
	}
	return Compose(doc.Outline(), vocabulary, Rank(candidates, options), options), nil
}
