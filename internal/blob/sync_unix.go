//go:build unix

package blob

import "errors"

// syncDir puts a directory's entries on the disk.
func (d *folder) syncDir(path string) error {
	f, err := d.root.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
