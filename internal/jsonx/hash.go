package jsonx

import (
	"encoding/binary"
	"math/bits"
)

// Seeds of the kinds of values. They are part of stored fingerprints.
const (
	seedWord   = 0x9e3779b97f4a7c15
	seedNumber = 0xbf58476d1ce4e5b9
	seedString = 0x94d049bb133111eb
	seedArray  = 0xd6e8feb86659fd93
	seedObject = 0xa0761d6478bd642f
	multiplier = 0xe7037ed1a0b428db
)

// mix folds two words into one by a 128-bit product.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^multiplier, b^seedObject)
	return hi ^ lo ^ bits.RotateLeft64(a, 29) ^ b
}

// fingerprint is a 64-bit hash of b. It is stable and quick, not a defence against someone who wants two of his own
// requests to look alike.
func fingerprint(seed uint64, b []byte) uint64 {
	h := seed ^ uint64(len(b))*multiplier
	for len(b) >= 8 {
		h = mix(h, binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	if len(b) > 0 {
		var tail uint64
		for i, c := range b {
			tail |= uint64(c) << (8 * i)
		}
		h = mix(h, tail)
	}
	return mix(h, seed)
}
