// Package jsonx reads and writes JSON at the server's door: one pass that checks a text more strictly than the
// standard library, fingerprints it and decodes known objects, without reflection and nearly without garbage.
//
// It accepts what encoding/json accepts, except
//
//   - bytes that are not UTF-8, and escapes of half a surrogate pair such as "\ud800": they have no text to stand for,
//   - two members of one object with the same name, compared after unescaping,
//   - nesting deeper than MaxDepth.
//
// Names are compared exactly, never by folding case. NUL ("\u0000") is a character like any other. Numbers keep their
// text, so that no digit is lost on the way to a worker.
package jsonx
