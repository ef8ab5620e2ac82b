package execution

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func anyID(t *rapid.T, name string) ID {
	return MakeID(rapid.Int64Range(0, 1<<48-1).Draw(t, name+" ms"), rapid.Uint16().Draw(t, name+" counter"), rapid.Uint64().Draw(t, name+" tail"))
}

func TestIDsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms, counter, tail := rapid.Int64Range(0, 1<<48-1).Draw(t, "ms"), rapid.Uint16().Draw(t, "counter"), rapid.Uint64().Draw(t, "tail")
		id := MakeID(ms, counter, tail)
		prefix := rapid.SampledFrom([]string{PrefixExecution, PrefixWorkflow, PrefixVersion, ""}).Draw(t, "prefix")
		text := id.Text(prefix)
		if back, ok := ParseID(prefix, text); !ok || back != id {
			t.Fatalf("%s comes back as %s, %t", text, back, ok)
		}
		if len(text) != len(prefix)+26 || strings.ToLower(text) != text {
			t.Fatalf("%q is not 26 lower-case characters after its prefix", text)
		}
		if back := IDFromParts(id.Order(), id.Tail()); back != id {
			t.Fatalf("%s comes back from its parts as %s", id, back)
		}
		if id.Millis() != ms || id.Order() != ms<<12|int64(counter&0xfff) || id.Order() < 0 || id.Tail() != int64(tail<<2>>2) || id.Shard() != int(tail&1023) {
			t.Fatalf("%s of (%d, %d, %d) has the parts %d %d %d %d", id, ms, counter, tail, id.Millis(), id.Order(), id.Tail(), id.Shard())
		}
		if id[6]>>4 != 7 || id[8]>>6 != 2 || id.IsZero() {
			t.Fatalf("%x is not a UUIDv7", id)
		}
	})
}

func TestIDsSortByTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyID(t, "a"), anyID(t, "b")
		if a.Order() == b.Order() {
			return
		}
		earlier := a.Order() < b.Order()
		if bytes.Compare(a[:], b[:]) < 0 != earlier || a.String() < b.String() != earlier || a.Millis() > b.Millis() && earlier {
			t.Fatalf("%s (%d) and %s (%d) sort differently as text, bytes and time", a, a.Order(), b, b.Order())
		}
	})
}

func TestTextsThatAreNoIDs(t *testing.T) {
	good := MakeID(1_790_000_000_000, 5, 1<<61+12345).String()
	bad := []string{
		"", "exec_", good[5:], good + "0", good[:len(good)-1], strings.ToUpper(good), "EXEC_" + good[5:], "wf_" + good[5:], " " + good, good + "\n",
		"exec_8" + good[6:], "exec_z" + good[6:], // above 128 bits
		"exec_00000000000000000000000000", // nothing
		"exec_7zzzzzzzzzzzzzzzzzzzzzzzzz", // another version of UUID
		"exec_é" + good[7:], "exec_\x00" + good[6:],
	}
	for i, bits := range map[int]byte{6: 0x40, 8: 0xc0} { // another version, another variant
		id := MakeID(1_790_000_000_000, 5, 12345)
		id[i] = id[i]&0x0f | bits
		bad = append(bad, id.String())
	}
	for _, letter := range "ilouILOU-_ " {
		bad = append(bad, good[:10]+string(letter)+good[11:])
	}
	for _, text := range bad {
		if id, ok := ParseID(PrefixExecution, text); ok {
			t.Errorf("%q is read as %s", text, id)
		}
	}
	if _, ok := ParseID(PrefixExecution, good); !ok {
		t.Errorf("%q is not read", good)
	}
}

// FuzzParseID holds reading to writing: only what AppendText writes of a UUIDv7 is read, so one thing has one name, also
// for a store that keeps Order and Tail alone.
func FuzzParseID(f *testing.F) {
	f.Add("exec_", MakeID(1_790_000_000_000, 5, 12345).String())
	f.Add("exec_", "exec_00000000000000000000000000")
	f.Add("wf_", "exec_7zzzzzzzzzzzzzzzzzzzzzzzzz")
	f.Add("", "01j9x")
	other := MakeID(1_790_000_000_000, 5, 12345)
	other[6] ^= 0x30
	f.Add("exec_", other.String())
	f.Add("exec_", "exec_0\xff000000000000000000000000")
	f.Fuzz(func(t *testing.T, prefix, text string) {
		id, ok := ParseID(prefix, text)
		if !ok {
			if !id.IsZero() {
				t.Fatalf("%q is refused and gives %x", text, id)
			}
			return
		}
		if back := id.Text(prefix); back != text {
			t.Fatalf("%q is read as %q", text, back)
		}
		if back := IDFromParts(id.Order(), id.Tail()); back != id {
			t.Fatalf("%q shares its order and tail with %s", text, back)
		}
	})
}
