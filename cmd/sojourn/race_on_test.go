//go:build race

package main

// raced: the race detector takes several times the memory, so that limits on memory say nothing.
const raced = true
