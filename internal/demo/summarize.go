package demo

import (
	"context"
	"encoding/json"

	"github.com/sojournhq/sojourn/internal/demo/summary"
	"github.com/sojournhq/sojourn/sdk/go"
)

var summarizeInput = json.RawMessage(`{
  "type": "object",
  "properties": {
    "text": {"type": "string", "minLength": 1, "description": "what to summarize"},
    "sentences": {"type": "integer", "minimum": 1, "maximum": 100, "description": "most sentences; default 7"},
    "characters": {"type": "integer", "minimum": 1, "maximum": 100000, "description": "most characters; default 3000"},
    "keywords": {"type": "integer", "minimum": 1, "maximum": 100, "description": "most keywords; default 10"}
  },
  "required": ["text"],
  "additionalProperties": false
}`)

var summarizeCauses = []cause{
	{summary.ErrEmpty, "no_sentences"}, {summary.ErrTooLong, "text_too_long"}, {summary.ErrNotText, "not_text"},
}

// registerSummarize offers a summary of a long text. Its work grows with the input, so it is cut into chunks of a step
// each: a crash costs one chunk, and the progress can be watched.
func registerSummarize(w *sojourn.Worker) {
	type input struct {
		Text string `json:"text"`
		summary.Options
	}
	sojourn.Handle(w, "summarize", func(ctx *sojourn.Context, in input) (summary.Summary, error) {
		var none summary.Summary
		// Taking the text apart is quick and always gives the same, so it is no step: each attempt does it anew, and the
		// sentences need not be recorded.
		document, err := summary.Split(in.Text)
		if err != nil {
			return none, permanent(err, summarizeCauses)
		}
		outline, err := sojourn.Step(ctx, "outline", func(context.Context) (summary.Outline, error) {
			return document.Outline(), nil
		})
		if err != nil {
			return none, err
		}
		chunks := document.Chunks()
		done, all := 1, 2*len(chunks)+2
		report := func() { done++; ctx.Progress(float64(done) / float64(all)) }

		counts := make([]summary.Vocabulary, len(chunks))
		for i, chunk := range chunks {
			if counts[i], err = sojourn.Step(ctx, "count", func(context.Context) (summary.Vocabulary, error) {
				return summary.Count(chunk), nil
			}, sojourn.Key(chunk.Number)); err != nil {
				return none, err
			}
			report()
		}
		vocabulary := summary.Merge(counts...)

		var candidates []summary.Candidate
		for _, chunk := range chunks {
			best, err := sojourn.Step(ctx, "score", func(context.Context) ([]summary.Candidate, error) {
				return summary.ScoreChunk(chunk, vocabulary), nil
			}, sojourn.Key(chunk.Number))
			if err != nil {
				return none, err
			}
			candidates = append(candidates, best...)
			report()
		}
		ranked, err := sojourn.Step(ctx, "rank", func(context.Context) ([]summary.Candidate, error) {
			return summary.Rank(candidates, in.Options), nil
		})
		if err != nil {
			return none, err
		}
		report()
		return summary.Compose(outline, vocabulary, ranked, in.Options), nil
	}, sojourn.InputSchema(summarizeInput), sojourn.Description("Picks the sentences that say most of a long text."))
}
