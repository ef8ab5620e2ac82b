// Package api serves the native HTTP API: it decodes a request, calls the engine and encodes the answer.
//
// The whole surface is the table in routes.go. spec/openapi.yaml says the same in the language of its readers, and the
// tests hold each to the other: no route without an entry, no request or response that the document does not allow.
package api
