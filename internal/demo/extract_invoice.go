package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/sojournhq/sojourn/internal/demo/invoice"
	"github.com/sojournhq/sojourn/sdk/go"
)

// The document is given in one of three ways. That is said with if, then and else rather than oneOf, for their messages
// name the property that is missing or too many.
var invoiceInput = json.RawMessage(`{
  "type": "object",
  "properties": {
    "document": {"type": "object", "required": ["fileId"], "description": "the PDF file, uploaded"},
    "contract_document": {"type": "object", "required": ["fileId"], "description": "another name for document"},
    "path": {"type": "string", "minLength": 1, "maxLength": 4096, "description": "PDF file on the worker's machine"},
    "content_base64": {"type": "string", "minLength": 1, "description": "the PDF file itself"},
    "filename": {"type": "string", "minLength": 1, "maxLength": 255, "description": "its name, with content_base64"}
  },
  "additionalProperties": false,
  "dependentRequired": {"filename": ["content_base64"]},
  "if": {"anyOf": [{"required": ["document"]}, {"required": ["contract_document"]}]},
  "then": {"maxProperties": 1},
  "else": {
    "if": {"required": ["content_base64"]},
    "then": {"properties": {"path": false}},
    "else": {"required": ["path"]}
  }
}`)

var invoiceCauses = []cause{
	{invoice.ErrNoText, "no_text"},
	{invoice.ErrNotPDF, "not_pdf"},
	{invoice.ErrEncrypted, "encrypted"},
	{invoice.ErrCorrupt, "corrupt"},
	{invoice.ErrTooLarge, "too_large"},
	{os.ErrNotExist, "file_not_found"},
	{os.ErrPermission, "file_not_readable"},
	{errNotFile, "not_a_file"},
	{errNotBase64, "not_base64"},
	{errChanged, "file_changed"},
}

var (
	errNotFile   = errors.New("this is not a file")
	errNotBase64 = errors.New("content_base64 is not base64")
	errChanged   = errors.New("the file has changed since it was first read; start again")
)

// maxInvoice is the size of the largest file that invoice.Text takes, and one byte for it to see more.
const maxInvoice = 20<<20 + 1

// document is where the PDF file is.
type document struct {
	Document *sojourn.File `json:"document"`
	Contract *sojourn.File `json:"contract_document"`
	Path     string        `json:"path"`
	Content  string        `json:"content_base64"`
	Filename string        `json:"filename"`
}

// source is what the execution records of the file: enough to know it again, not the file itself.
type source struct {
	Name   string `json:"name"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// registerExtractInvoice offers the reading of an invoice: a PDF file goes in, its number, dates, parties, lines and
// totals come out, with the arithmetic checked. What the document does not show is null.
func registerExtractInvoice(w *sojourn.Worker) {
	sojourn.Handle(w, "extract-invoice", func(ctx *sojourn.Context, in document) (invoice.Invoice, error) {
		var none invoice.Invoice
		const steps = 6
		done := 0
		report := func() { done++; ctx.Progress(float64(done) / steps) }

		// A disk may have a bad moment, so reading is tried again; a file that is not there is not (see permanent).
		patience := sojourn.Retry{MaxAttempts: 3, Initial: 200 * time.Millisecond}
		known, err := sojourn.Step(ctx, "read", func(ctx context.Context) (source, error) {
			_, known, err := in.read(ctx)
			return known, permanent(err, invoiceCauses)
		}, patience)
		if err != nil {
			return none, err
		}
		report()
		pages, err := sojourn.Step(ctx, "text", func(ctx context.Context) ([]string, error) {
			// The file is read once more: the attempt that recorded the step before may have died in between.
			data, now, err := in.read(ctx)
			if err == nil && now != known {
				err = errChanged
			}
			if err != nil {
				return nil, permanent(err, invoiceCauses)
			}
			pages, err := invoice.Text(data)
			return pages, permanent(err, invoiceCauses)
		}, patience)
		if err != nil {
			return none, err
		}
		report()
		header, err := sojourn.Step(ctx, "header", func(context.Context) (invoice.Header, error) {
			return invoice.FindHeader(pages), nil
		})
		if err != nil {
			return none, err
		}
		report()
		items, err := sojourn.Step(ctx, "items", func(context.Context) ([]invoice.Item, error) {
			return invoice.FindItems(pages), nil
		})
		if err != nil {
			return none, err
		}
		report()
		totals, err := sojourn.Step(ctx, "totals", func(context.Context) (invoice.Totals, error) {
			return invoice.FindTotals(pages), nil
		})
		if err != nil {
			return none, err
		}
		report()
		findings, err := sojourn.Step(ctx, "check", func(context.Context) ([]invoice.Finding, error) {
			return invoice.Check(header, items, totals), nil
		})
		if err != nil {
			return none, err
		}
		report()
		result := invoice.Invoice{Header: header, Items: items, Totals: totals, Findings: findings}
		if !result.OK() {
			ctx.Log("the printed amounts do not fit together; see findings")
		}
		return result, nil
	}, sojourn.InputSchema(invoiceInput), sojourn.Description("Reads an invoice from a PDF file and checks its arithmetic."))
}

// read returns the file's content and what identifies it.
func (d document) read(ctx context.Context) ([]byte, source, error) {
	for _, f := range []*sojourn.File{d.Document, d.Contract} {
		if f != nil {
			data, err := download(ctx, *f)
			return data, identify(f.Name, data), err
		}
	}
	if d.Content != "" {
		data, err := base64.StdEncoding.DecodeString(d.Content)
		if err != nil {
			return nil, source{}, fmt.Errorf("%w: %w", errNotBase64, err)
		}
		return data, identify(d.Filename, data), nil
	}
	path, err := filepath.Abs(d.Path) // errors then say where the worker looked
	if err != nil {
		return nil, source{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, source{}, err
	}
	if !info.Mode().IsRegular() {
		return nil, source{}, fmt.Errorf("%s: %w", path, errNotFile) // a device or a pipe might never end
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, source{}, err
	}
	var data bytes.Buffer
	_, err = io.Copy(&data, io.LimitReader(f, maxInvoice))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, source{}, err
	}
	return data.Bytes(), identify(filepath.Base(path), data.Bytes()), nil
}

// download reads an uploaded file.
func download(ctx context.Context, f sojourn.File) ([]byte, error) {
	r, err := f.Open(ctx)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, maxInvoice))
	return data, errors.Join(err, r.Close())
}

func identify(name string, data []byte) source {
	sum := sha256.Sum256(data)
	return source{Name: name, Bytes: len(data), SHA256: hex.EncodeToString(sum[:])}
}
