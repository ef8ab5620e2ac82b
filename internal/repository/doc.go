// Package repository holds the tests about the repository itself: who may import whom, that every package says what it
// is for, that links in Markdown lead somewhere, and what go.mod may hold. It has no code of its own.
package repository
