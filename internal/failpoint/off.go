//go:build !failpoints

package failpoint

// Enabled says whether the binary was built with failpoints.
const Enabled = false

// Hit does nothing in a normal build.
func Hit(string) error { return nil }
